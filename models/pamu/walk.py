# SPDX-License-Identifier: MIT
"""From a LIODN and bus addresses to memory, by what the tables hold. Pure: reads no memory itself.

`Walk` works on entries that somebody has read, and tells which ones it looked at; what it could not
find there is to be read and the walk to be taken again.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import NamedTuple

from models.pamu.entry import ENTRY_SIZE, MAPPING_SIZE, PAGE_BITS, Entry
from models.pamu.registers import AVS1
from testbed.remoteport.iommu import Piece

__all__ = ["GATE_CLOSED", "INVALID_LIODN", "OperationError", "Tables", "Violation", "Walk"]

NOT_IN_PPAACT = AVS1.LAV.put(0, 1)
INVALID_LIODN = AVS1.LAV.put(0, 2)
OUTSIDE_WINDOW = AVS1.WAV.put(0, 1)
NOT_IN_SPAACT = AVS1.WAV.put(0, 2)
INVALID_SUBWINDOW = AVS1.WAV.put(0, 3)
ANOTHER_LIODN = AVS1.WAV.put(0, 4)
NO_READING = AVS1.APV.put(0, 1)
NO_WRITING = AVS1.APV.put(0, 2)
NOT_IN_OMT = AVS1.OTV.put(0, 1)
INVALID_OPERATION = AVS1.OTV.put(0, 2)
GATE_CLOSED = AVS1.GCV.mask

_BY_TABLE = 2  # OTM
_MOE_VALID = 0x80
_READ, _WRITE = 0, 1  # indexes of a mapping's entries


@dataclass(frozen=True, slots=True)
class Tables:
    """Where the tables lie, as registers say: base and limit, the first byte behind, of each.

    `count_bits` is the logarithm of how many subwindows there may be.
    """

    primary: tuple[int, int]
    secondary: tuple[int, int]
    mappings: tuple[int, int]
    count_bits: int


@dataclass(frozen=True, slots=True)
class Violation:
    """An access that is forbidden: bits of AVS1, and the first bus address refused."""

    bits: int
    address: int

    def __str__(self) -> str:
        return AVS1.describe(self.bits)


@dataclass(frozen=True, slots=True)
class OperationError:
    """A table entry, at `entry`, that memory refused or that makes no sense.

    `address` is the first bus address refused for it.
    """

    entry: int
    address: int

    def __str__(self) -> str:
        return f"bad table entry at {self.entry:#x}"


class _Area(NamedTuple):
    """Bus addresses of one part of the window, up to before `stop`, lie `shift` further on."""

    stop: int
    shift: int


class _Refused(Exception):
    """`bits` of a violation, or the address of a bad `entry`."""

    def __init__(self, bits: int = 0, entry: int | None = None) -> None:
        super().__init__()
        self.bits = bits
        self.entry = entry


class _NotRead(Exception):
    """An entry that is not among those given."""


class Walk:
    """The way of one transfer. `entries` are by address, None for what memory refused to tell.

    `wanted` has the address and size of every entry that was looked at, in that order, found or
    not. `complete` is whether all were found: then `results` are valid.
    """

    def __init__(
        self,
        tables: Tables,
        liodn: int,
        entries: Mapping[int, bytes | None],
        pieces: Sequence[Piece],
        write: bool,
    ) -> None:
        self.wanted: dict[int, int] = {}
        self.complete = True
        self.results: list[list[Piece] | Violation | OperationError] = []
        self._tables = tables
        self._liodn = liodn
        self._entries = entries
        self._write = write
        self._areas: dict[int, _Area | _Refused] = {}
        try:
            primary = self._primary()
        except _NotRead:
            self.complete = False
        except _Refused as refused:
            self.results = [_refusal(refused, address) for address, _ in pieces]
        else:
            self.results = [self._place(primary, address, size) for address, size in pieces]

    # Pieces

    def _place(
        self, primary: Entry, address: int, size: int
    ) -> list[Piece] | Violation | OperationError:
        """Where a piece lies, its parts joined where they are neighbours in memory."""
        places: list[Piece] = []
        while size:
            try:
                area = self._area(primary, address)
            except _Refused as refused:
                return _refusal(refused, address)
            except _NotRead:
                # Go on, so that all that has to be read is known at once.
                self.complete = False
                part = 1 << primary.part_bits
                length = min(size, part - (address - primary.window) % part)
            else:
                stop, shift = area
                length = size if address + size <= stop else stop - address
                where = address + shift
                if places and sum(places[-1]) == where:
                    places[-1] = (places[-1][0], places[-1][1] + length)
                else:
                    places.append((where, length))
            address += length
            size -= length
        return places

    def _area(self, primary: Entry, address: int) -> _Area:
        """The (sub)window that the address lies in."""
        offset = address - primary.window
        if offset >> primary.window_bits:  # -1 where the window begins further on
            raise _Refused(OUTSIDE_WINDOW)
        index = offset >> primary.part_bits
        area = self._areas.get(index)
        if area is None:
            try:
                area = self._subwindow(primary, index)
            except _Refused as refused:
                area = refused
            self._areas[index] = area
        if isinstance(area, _Refused):
            raise _Refused(area.bits, area.entry)
        if address >= area.stop:
            raise _Refused(OUTSIDE_WINDOW)
        return area

    # Entries

    def _read(self, address: int, size: int) -> bytes:
        self.wanted[address] = size
        try:
            data = self._entries[address]
        except KeyError:
            raise _NotRead from None
        if data is None:
            raise _Refused(entry=address)
        return data

    def _primary(self) -> Entry:
        """The primary entry, which makes sense."""
        base, limit = self._tables.primary
        place = base + self._liodn * ENTRY_SIZE
        if place + ENTRY_SIZE > limit:
            raise _Refused(NOT_IN_PPAACT)
        entry = Entry.decode(self._read(place, ENTRY_SIZE))
        if not entry.valid or entry.secondary:
            raise _Refused(INVALID_LIODN)
        too_many = entry.multiple and entry.count_bits > self._tables.count_bits
        if too_many or entry.part_bits < PAGE_BITS:
            raise _Refused(entry=place)
        return entry

    def _subwindow(self, primary: Entry, index: int) -> _Area:
        """Subwindow `index`; the whole window where there are none."""
        if index:
            entry, place = self._secondary(primary, index)
        else:
            entry = primary
            place = self._tables.primary[0] + self._liodn * ENTRY_SIZE
        if not entry.permissions & (2 if self._write else 1):
            raise _Refused(NO_WRITING if self._write else NO_READING)
        used = primary.part_bits
        if primary.multiple and entry.used_bits < used:
            used = entry.used_bits
        if entry.translation > 1 or entry.operations > _BY_TABLE or used < PAGE_BITS:
            raise _Refused(entry=place)
        if entry.operations == _BY_TABLE:
            self._check_operation(entry.mapping)
        start = primary.window + (index << primary.part_bits)
        shift = (entry.target >> used << used) - start if entry.translation else 0
        return _Area(start + (1 << used), shift)

    def _secondary(self, primary: Entry, index: int) -> tuple[Entry, int]:
        base, limit = self._tables.secondary
        place = base + (primary.first_secondary + index - 1) * ENTRY_SIZE
        if place + ENTRY_SIZE > limit:
            raise _Refused(NOT_IN_SPAACT)
        entry = Entry.decode(self._read(place, ENTRY_SIZE))
        if not entry.valid or not entry.secondary:
            raise _Refused(INVALID_SUBWINDOW)
        if entry.liodn != self._liodn:
            raise _Refused(ANOTHER_LIODN)
        return entry, place

    def _check_operation(self, index: int) -> None:
        base, limit = self._tables.mappings
        place = base + index * MAPPING_SIZE
        if place + MAPPING_SIZE > limit:
            raise _Refused(NOT_IN_OMT)
        mapping = self._read(place, MAPPING_SIZE)
        if not mapping[_WRITE if self._write else _READ] & _MOE_VALID:
            raise _Refused(INVALID_OPERATION)


def _refusal(refused: _Refused, address: int) -> Violation | OperationError:
    if refused.entry is not None:
        return OperationError(refused.entry, address)
    return Violation(refused.bits, address)
