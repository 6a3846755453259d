# SPDX-License-Identifier: MIT
"""What a driver builds in memory: command headers, command descriptors and their PRD tables.

All of it is little-endian.
"""

from __future__ import annotations

import struct
from collections.abc import Callable

HEADER_SIZE = 16
CFIS_SIZE = 32
SFIS = 0x20  # where a command descriptor has room for the status FIS
SFIS_SIZE = 32
ACMD, ACMD_SIZE = 0x40, 16
TABLE_PRDT = 0x60  # where the PRD table begins in a command descriptor
PRD_SIZE = 16
DIRECT_PRDS = 16
"""PRDs in a command descriptor; the last of them may point to more."""

_HEADER = struct.Struct("<IIII")
_PRD = struct.Struct("<I8xI")
_EXTENSION = 1 << 31
_WRITE_FPDMA_QUEUED = 0x61
_COUNT = (1 << 22) - 1
_DWORD = ~3 & 0xFFFFFFFF

ReadMemory = Callable[[int, int], bytes]


class Header:
    """A command header: CDA, the lengths, TTL and the attributes."""

    __slots__ = (
        "atapi",
        "bist",
        "descriptor",
        "fis_size",
        "fpdma",
        "prds",
        "reset",
        "total",
    )

    def __init__(self, data: bytes, offset: int) -> None:
        address, lengths, total, attributes = _HEADER.unpack_from(data, offset)
        self.descriptor: int = address & _DWORD
        self.fis_size: int = lengths & 0x7C  # of the command FIS, in bytes
        self.prds: int = lengths >> 16 & 0x3F  # entries of the PRD table, those that point included
        self.total: int = total & _DWORD  # bytes to transfer
        self.atapi = bool(attributes & 0x20)
        self.bist = bool(attributes & 0x440)  # BIST, or the vendor's own
        self.reset = bool(attributes & 0x80)
        self.fpdma = bool(attributes & 0x100)  # a queued command

    @property
    def size(self) -> int:
        """Bytes of the command descriptor that are read at first."""
        return TABLE_PRDT + PRD_SIZE * min(self.prds, DIRECT_PRDS)


class Command:
    """A command slot as fetched, and how far its data has come."""

    __slots__ = (
        "_index",
        "_inside",
        "_left",
        "_prds",
        "ahead",
        "fis",
        "header",
        "packet",
        "slot",
        "transferred",
    )

    def __init__(self, slot: int, header: Header, descriptor: bytes) -> None:
        self.slot = slot
        self.header = header
        self.fis = descriptor[:CFIS_SIZE]
        self.packet: bytes | None = descriptor[ACMD : ACMD + ACMD_SIZE] if header.atapi else None
        self.transferred = 0
        self.ahead: bytes | None = None  # data to the device, read before it was asked for
        self._prds: list[tuple[int, int]] = []
        self._left = header.prds  # entries that are not in `_prds` yet
        self._extend(descriptor[TABLE_PRDT:])
        self._index = 0
        self._inside = 0  # bytes of PRD `_index` that are done

    @property
    def is_queued_write(self) -> bool:
        """Whether it is WRITE FPDMA QUEUED."""
        return self.header.fpdma and self.fis[2] == _WRITE_FPDMA_QUEUED

    def more_prds(self) -> tuple[int, int] | None:
        """Where the rest of the PRD table lies, address and size; None when it is all here.

        The last entry that is here says so, when it is an indirect one.
        """
        if not self._left or not self._prds:
            return None
        address, flags = self._prds[-1]
        return (address & _DWORD, self._left * PRD_SIZE) if flags & _EXTENSION else None

    def add_prds(self, data: bytes) -> None:
        """What `more_prds` asked for, in place of the entry that pointed to it."""
        self._prds.pop()
        self._extend(data)

    def _extend(self, data: bytes) -> None:
        """Entries up to the first indirect one: what comes after it is where it points to."""
        for address, flags in _PRD.iter_unpack(data):
            self._prds.append((address, flags))
            self._left -= 1
            if flags & _EXTENSION:
                break

    def take(self, count: int, read: ReadMemory) -> list[tuple[int, int]]:
        """The next `count` bytes of the buffer as (address, size) pieces; fewer at its end.

        More of the PRD table is read with `read`, and what that raises is raised.
        """
        pieces = []
        while count and self._index < len(self._prds):
            address, flags = self._prds[self._index]
            if flags & _EXTENSION:
                more = self.more_prds()
                if more is None:
                    break
                self.add_prds(read(*more))
                continue
            left = (flags & _COUNT & _DWORD or _COUNT + 1) - self._inside
            size = min(count, left)
            pieces.append(((address & _DWORD) + self._inside, size))
            self.transferred += size
            count -= size
            if size < left:
                self._inside += size
            else:
                self._inside = 0
                self._index += 1
        return pieces

    def whole(self, limit: int) -> list[tuple[int, int]]:
        """The buffer as (address, size) pieces; none when it is over `limit` bytes or not here."""
        pieces = []
        for address, flags in self._prds:
            size = flags & _COUNT & _DWORD or _COUNT + 1
            limit -= size
            if flags & _EXTENSION or limit < 0:
                return []
            pieces.append((address & _DWORD, size))
        return pieces

    def seek(self, position: int, read: ReadMemory) -> None:
        """Go to byte `position` of the buffer, or its end. Raises as `take`."""
        if position != self.transferred:
            if position < self.transferred:
                self.transferred = self._index = self._inside = 0
                self.ahead = None
            self.take(position - self.transferred, read)
