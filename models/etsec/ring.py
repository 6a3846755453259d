# SPDX-License-Identifier: MIT
"""Buffer descriptors in memory, fetched several at once as the hardware prefetches them."""

from __future__ import annotations

import struct
from collections import deque
from collections.abc import Callable
from dataclasses import dataclass

__all__ = ["BD_SIZE", "PREFETCH", "Descriptor", "Ring"]

BD_SIZE = 8
PREFETCH = 32
"""Descriptors fetched at once, at the most and within a page: what lies behind a ring's end may not
be the device's to read."""

_PAGE = 4096
_LOW = 0xFFFFFFFF


@dataclass(frozen=True, slots=True)
class Descriptor:
    """A descriptor: its own address, what it held, and the low half of the next one's address."""

    address: int
    flags: int
    length: int
    buffer: int
    following: int

    def close(self, flags: int, length: int) -> tuple[int, bytes]:
        """The piece of memory to write for these flags and this length."""
        return self.address, struct.pack(">HH", flags, length)


class Ring:
    """The descriptors from `pointer` on. `high` are the upper 32 bits of all addresses, `base` is
    where a descriptor with the `wrap` flag leads to. `read` is the DMA, whose errors come through.
    """

    def __init__(
        self, read: Callable[[int, int], bytes], high: int, base: int, pointer: int, wrap: int
    ) -> None:
        self._read = read
        self._high = high << 32
        self._base = base
        self._wrap = wrap
        self._fetched: deque[tuple[int, int, int]] = deque()
        self._taken: set[int] = set()
        self.pointer = pointer  # low half of the address of the next descriptor

    @property
    def exhausted(self) -> bool:
        """Whether the next descriptor was taken already: they have come round."""
        return self.pointer in self._taken

    @property
    def fetched(self) -> int:
        """Descriptors that the next calls of `take` give without a DMA."""
        return len(self._fetched)

    def take(self) -> Descriptor:
        """The next descriptor."""
        pointer = self.pointer
        self._taken.add(pointer)
        if not self._fetched:
            count = min(PREFETCH, (_PAGE - pointer % _PAGE) // BD_SIZE)
            self._fetched.extend(
                struct.iter_unpack(">HHI", self._read(self._high | pointer, count * BD_SIZE))
            )
        flags, length, buffer = self._fetched.popleft()
        following = pointer + BD_SIZE & _LOW
        if flags & self._wrap:
            following = self._base
            self._fetched.clear()
        self.pointer = following
        return Descriptor(self._high | pointer, flags, length, buffer, following)
