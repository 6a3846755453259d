# SPDX-License-Identifier: MIT
"""A register page made of 32-bit words, as QorIQ's are, and how wider and narrower accesses see it.

A 64-bit access is one access to each of its words, the lower address first. A narrower read gives
the bytes of the word it lies in; a narrower write does nothing, as the registers take whole words.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Literal

from testbed.remoteport.device import BusError, Device, Region, Response

__all__ = ["Page", "Reader", "WordDevice", "Writer"]

Reader = Callable[[], int]
Writer = Callable[[int], None]


class Page:
    """Words by offset: constant ones, and those that something reads or writes. The rest is
    zero, and ignores writes."""

    def __init__(
        self,
        constants: Mapping[int, int],
        readers: Mapping[int, Reader],
        writers: Mapping[int, Writer],
    ) -> None:
        self._constants = dict(constants)
        self._readers = dict(readers)
        self._writers = dict(writers)

    def read(self, offset: int) -> int:
        reader = self._readers.get(offset)
        if reader is not None:
            return reader()
        return self._constants.get(offset, 0)

    def write(self, offset: int, value: int) -> None:
        writer = self._writers.get(offset)
        if writer is not None:
            writer(value)


class WordDevice(Device):
    """A device whose regions are words. A subclass says what each is: `read_word`, `write_word`."""

    def __init__(
        self, name: str, byteorder: Literal["little", "big"], regions: tuple[Region, ...]
    ) -> None:
        super().__init__(name, byteorder)
        # The base declares the regions for the class; here they depend on parameters.
        vars(self)["regions"] = regions

    def read_word(self, region: int, offset: int) -> int:
        raise NotImplementedError

    def write_word(self, region: int, offset: int, value: int) -> None:
        raise NotImplementedError

    def read(self, region: int, offset: int, size: int) -> int:
        self._check(region, offset, size)
        if size == 4 and not offset & 3:
            return self.read_word(region, offset)
        order = self.byteorder
        first = offset & ~3
        data = b"".join(
            self.read_word(region, word).to_bytes(4, order)
            for word in range(first, offset + size, 4)
        )
        return int.from_bytes(data[offset - first : offset - first + size], order)

    def write(self, region: int, offset: int, size: int, value: int) -> None:
        self._check(region, offset, size)
        if size == 4 and not offset & 3:
            self.write_word(region, offset, value & 0xFFFFFFFF)
        elif size == 8 and not offset & 3:
            data = (value & (1 << 64) - 1).to_bytes(8, self.byteorder)
            self.write_word(region, offset, int.from_bytes(data[:4], self.byteorder))
            self.write_word(region, offset + 4, int.from_bytes(data[4:], self.byteorder))

    def _check(self, region: int, offset: int, size: int) -> None:
        regions = self.regions
        if not (0 <= region < len(regions) and 0 <= offset <= regions[region].size - size):
            raise BusError(
                Response.ADDRESS_ERROR,
                f"{self.name}: access of {size} bytes at {offset:#x} of region {region} leaves its"
                " registers",
            )
