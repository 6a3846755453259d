# SPDX-License-Identifier: MIT
"""The model's saved state: what it holds, and the checks a state passes before it is taken."""

from __future__ import annotations

from dataclasses import asdict, dataclass, fields
from typing import Any, Self

from models.ns16550a.registers import FCR, IER, LSR, MCR, MSR
from models.saved_state import Fields

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
        check = Fields(name, state, [field.name for field in fields(cls)])
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
            receiver_fifo=check.masked("receiver_fifo", FIFO_DEPTH, 0xFF | _CHARACTER_ERRORS << 8),
            transmitter_fifo=check.masked("transmitter_fifo", FIFO_DEPTH, 0xFF),
            shift_register=check.bits_or_none("shift_register", 0xFF),
            thre_interrupt=check.flag("thre_interrupt"),
            character_timeout=check.flag("character_timeout"),
        )
        result._agrees(check)
        return result

    def _agrees(self, check: Fields) -> None:
        fifo_mode = bool(self.fcr & FCR.FE.mask)
        depth = FIFO_DEPTH if fifo_mode else 1
        if self.fcr and not fifo_mode:
            raise check.error("fcr", "but FE is clear")
        for field, characters in (
            ("receiver_fifo", self.receiver_fifo),
            ("transmitter_fifo", self.transmitter_fifo),
        ):
            if len(characters) > depth:
                raise check.error(field, f"but {depth} characters fit")
        if not fifo_mode and self.receiver_fifo and self.receiver_fifo[0] > 0xFF:
            raise check.error("receiver_fifo", "but 16450 mode latches error bits")
        if self.transmitter_fifo and self.shift_register is None:
            raise check.error("transmitter_fifo", "but the shift register is empty")
        if self.transmitter_fifo and self.thre_interrupt:
            raise check.error("thre_interrupt", "but transmitter_fifo is not empty")
        if self.character_timeout and not (fifo_mode and self.receiver_fifo):
            raise check.error("character_timeout", "but no character is in a FIFO")
