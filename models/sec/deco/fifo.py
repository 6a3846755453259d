# SPDX-License-Identifier: MIT
"""The data FIFOs and alignment blocks as rows of bytes that keep the pieces they are given."""

from __future__ import annotations

from collections import deque

__all__ = ["Bytes", "OutputFifo"]


class Bytes:
    """Bytes in, bytes out, whole pieces handed through without a copy where they fit."""

    __slots__ = ("_offset", "_pieces", "size")

    def __init__(self) -> None:
        self._pieces: deque[bytes] = deque()
        self._offset = 0  # into the first piece
        self.size = 0

    def push(self, data: bytes) -> None:
        if data:
            self._pieces.append(data)
            self.size += len(data)

    def take(self, size: int) -> bytes:
        """The next `size` bytes, or all there are when those are fewer."""
        parts: list[bytes] = []
        size = min(size, self.size)
        self.size -= size
        while size:
            head = self._pieces[0]
            left = len(head) - self._offset
            if left > size:
                parts.append(head[self._offset : self._offset + size])
                self._offset += size
                break
            parts.append(head[self._offset :] if self._offset else head)
            self._pieces.popleft()
            self._offset = 0
            size -= left
        return parts[0] if len(parts) == 1 else b"".join(parts)

    def clear(self) -> None:
        self._pieces.clear()
        self._offset = 0
        self.size = 0


class OutputFifo:
    """The output data FIFO: one end that stores and moves take from, and the CHA pointer.

    The CHA pointer reads without taking, for info FIFO entries whose source is the output FIFO; it
    is never behind the end that takes.
    """

    __slots__ = ("_ahead", "_data")

    def __init__(self) -> None:
        self._data = bytearray()
        self._ahead = 0  # bytes of _data that the CHA pointer has passed

    @property
    def size(self) -> int:
        return len(self._data)

    @property
    def readable(self) -> int:
        """Bytes in front of the CHA pointer."""
        return len(self._data) - self._ahead

    def push(self, data: bytes) -> None:
        self._data += data

    def take(self, size: int) -> bytes:
        data = bytes(self._data[:size])
        del self._data[:size]
        self._ahead = max(0, self._ahead - len(data))
        return data

    def read(self, size: int) -> bytes:
        """What the CHA pointer passes next, at most `size` bytes."""
        data = bytes(self._data[self._ahead : self._ahead + size])
        self._ahead += len(data)
        return data

    def skip(self) -> None:
        """Put the CHA pointer behind the newest byte."""
        self._ahead = len(self._data)

    def rewind(self) -> None:
        """Put the CHA pointer back to the oldest byte."""
        self._ahead = 0

    def clear(self) -> None:
        self._data.clear()
        self._ahead = 0
