# SPDX-License-Identifier: MIT
"""The device: registers of all PAMUs of a part, and a port for each LIODN behind them."""

from __future__ import annotations

from bisect import bisect_right
from collections.abc import Callable, Sequence
from typing import Any, ClassVar

from models.pamu.registers import MAX_UNITS, UNIT_SIZE, register_map
from models.pamu.unit import SAVED_NAMES, Unit
from models.pamu.walk import (
    GATE_CLOSED,
    INVALID_LIODN,
    OperationError,
    Tables,
    Violation,
    Walk,
)
from models.saved_state import Fields
from models.words import WordDevice
from testbed.errors import Stage, TestbedError
from testbed.remoteport.device import BusError, Link, Region, Response
from testbed.remoteport.iommu import Fetch, Piece, TranslatedLink

__all__ = ["Pamu", "PamuPort"]

MAX_LIODN = 0xFFFF
_GAP = 512
"""Bytes between two entries that are cheaper to read than to ask for the second one."""


def _never(unit: int) -> bool:
    return False


class Pamu(WordDevice):
    """`units` PAMUs of one part, whose registers lie one behind the other.

    `bypassed` tells of each unit, by number, whether the part lets accesses past it: see
    `DeviceConfig.pamu_bypassed`. `report_invalid` False mends erratum A-003638.
    """

    wires: ClassVar[tuple[str, ...]] = ("interrupt", "error")

    def __init__(
        self,
        name: str = "iommu",
        *,
        units: int = 1,
        bypassed: Callable[[int], bool] = _never,
        report_invalid: bool = True,
    ) -> None:
        if not 1 <= units <= MAX_UNITS:
            raise TestbedError(
                Stage.MODEL, f"{name}: {units} PAMUs, expected 1 to {MAX_UNITS}; correct `units`"
            )
        size = units * UNIT_SIZE
        super().__init__(name, "big", (Region("pamu", size, register_map(units)),))
        self.bypassed = bypassed
        self.report_invalid = report_invalid
        self.units = tuple(Unit(self._update_wires) for _ in range(units))

    def port(self, liodn: int, unit: int = 0) -> PamuPort:
        """What stands between memory and a device with that number, for its `dma.iommu`."""
        if not 0 <= liodn <= MAX_LIODN or not 0 <= unit < len(self.units):
            raise TestbedError(
                Stage.MODEL,
                f"{self.name}: no port for LIODN {liodn:#x} at PAMU {unit}; give a LIODN up to"
                f" {MAX_LIODN:#x} and a PAMU below {len(self.units)}",
            )
        return PamuPort(self, liodn, unit)

    def read_word(self, region: int, offset: int) -> int:
        unit, offset = divmod(offset, UNIT_SIZE)
        return self.units[unit].page.read(offset)

    def write_word(self, region: int, offset: int, value: int) -> None:
        unit, offset = divmod(offset, UNIT_SIZE)
        self.units[unit].page.write(offset, value)

    def reset(self) -> None:
        super().reset()
        for unit in self.units:
            unit.power_on()

    def save(self) -> dict[str, Any]:
        return {"units": [unit.save() for unit in self.units]}

    def load(self, state: dict[str, Any]) -> None:
        check = Fields(self.name, state, ("units",))
        items = check.exactly("units", len(self.units))
        parsed = [
            Unit.parse(check.part(f"units[{index}]", item, SAVED_NAMES))
            for index, item in enumerate(items)
        ]
        for unit, values in zip(self.units, parsed, strict=True):
            unit.take(values)
        self._update_wires()

    def _update_wires(self) -> None:
        self.set_wire("interrupt", any(unit.access_violation for unit in self.units))
        self.set_wire("error", any(unit.operation_error for unit in self.units))


class PamuPort:
    """A LIODN's way to memory through one PAMU. Any number of threads may use it."""

    def __init__(self, pamu: Pamu, liodn: int, unit: int) -> None:
        self.liodn = liodn
        self._pamu = pamu
        self._number = unit
        self._unit = pamu.units[unit]
        # Entries as the last transfer found them: what the next one reads first, never trusted.
        self._last: dict[int, bytes | None] = {}

    def over(self, link: Link) -> Link:
        return TranslatedLink(link, self)

    def translate(
        self, pieces: Sequence[Piece], write: bool, fetch: Fetch
    ) -> list[list[Piece] | BusError]:
        if self._pamu.bypassed(self._number):
            return [[piece] for piece in pieces]
        with self._pamu.lock:
            tables, closed = self._unit.tables, self._unit.gate_closed
        if tables is not None:
            results = self._walk(tables, pieces, write, fetch).results
        elif closed:
            results = [Violation(GATE_CLOSED, address) for address, _ in pieces]
        else:
            return [[piece] for piece in pieces]
        return [
            result if isinstance(result, list) else self._refuse(result, write)
            for result in results
        ]

    def _walk(self, tables: Tables, pieces: Sequence[Piece], write: bool, fetch: Fetch) -> Walk:
        """The walk by what memory holds now: every entry that counts has been read for it.

        Mostly that is what memory held the last time. So the entries that were looked at then are
        read first and at once, and when they are the same, so is the way.
        """
        entries = self._last.copy()
        read: dict[int, bytes | None] = {}
        walk = Walk(tables, self.liodn, entries, pieces, write)
        while unread := [piece for piece in walk.wanted.items() if piece[0] not in read]:
            same = walk.complete
            for (address, _), data in zip(unread, _gather(unread, fetch), strict=True):
                same = same and entries[address] == data
                read[address] = entries[address] = data
            if not same:
                walk = Walk(tables, self.liodn, entries, pieces, write)
        self._last = read
        return walk

    def _refuse(self, reason: Violation | OperationError, write: bool) -> BusError:
        pamu = self._pamu
        silent = reason.bits == INVALID_LIODN if isinstance(reason, Violation) else False
        if pamu.report_invalid or not silent:
            with pamu.lock:
                self._unit.refused(self.liodn, reason)
        verb = "write" if write else "read"
        return BusError(
            Response.ADDRESS_ERROR,
            f"{pamu.name}: DMA {verb} of LIODN {self.liodn:#x} at {reason.address:#x} refused:"
            f" {reason}",
        )


def _gather(entries: Sequence[Piece], fetch: Fetch) -> list[bytes | None]:
    """As `fetch`, but entries that lie close together are read as one piece of memory.

    The order stays that of the first of each: software makes an entry valid after those that it
    leads to.
    """
    if len(entries) == 1:
        return fetch(entries)
    turns = {address: turn for turn, (address, _) in enumerate(entries)}
    runs: list[tuple[int, int, int]] = []  # first turn, start and end
    for address, size in sorted(entries):
        turn, end = turns[address], address + size
        if runs and address - runs[-1][2] <= _GAP:
            runs[-1] = (min(turn, runs[-1][0]), runs[-1][1], end)
        else:
            runs.append((turn, address, end))
    found: dict[int, bytes] = {}
    pieces = [(start, end - start) for _, start, end in sorted(runs)]
    for (start, _), data in zip(pieces, fetch(pieces), strict=True):
        if data is None:
            return fetch(entries)  # only some of it may be refused
        found[start] = data
    starts = [start for _, start, _ in runs]
    result: list[bytes | None] = []
    for address, size in entries:
        start = starts[bisect_right(starts, address) - 1]
        result.append(found[start][address - start :][:size])
    return result
