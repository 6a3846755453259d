# SPDX-License-Identifier: MIT
"""One PAMU of a part: its registers, what it captures, and when it interrupts."""

from __future__ import annotations

from collections.abc import Callable
from functools import partial

from models.pamu.registers import (
    AVAH,
    AVAL,
    AVS1,
    KEPT,
    OBAH,
    OBAL,
    OLAH,
    OLAL,
    PC,
    PC3,
    PICS,
    POEAH,
    POEAL,
    POES1,
    PPBAH,
    PPBAL,
    PPLAH,
    PPLAL,
    REGISTERS,
    SPBAH,
    SPBAL,
    SPLAH,
    SPLAL,
)
from models.pamu.walk import OperationError, Tables, Violation
from models.saved_state import Fields
from models.words import Page, Reader, Writer
from testbed.remoteport.registers import Register

__all__ = ["Unit"]

WORD = 0xFFFFFFFF

_AVS1_CLEARED = AVS1.defined & ~AVS1.LIODN.mask
_STATUS = PICS.AVICS.mask | PICS.POEICS.mask
_ENABLES = PICS.AVIE.mask | PICS.POEIE.mask
# What is saved, and the bits that each register has.
_SAVED: dict[type[Register], int] = {
    **dict.fromkeys(KEPT, WORD),
    POES1: POES1.defined,
    POEAH: WORD,
    POEAL: WORD,
    AVS1: AVS1.defined,
    AVAH: WORD,
    AVAL: WORD,
    PICS: PICS.defined,
}


class Unit:
    """Registers of one PAMU. `changed` is called after PICS has changed.

    Every method is to be called with the model's lock held.
    """

    def __init__(self, changed: Callable[[], None]) -> None:
        self._changed = changed
        self._values = {register: register.reset for register in _SAVED}
        readers: dict[int, Reader] = {}
        writers: dict[int, Writer] = {}
        for offset, register in REGISTERS.items():
            if register in _SAVED:
                readers[offset] = partial(self._read, register)
            if register in KEPT:
                writers[offset] = partial(self._keep, register)
        offsets = {register: offset for offset, register in REGISTERS.items()}
        writers[offsets[AVS1]] = partial(self._clear, AVS1, _AVS1_CLEARED)
        writers[offsets[POES1]] = partial(self._clear, POES1, POES1.POED.mask)
        writers[offsets[PICS]] = self._write_pics
        constants = {offset: register.reset for offset, register in REGISTERS.items()}
        self.page = Page(constants, readers, writers)

    def power_on(self) -> None:
        self._values = {register: register.reset for register in _SAVED}

    # What the rest of the model asks for

    @property
    def tables(self) -> Tables | None:
        """Where the tables lie; None while the PAMU does not look at them."""
        if not self._values[PC] & PC.PE.mask:
            return None
        return Tables(
            (self._address(PPBAH, PPBAL), self._address(PPLAH, PPLAL)),
            (self._address(SPBAH, SPBAL), self._address(SPLAH, SPLAL)),
            (self._address(OBAH, OBAL), self._address(OLAH, OLAL)),
            PC3.MWCE.get(PC3.reset) + 1,
        )

    @property
    def gate_closed(self) -> bool:
        """Whether everything is refused as long as there are no tables."""
        return bool(self._values[PC] & PC.PGC.mask)

    @property
    def access_violation(self) -> bool:
        """Whether the interrupt for access violations is asserted."""
        pics = self._values[PICS]
        return bool(pics & PICS.AVICS.mask and pics & PICS.AVIE.mask)

    @property
    def operation_error(self) -> bool:
        """Whether the interrupt for operation errors is asserted."""
        pics = self._values[PICS]
        return bool(pics & PICS.POEICS.mask and pics & PICS.POEIE.mask)

    def refused(self, liodn: int, reason: Violation | OperationError) -> None:
        """Capture an access of `liodn`, unless an earlier one is still there, and report it."""
        values = self._values
        if isinstance(reason, Violation):
            if not values[AVS1] & AVS1.AV.mask:
                values[AVS1] = AVS1.LIODN.put(reason.bits | AVS1.AV.mask, liodn)
                self._put_address(AVAH, AVAL, reason.address)
            values[PICS] |= PICS.AVICS.mask
        else:
            if not values[POES1] & POES1.POED.mask:
                values[POES1] |= POES1.POED.mask
                self._put_address(POEAH, POEAL, reason.entry)
            values[PICS] |= PICS.POEICS.mask
        self._changed()

    # State

    def save(self) -> dict[str, int]:
        """Every register that holds something, by name."""
        return {register.__name__: value for register, value in self._values.items()}

    @staticmethod
    def parse(check: Fields) -> dict[type[Register], int]:
        """The values in a saved state, for `take`."""
        return {register: check.bits(register.__name__, bits) for register, bits in _SAVED.items()}

    def take(self, values: dict[type[Register], int]) -> None:
        self._values = values

    # Registers

    def _address(self, high: type[Register], low: type[Register]) -> int:
        return self._values[high] << 32 | self._values[low]

    def _put_address(self, high: type[Register], low: type[Register], address: int) -> None:
        self._values[high] = address >> 32
        self._values[low] = address & WORD

    def _read(self, register: type[Register]) -> int:
        return self._values[register]

    def _keep(self, register: type[Register], value: int) -> None:
        self._values[register] = value

    def _clear(self, register: type[Register], mask: int, value: int) -> None:
        self._values[register] &= ~(value & mask)

    def _write_pics(self, value: int) -> None:
        pics = self._values[PICS]
        self._values[PICS] = pics & _STATUS & ~value | value & _ENABLES
        self._changed()


SAVED_NAMES = tuple(register.__name__ for register in _SAVED)
"""Fields of a saved unit."""
