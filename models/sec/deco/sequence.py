# SPDX-License-Identifier: MIT
"""The input and output sequences: the memory that the SEQ commands work through."""

from __future__ import annotations

from typing import Final

from models.sec.deco.bus import Bus
from models.sec.deco.errors import DecoError, ErrorCode
from models.sec.deco.fifo import Bytes
from models.sec.deco.scatter import Flat, Walk

__all__ = ["InputSequence", "OutputSequence"]

_READ_AHEAD: Final = 128 << 10
_WORD: Final = 0xFFFF_FFFF


class InputSequence:
    """`length` is SIL, the bytes left; `variable` is VSIL."""

    def __init__(self, bus: Bus) -> None:
        self._bus = bus
        self.walk: Walk = Flat(0, 0)
        self.length = 0
        self.variable = 0
        self._ready = Bytes()

    def reset(self) -> None:
        self.start(Flat(0, 0), 0)
        self.variable = 0

    def start(self, walk: Walk, length: int) -> None:
        """SEQ IN PTR."""
        self.walk = walk
        self.length = length
        self._ready.clear()

    def restart(self, length: int) -> None:
        """SEQ IN PTR with RTO: from the beginning again."""
        self.start(self.walk.restart(), length)

    def extend(self, length: int) -> None:
        """SEQ IN PTR with PRE: `length` more bytes of the same memory."""
        self.length = self.length + length & _WORD

    def _spend(self, size: int) -> None:
        if size > self.length:
            raise DecoError(ErrorCode.SEQUENCE)
        self.length -= size

    def read(self, size: int) -> bytes:
        """The next `size` bytes. With them comes the rest of a short sequence."""
        if not size:
            return b""
        before = self.length
        self._spend(size)
        ready = self._ready
        if ready.size < size:
            self._read_ahead(before - ready.size)
        if ready.size >= size:
            return ready.take(size)
        data = ready.take(size)
        return data + self._bus.read_pieces(self.walk.take(size - len(data)))

    def _read_ahead(self, size: int) -> None:
        if not 0 < size <= _READ_AHEAD:
            return
        walk = self.walk.copy()
        try:
            self._ready.push(self._bus.read_pieces(walk.take(size)))
        except DecoError:
            return  # perhaps the job never reads that far
        self.walk = walk

    def skip(self, size: int) -> None:
        self._spend(size)
        taken = min(size, self._ready.size)
        self._ready.take(taken)
        self.walk.skip(size - taken)


class OutputSequence:
    """`length` is SOL, the bytes left; `variable` is VSOL; `written`: bytes since the start."""

    def __init__(self, bus: Bus) -> None:
        self._bus = bus
        self.walk: Walk = Flat(0, 0)
        self.length = 0
        self.variable = 0
        self.written = 0

    def reset(self) -> None:
        self.start(Flat(0, 0), 0)
        self.variable = 0

    def start(self, walk: Walk, length: int) -> None:
        """SEQ OUT PTR."""
        self.walk = walk
        self.length = length
        self.written = 0

    def restart(self, length: int | None) -> None:
        """SEQ OUT PTR with RTO: from the beginning again; None gives back what was written."""
        total = self.length + self.written & _WORD if length is None else length
        self.start(self.walk.restart(), total)

    def extend(self, length: int) -> None:
        """SEQ OUT PTR with PRE."""
        self.length = self.length + length & _WORD

    def _spend(self, size: int) -> None:
        if size > self.length:
            raise DecoError(ErrorCode.SEQUENCE)
        self.length -= size
        self.written += size

    def place(self, size: int) -> list[tuple[int, int]]:
        """Where the next `size` bytes go."""
        self._spend(size)
        return self.walk.take(size)

    def skip(self, size: int) -> None:
        self._spend(size)
        self.walk.skip(size)

    def write(self, data: bytes) -> None:
        offset = 0
        for address, size in self.place(len(data)):
            self._bus.write(address, data[offset : offset + size])
            offset += size
