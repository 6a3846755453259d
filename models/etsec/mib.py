# SPDX-License-Identifier: MIT
"""The MIB counters (RMON): what each frame adds to them, and what happens when one overflows."""

from __future__ import annotations

from collections.abc import Callable

from models.etsec.addresses import BROADCAST, is_group
from models.etsec.registers import (
    CAM1,
    CAM2,
    CAR1,
    CAR2,
    COUNTER_OFFSETS,
    COUNTERS,
    ECNTRL,
    RREJ,
    TYPES,
)
from models.etsec.state import State
from testbed.remoteport.registers import Register

__all__ = ["COUNTER_REGISTERS", "Mib"]

FCS = 4
_CONTROL, _VLAN = b"\x88\x08", b"\x81\x00"
_PAUSE = b"\x00\x01"

COUNTER_REGISTERS = {name: TYPES[offset] for name, offset in COUNTER_OFFSETS.items()}
_NAMES = list(COUNTERS)
_SECOND = frozenset(_NAMES[_NAMES.index("TBYT") :])
"""Counters whose carry is in CAR2."""

_SIZES = ((64, "TR64"), (127, "TR127"), (255, "TR255"), (511, "TR511"), (1023, "TR1K"))
_UNTAGGED, _TAGGED = 1518, 1522


class Mib:
    """The counters of `state`. `overflowed` is called when a carry that is not masked was set."""

    def __init__(self, state: Callable[[], State], overflowed: Callable[[], None]) -> None:
        self._state = state
        self._overflowed = overflowed

    def read(self, register: type[Register]) -> int:
        """A counter's value; reading clears it where ECNTRL says so."""
        state = self._state()
        value = state[register]
        if state[ECNTRL] & ECNTRL.AUTOZ.mask:
            state[register] = 0
        return value

    def clear(self) -> None:
        """ECNTRL.CLRCNT."""
        state = self._state()
        for register in COUNTER_REGISTERS.values():
            state[register] = 0

    def add(self, name: str, count: int = 1) -> None:
        """Count, while ECNTRL.STEN is set."""
        state = self._state()
        if not state[ECNTRL] & ECNTRL.STEN.mask:
            return
        register = COUNTER_REGISTERS[name]
        bits, carry = COUNTERS.get(name, RREJ)
        value = state[register] + count
        state[register] = value & (1 << bits) - 1
        if value >> bits:
            second = name in _SECOND
            car, cam = (CAR2, CAM2) if second else (CAR1, CAM1)
            state[car] |= carry
            if carry & ~state[cam]:
                self._overflowed()

    def received(self, data: bytes, bad_fcs: bool) -> None:
        """A frame came, whoever it is for. `data` is without its FCS."""
        if not self._state()[ECNTRL] & ECNTRL.STEN.mask:
            return
        size = len(data) + FCS
        tagged = data[12:14] == _VLAN
        longest = _TAGGED if tagged else _UNTAGGED
        self.add("RPKT")
        self.add("RBYT", size)
        if size < 64:
            self.add("RFRG" if bad_fcs else "RUND")
            return
        if size > longest:
            self.add("RJBR" if bad_fcs else "ROVR")
        elif bad_fcs:
            self.add("RFCS")
        self._size(size, tagged and not bad_fcs)
        if bad_fcs:
            return
        if data[:6] == BROADCAST:
            self.add("RBCA")
        elif is_group(data):
            self.add("RMCA")
        if data[12:14] == _CONTROL:
            self.add("RXCF")
            self.add("RXPF" if data[14:16] == _PAUSE else "RXUO")

    def transmitted(self, data: bytes, bad_fcs: bool) -> None:
        """A frame was sent; `data` as for `received`."""
        if not self._state()[ECNTRL] & ECNTRL.STEN.mask:
            return
        size = len(data) + FCS
        tagged = data[12:14] == _VLAN
        self.add("TPKT")
        self.add("TBYT", size)
        if size < 64:
            self.add("TFRG" if bad_fcs else "TUND")
        elif size > (_TAGGED if tagged else _UNTAGGED):
            self.add("TJBR" if bad_fcs else "TOVR")
        elif bad_fcs:
            self.add("TFCS")
        self._size(size, tagged and not bad_fcs)
        if data[:6] == BROADCAST:
            self.add("TBCA")
        elif is_group(data):
            self.add("TMCA")
        if data[12:14] == _CONTROL:
            self.add("TXCF")
            if data[14:16] == _PAUSE:
                self.add("TXPF")

    def _size(self, size: int, good_vlan: bool) -> None:
        if size < 64:
            return
        for limit, name in _SIZES:
            if size <= limit:
                self.add(name)
                return
        if size <= _UNTAGGED:
            self.add("TRMAX")
        elif size <= _TAGGED and good_vlan:
            self.add("TRMGV")
