# SPDX-License-Identifier: MIT
"""The model's saved state: what it holds, and the checks a state passes before it is taken."""

from __future__ import annotations

from dataclasses import asdict, dataclass, fields
from typing import Any, Self

from models.ns16550a.registers import FCR, IER, LSR, MCR, MSR
from testbed.remoteport.device import StateError

FIFO_DEPTH = 16

_CHARACTER_ERRORS = LSR.PE.mask | LSR.FE.mask | LSR.BI.mask
_INPUTS = MSR.CTS.mask | MSR.DSR.mask | MSR.RI.mask | MSR.DCD.mask
_FCR_KEPT = FCR.FE.mask | FCR.DMA.mask | FCR.TRIGGER.mask


@dataclass(frozen=True)
class State:
    """Registers as read back, and what lies behind them. `latched` are LSR bits that stay until
    LSR is read; FIFO entries carry LSR's error bits above bit 8."""

    ier: int
    fcr: int
    lcr: int
    mcr: int
    scr: int
    divisor: int
    rbr: int
    latched: int
    deltas: int
    inputs: int
    receiver_fifo: list[int]
    transmitter_fifo: list[int]
    shift_register: int | None
    thre_interrupt: bool
    character_timeout: bool

    def to_json(self) -> dict[str, Any]:
        return asdict(self)

    @classmethod
    def power_on(cls, inputs: int) -> Self:
        """Table I, and zero where it leaves a register alone."""
        return cls(
            ier=0,
            fcr=0,
            lcr=0,
            mcr=0,
            scr=0,
            divisor=0,
            rbr=0,
            latched=0,
            deltas=0,
            inputs=inputs,
            receiver_fifo=[],
            transmitter_fifo=[],
            shift_register=None,
            thre_interrupt=False,
            character_timeout=False,
        )

    @classmethod
    def from_json(cls, state: dict[str, Any], name: str) -> Self:
        """Checked; StateError naming the field, of device `name`, when something does not fit."""
        check = _Check(name, state)
        result = cls(
            ier=check.bits("ier", IER.defined),
            fcr=check.bits("fcr", _FCR_KEPT),
            lcr=check.bits("lcr", 0xFF),
            mcr=check.bits("mcr", MCR.defined),
            scr=check.bits("scr", 0xFF),
            divisor=check.bits("divisor", 0xFFFF),
            rbr=check.bits("rbr", 0xFF),
            latched=check.bits("latched", _CHARACTER_ERRORS | LSR.OE.mask),
            deltas=check.bits("deltas", 0x0F),
            inputs=check.bits("inputs", _INPUTS),
            receiver_fifo=check.characters("receiver_fifo", 0xFF | _CHARACTER_ERRORS << 8),
            transmitter_fifo=check.characters("transmitter_fifo", 0xFF),
            shift_register=(
                None
                if check.value("shift_register") is None
                else check.bits("shift_register", 0xFF)
            ),
            thre_interrupt=check.flag("thre_interrupt"),
            character_timeout=check.flag("character_timeout"),
        )
        check.nothing_else({field.name for field in fields(cls)})
        result._agrees(check)
        return result

    def _agrees(self, check: _Check) -> None:
        fifo_mode = bool(self.fcr & FCR.FE.mask)
        depth = FIFO_DEPTH if fifo_mode else 1
        if self.fcr and not fifo_mode:
            raise check.error("fcr", "bits beside a clear FE")
        for field, characters in (
            ("receiver_fifo", self.receiver_fifo),
            ("transmitter_fifo", self.transmitter_fifo),
        ):
            if len(characters) > depth:
                raise check.error(field, f"more than the {depth} characters that fit")
        if not fifo_mode and self.receiver_fifo and self.receiver_fifo[0] > 0xFF:
            raise check.error("receiver_fifo", "error bits in 16450 mode, which latches them")
        if self.transmitter_fifo and self.shift_register is None:
            raise check.error("transmitter_fifo", "characters above an empty shift register")
        if self.transmitter_fifo and self.thre_interrupt:
            raise check.error("thre_interrupt", "true although transmitter_fifo is not empty")
        if self.character_timeout and not (fifo_mode and self.receiver_fifo):
            raise check.error("character_timeout", "true without a character in a FIFO")


class _Check:
    def __init__(self, name: str, state: dict[str, Any]) -> None:
        self.name = name
        self.state = state

    def error(self, field: str, problem: str) -> StateError:
        return StateError(f"{self.name}: field {field!r} of the saved state has {problem}")

    def value(self, field: str) -> Any:
        if field not in self.state:
            raise StateError(f"{self.name}: field {field!r} is missing in the saved state")
        return self.state[field]

    def bits(self, field: str, mask: int) -> int:
        return self._number(field, self.value(field), mask)

    def characters(self, field: str, mask: int) -> list[int]:
        value = self.value(field)
        if not isinstance(value, list):
            raise self.error(field, f"{value!r} where a list belongs")
        return [self._number(field, item, mask) for item in value]

    def flag(self, field: str) -> bool:
        value = self.value(field)
        if not isinstance(value, bool):
            raise self.error(field, f"{value!r} where true or false belongs")
        return value

    def nothing_else(self, known: set[str]) -> None:
        for field in self.state:
            if field not in known:
                raise StateError(f"{self.name}: field {field!r} of the saved state is not known")

    def _number(self, field: str, value: Any, mask: int) -> int:
        if not isinstance(value, int) or isinstance(value, bool):
            raise self.error(field, f"{value!r} where a number belongs")
        if value < 0 or value & ~mask:
            raise self.error(field, f"{value:#x}, beyond the bits {mask:#x}")
        return value
