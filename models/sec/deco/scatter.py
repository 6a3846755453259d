# SPDX-License-Identifier: MIT
"""Scatter/gather tables and the walk along memory that they describe.

Source: struct sec4_sg_entry and SEC4_SG_* (drivers/crypto/caam/sg_sw_sec4.h and desc.h of Linux
6.12), struct dpaa2_sg_entry (include/soc/fsl/dpaa2-fd.h) for parts under a management complex.
"""

from __future__ import annotations

import struct
from copy import copy
from dataclasses import dataclass
from typing import Final, Literal, Protocol

from models.sec.deco.bus import Bus
from models.sec.deco.errors import DecoError, ErrorCode

__all__ = ["ENTRY_BYTES", "Flat", "Scatter", "TableFormat", "Walk", "first_read"]

ENTRY_BYTES: Final = 16
_FIRST_READ: Final = 16 * ENTRY_BYTES
_PAGE: Final = 4096

_EXTENSION: Final = 0x8000_0000
_FINAL: Final = 0x4000_0000
_LENGTH: Final = 0x3FFF_FFFF
_OFFSET: Final = 0x1FFF

_DPAA2_OFFSET: Final = 0x0FFF
_DPAA2_FINAL: Final = 0x8000
_DPAA2_TABLE: Final = 2  # format field: an entry that points to another table


@dataclass(frozen=True, slots=True)
class Entry:
    """One table entry: `length` bytes at `address`, or the table that goes on at `address`."""

    address: int
    length: int
    extension: bool
    final: bool


class TableFormat:
    """How the 16 bytes of an entry are laid out.

    `sec4`: a 64-bit address, a word of E, F and 30 bits of length, a word of pool and 13 bits of
    offset, all in the SoC's byte order. `dpaa2`: little-endian, F and format beside the offset.
    `pointer_mask` keeps the address bits that the part has.
    """

    def __init__(
        self,
        byteorder: Literal["little", "big"],
        high_word_first: bool,
        pointer_mask: int,
        layout: Literal["sec4", "dpaa2"] = "sec4",
    ) -> None:
        order = "<" if byteorder == "little" else ">"
        self._layout = layout
        self._words = struct.Struct(order + "4I")
        self._high_first = high_word_first
        self._mask = pointer_mask

    def decode(self, raw: bytes) -> Entry:
        if self._layout == "dpaa2":
            address, length, _, offset = struct.unpack("<QIHH", raw)
            return Entry(
                (address + (offset & _DPAA2_OFFSET)) & self._mask,
                length,
                (offset >> 12 & 3) == _DPAA2_TABLE,
                bool(offset & _DPAA2_FINAL),
            )
        first, second, length, offset = self._words.unpack(raw)
        address = first << 32 | second if self._high_first else second << 32 | first
        return Entry(
            (address + (offset & _OFFSET)) & self._mask,
            length & _LENGTH,
            bool(length & _EXTENSION),
            bool(length & _FINAL),
        )


class Walk(Protocol):
    """A place in memory that moves on as bytes are taken."""

    def take(self, size: int) -> list[tuple[int, int]]:
        """The next `size` bytes as (address, size) pieces; DecoError when the table ends before."""

    def skip(self, size: int) -> None: ...

    def restart(self) -> Walk:
        """The same place as at first."""

    def copy(self) -> Walk:
        """A walk of its own from here."""


class Flat:
    """Memory in one piece."""

    def __init__(self, address: int, mask: int) -> None:
        self._start = address
        self._address = address
        self._mask = mask

    def take(self, size: int) -> list[tuple[int, int]]:
        address = self._address
        self._address = address + size & self._mask
        return [(address, size)] if size else []

    def skip(self, size: int) -> None:
        self._address = self._address + size & self._mask

    def restart(self) -> Flat:
        return Flat(self._start, self._mask)

    def copy(self) -> Flat:
        return copy(self)


class Scatter:
    """Memory through a table at `table`; `bus` fetches it, a page's worth at a time at most."""

    def __init__(self, table: int, bus: Bus, layout: TableFormat) -> None:
        self._start = table
        self._table = table
        self._bus = bus
        self._layout = layout
        self._raw = b""
        self._position = 0
        self._size = _FIRST_READ
        self._address = 0
        self._left = 0
        self._final = False

    def restart(self) -> Scatter:
        return Scatter(self._start, self._bus, self._layout)

    def copy(self) -> Scatter:
        return copy(self)

    def skip(self, size: int) -> None:
        self._walk(size, None)

    def take(self, size: int) -> list[tuple[int, int]]:
        pieces: list[tuple[int, int]] = []
        self._walk(size, pieces)
        return pieces

    def _walk(self, size: int, pieces: list[tuple[int, int]] | None) -> None:
        while size:
            if not self._left:
                self._advance()
                continue
            part = min(size, self._left)
            if pieces is not None:
                pieces.append((self._address, part))
            self._address += part
            self._left -= part
            size -= part

    def _advance(self) -> None:
        """Make the next entry with data the current one."""
        if self._final:
            raise DecoError(ErrorCode.SGT_LENGTH)
        entry = self._layout.decode(self._next())
        if entry.extension:
            if not entry.address:
                raise DecoError(ErrorCode.SGT_NULL)
            self._table, self._raw, self._position = entry.address, b"", 0
            return
        if not entry.length and not entry.address and not entry.final:
            raise DecoError(ErrorCode.SGT_NULL)
        self._address, self._left, self._final = entry.address, entry.length, entry.final

    def _next(self) -> bytes:
        if self._position + ENTRY_BYTES > len(self._raw):
            self._table += self._position
            self._raw = self._fetch()
            self._position = 0
        raw = self._raw[self._position : self._position + ENTRY_BYTES]
        self._position += ENTRY_BYTES
        return raw

    def _fetch(self) -> bytes:
        """Entries from `_table` on: some, up to the end of the page, or one across it."""
        self._bus.spend(_PAGE)  # so that a table that leads back to itself ends soon
        ready = self._bus.fetched(self._table)
        whole = len(ready) // ENTRY_BYTES * ENTRY_BYTES
        if whole:
            return ready[:whole]
        size = first_read(self._table, self._size)
        self._size = _PAGE
        raw = self._bus.read(self._table, size)
        self._bus.keep(self._table, raw)
        return raw


def first_read(table: int, size: int = _FIRST_READ) -> int:
    """How much of a table to read at once: `size` bytes, but nothing of the next page."""
    rest = _PAGE - table % _PAGE
    return max(min(size, rest // ENTRY_BYTES * ENTRY_BYTES), ENTRY_BYTES)
