# SPDX-License-Identifier: MIT
"""What a driver builds in memory: command headers, command tables and their PRD tables.

AHCI 1.3.1, section 4.2. All of it is little-endian, whatever the byte order of the registers.
"""

from __future__ import annotations

import struct
from collections.abc import Callable

HEADER_SIZE = 0x20
TABLE_PRDT = 0x80  # where the PRD table begins in a command table
ACMD = 0x40
PRD_SIZE = 16
PRDS_AT_ONCE = 256
"""PRDs read together with the command table; and the more of a longer table, a time."""

_MORE_PRDS = 4096
_HEADER = struct.Struct("<IIII")
_PRD = struct.Struct("<III I")
_INTERRUPT = 1 << 31
_WRITE_FPDMA_QUEUED = 0x61
_COUNT = (1 << 22) - 1

ReadMemory = Callable[[int, int], bytes]


class BadPrd(Exception):
    """A PRD whose address or byte count is odd."""


class Header:
    """A command header: DW0 to DW3."""

    __slots__ = (
        "atapi",
        "bist",
        "cfl",
        "clear_busy",
        "pmp",
        "prdtl",
        "reset",
        "table",
        "write",
    )

    def __init__(self, data: bytes, offset: int, address_mask: int) -> None:
        options, _, low, high = _HEADER.unpack_from(data, offset)
        self.cfl: int = options & 0x1F  # length of the command FIS in dwords
        self.atapi = bool(options & 0x20)
        self.write = bool(options & 0x40)
        self.reset = bool(options & 0x100)
        self.bist = bool(options & 0x200)
        self.clear_busy = bool(options & 0x400)
        self.pmp: int = options >> 12 & 0xF
        self.prdtl: int = options >> 16  # entries of the PRD table
        self.table: int = (low & ~0x7F | high << 32) & address_mask

    @property
    def table_size(self) -> int:
        """Bytes of the command table that are read at first."""
        return TABLE_PRDT + PRD_SIZE * min(self.prdtl, PRDS_AT_ONCE)


class Command:
    """A command slot as fetched, and how far its data has come."""

    __slots__ = (
        "_address_mask",
        "_first",
        "_index",
        "_inside",
        "_prds",
        "ahead",
        "fis",
        "header",
        "packet",
        "slot",
        "transferred",
    )

    def __init__(self, slot: int, header: Header, table: bytes, address_mask: int) -> None:
        self.slot = slot
        self.header = header
        self.fis = table[:ACMD]
        self.packet: bytes | None = table[ACMD : ACMD + 16] if header.atapi else None
        self.transferred = 0
        self.ahead: bytes | None = None  # data to the device, read before it was asked for
        self._address_mask = address_mask
        self._prds = table[TABLE_PRDT:]
        self._first = 0  # the PRD that `_prds` begins with
        self._index = 0
        self._inside = 0  # bytes of PRD `_index` that are done

    @property
    def is_queued_write(self) -> bool:
        """Whether it is WRITE FPDMA QUEUED."""
        return self.fis[2] == _WRITE_FPDMA_QUEUED and self.header.write

    def take(self, count: int, read: ReadMemory) -> tuple[list[tuple[int, int]], bool]:
        """The next `count` bytes of the buffer as (address, size) pieces; fewer at its end.

        The flag says that a PRD with its interrupt bit was finished. More of the PRD table is read
        with `read`. Raises BadPrd, and what `read` raises.
        """
        pieces = []
        interrupt = False
        while count and self._index < self.header.prdtl:
            low, high, _, flags = self._prd(read)
            if low & 1 or not flags & 1:
                raise BadPrd
            left = (flags & _COUNT) + 1 - self._inside
            size = min(count, left)
            pieces.append((((low | high << 32) + self._inside) & self._address_mask, size))
            self.transferred += size
            count -= size
            if size < left:
                self._inside += size
            else:
                self._inside = 0
                self._index += 1
                if flags & _INTERRUPT:
                    interrupt = True
        return pieces, interrupt

    def whole(self, limit: int) -> list[tuple[int, int]]:
        """The buffer as (address, size) pieces; none when it is long, bad or over `limit` bytes."""
        if self.header.prdtl > PRDS_AT_ONCE:
            return []
        pieces = []
        for low, high, _, flags in _PRD.iter_unpack(self._prds):
            size = (flags & _COUNT) + 1
            limit -= size
            if low & 1 or size & 1 or limit < 0:
                return []
            pieces.append(((low | high << 32) & self._address_mask, size))
        return pieces

    def seek(self, position: int, read: ReadMemory) -> None:
        """Go to byte `position` of the buffer, or its end. Raises as `take`."""
        if position != self.transferred:
            if position < self.transferred:
                self.transferred = self._index = self._inside = 0
                self.ahead = None
            self.take(position - self.transferred, read)

    def _prd(self, read: ReadMemory) -> tuple[int, int, int, int]:
        at = (self._index - self._first) * PRD_SIZE
        if not 0 <= at < len(self._prds):
            count = min(_MORE_PRDS, self.header.prdtl - self._index)
            start = self.header.table + TABLE_PRDT + self._index * PRD_SIZE
            self._prds = read(start & self._address_mask, count * PRD_SIZE)
            self._first = self._index
            at = 0
        return _PRD.unpack_from(self._prds, at)
