# SPDX-License-Identifier: MIT
"""The controller's one port: its registers, its resets and its saved state."""

from __future__ import annotations

import threading
from collections.abc import Callable
from typing import Any, Protocol

from models.alarm import AlarmFactory
from models.ata.transport import AtaDevice, LinkErrors
from models.fsl_sata.coalescing import Coalescing
from models.fsl_sata.engine import Engine
from models.fsl_sata.registers import (
    COMMANDS,
    HCONTROL,
    HSTATUS,
    INTERRUPTS,
    LATCHED,
    SCONTROL,
    SSTATUS,
)
from models.fsl_sata.state import (
    HCONTROL_STORED,
    ICC_STORED,
    SCONTROL_STORED,
    WORD,
    State,
)
from models.fsl_sata.transfer import link_error_bits
from models.sata.link import SAVED, SerialLink
from models.sata.scr import ACTIVE, NO_DEVICE, OFFLINE, PARTIAL, SLUMBER
from models.saved_state import Fields
from models.words import Reader, Writer
from testbed.remoteport.device import Dma

SPEED = 2  # generation

_ONOFF, _FORCE_OFFLINE = HCONTROL.ONOFF.mask, HCONTROL.FORCE_OFFLINE.mask
_CLEAR_ERROR = HCONTROL.CLEAR_ERROR.mask
_PHY_RDY = HSTATUS.PHY_RDY.mask
_COMRESET, _PHY_OFFLINE = 1, 4  # SCONTROL.DET
_POWER = {1: PARTIAL, 2: SLUMBER, 4: ACTIVE}  # by SCONTROL.SPM


class Controller(Protocol):
    """The controller, as its port sees it."""

    name: str
    dma: Dma
    lock: threading.RLock

    alarm: AlarmFactory

    def defer(self, work: Callable[[], None], *, before_answer: bool = False) -> None: ...

    def set_wire(self, wire: int | str, level: bool) -> None: ...


class Port(SerialLink):
    """The port of a controller: what the lines of `SerialLink` pull at, seen through registers."""

    def __init__(self, controller: Controller, device: AtaDevice | None, tick: float) -> None:
        super().__init__(controller.name, controller.lock, device, SPEED)
        self.defer = controller.defer
        self.alarm = controller.alarm
        self.state = State()
        self._controller = controller
        self._engine = Engine(self)
        self._coalescing = Coalescing(self, tick)
        if device is not None:
            self._engine.attach_to(device)

    @property
    def dma(self) -> Dma:
        """The controller's way to memory, as it is now: it may be replaced, to be watched."""
        return self._controller.dma

    @property
    def link(self) -> State:
        return self.state

    @property
    def engine(self) -> Engine:
        return self._engine

    def link_error(self, kind: LinkErrors, fatal: bool) -> None:
        """An error of the link: SERROR, and with `fatal` HSTATUS.FATAL_ERR, and the port stops.

        Nothing while the controller is offline: its Phy is in reset.
        """
        with self.lock:
            if not self.listens:
                return
            state = self.state
            serr, hstatus = link_error_bits(kind, fatal)
            state.serr |= serr
            state.hstatus |= hstatus
            if fatal:
                self._engine.abort()
                state.halted = True
            self.changed()

    # The link; the lock is held.

    @property
    def listens(self) -> bool:
        """Whether the controller is online: its Phy is in reset otherwise."""
        return bool(self.state.hcontrol & _ONOFF)

    def link_came(self) -> None:
        self.state.hstatus |= _PHY_RDY

    def link_went(self) -> None:
        # Commands that wait are not for whatever device the link will find.
        self.state.halted = bool(self.state.halted or self.state.cqr | self.state.car)
        # When software took the link down it is told nothing that it does not know.
        if self.listens and not SCONTROL.DET.get(self.state.sctl):
            self.state.hstatus |= _PHY_RDY

    def changed(self) -> None:
        """Registers changed that interrupts depend on."""
        pending = self.read_hstatus() & self.state.hcontrol & INTERRUPTS
        self._controller.set_wire(0, bool(pending))

    def completed(self) -> None:
        """CCR has more bits."""
        self._coalescing.completed()

    # The controller; the lock is held.

    def power_on(self) -> None:
        """Everything to its value after power-on."""
        self._engine.abort()
        self._coalescing.forget()
        self._engine.poke_anew()
        self.state = State(link_lost=self.state.link_lost)
        self.changed()

    def resume(self) -> None:
        """There is a machine to transfer for, perhaps another one."""
        self._engine.poke_anew()

    def quiesce(self) -> None:
        """Let nothing wait that could be done."""
        self._engine.hurry()

    def save(self) -> dict[str, Any]:
        return self.saved(self.state.to_json(), self._engine.save_transfers())

    def parse(self, state: Any, where: Fields) -> tuple[State, int, Any]:
        """Check a saved state, but for the device's."""
        check = where.part("port", state, SAVED)
        device = self.device_state(check)
        parsed = State.from_json(check.value("registers"), check)
        return parsed, check.number("deepest_queue", COMMANDS.bit_count()), device

    def take(self, state: State, deepest_queue: int) -> None:
        """Take over a checked state."""
        self._engine.abort()
        self._coalescing.forget()
        self.state = state
        self.deepest_queue = deepest_queue
        self._coalescing.completed()
        self._engine.poke_anew()
        self.changed()

    # Registers

    def readers(self) -> dict[int, Reader]:
        """What reading each register does, by offset."""
        return {
            0x00: lambda: self.state.cqr,
            0x08: lambda: self.state.car,
            0x10: lambda: self.state.ccr,
            0x18: lambda: self.state.cer,
            0x20: lambda: self.state.der,
            0x24: lambda: self.state.chba,
            0x28: self.read_hstatus,
            0x2C: lambda: self.state.hcontrol,
            0x30: lambda: self.state.cqpmp,
            0x34: lambda: self.state.sig,
            0x38: lambda: self.state.icc,
            0x100: self._read_sstatus,
            0x104: lambda: self.state.serr,
            0x108: lambda: self.state.sctl,
            0x10C: lambda: self.state.sntf,
        }

    def writers(self) -> dict[int, Writer]:
        """What writing each register does."""
        return {
            0x00: self._write_cqr,
            0x10: self._write_ccr,
            0x18: self._write_cer,
            0x20: self._write_der,
            0x24: self._write_chba,
            0x28: self._write_hstatus,
            0x2C: self._write_hcontrol,
            0x30: self._write_cqpmp,
            0x38: self._write_icc,
            0x104: self._write_serror,
            0x108: self._write_scontrol,
            0x10C: self._write_snotification,
        }

    def read_hstatus(self) -> int:
        """HSTATUS."""
        state = self.state
        value = state.hstatus
        if state.due:
            value |= HSTATUS.CMD_COMPLETE.mask
        if state.der:
            value |= HSTATUS.DEVICE_ERR.mask
        if state.hcontrol & _ONOFF:
            value |= HSTATUS.ONLINE.mask
        elif self._engine.busy:
            value |= HSTATUS.ONLINE.mask | HSTATUS.GOING_OFFLINE.mask
        return value

    def _read_sstatus(self) -> int:
        state = self.state
        return SSTATUS.IPM.put(SSTATUS.SPD.put(state.det, state.spd), state.ipm)

    def _write_cqr(self, value: int) -> None:
        state = self.state
        new = value & COMMANDS & ~(state.cqr | state.car)
        if not new or not state.hcontrol & _ONOFF:
            return
        state.cqr |= new
        for slot in range(new.bit_length()):
            if new >> slot & 1:
                state.devices[slot] = state.cqpmp
        depth = (state.cqr | state.car).bit_count()
        if depth > self.deepest_queue:
            self.deepest_queue = depth
        if not state.halted:
            self._engine.rung()

    def _write_ccr(self, value: int) -> None:
        if self.state.ccr & value:
            self.state.ccr &= ~value
            self._engine.moderation.acknowledged()
            self._coalescing.cleared()
            self.changed()

    def _write_cer(self, value: int) -> None:
        self.state.cer &= ~value

    def _write_der(self, value: int) -> None:
        state = self.state
        cleared = state.der & value
        if not cleared:
            return
        state.der &= ~cleared
        slots = 0
        for device in range(cleared.bit_length()):
            if cleared >> device & 1:
                slots |= state.of_device(device)
        self._engine.abort()
        state.cqr &= ~slots
        state.ccr &= ~slots
        self._coalescing.cleared()
        self.changed()

    def _write_chba(self, value: int) -> None:
        self.state.chba = value & ~3

    def _write_hstatus(self, value: int) -> None:
        self.state.hstatus &= ~(value & LATCHED)
        self.changed()

    def _write_hcontrol(self, value: int) -> None:
        state = self.state
        old = state.hcontrol
        new = value & HCONTROL_STORED
        if value & _FORCE_OFFLINE:
            new &= ~_ONOFF
        state.hcontrol = new
        if old & ~new & _ONOFF:
            self._go_offline()
        elif new & ~old & _ONOFF:
            self.connect(cominit_seen=False)
        if new & _CLEAR_ERROR:
            self._clear_errors()
        self.changed()

    def _go_offline(self) -> None:
        """The Phy is put into reset, and all commands are forgotten."""
        state = self.state
        self.link_down(NO_DEVICE)
        state.cqr = state.car = state.ccr = 0
        state.update_signature = False
        self._coalescing.cleared()
        state.hstatus = 0
        self._clear_errors()

    def _clear_errors(self) -> None:
        state = self.state
        if state.der:
            self._write_der(WORD)
        state.cer = 0
        state.hstatus &= HSTATUS.PHY_RDY.mask | HSTATUS.SIGNATURE.mask | HSTATUS.SNOTIFY.mask
        if state.halted:
            state.halted = False
            self._engine.poke()

    def _write_cqpmp(self, value: int) -> None:
        self.state.cqpmp = value & 0xF

    def _write_icc(self, value: int) -> None:
        self.state.icc = value & ICC_STORED
        self._coalescing.forget()
        self._coalescing.completed()
        self.changed()

    def _write_serror(self, value: int) -> None:
        self.state.serr &= ~value

    def _write_snotification(self, value: int) -> None:
        self.state.sntf &= ~value

    def _write_scontrol(self, value: int) -> None:
        state = self.state
        old = SCONTROL.DET.get(state.sctl)
        state.sctl = value & SCONTROL_STORED
        new = SCONTROL.DET.get(state.sctl)
        if new == _COMRESET:
            self.link_down(NO_DEVICE)
        elif new == _PHY_OFFLINE:
            if state.det != OFFLINE:
                self.link_down(OFFLINE)
        elif not new and old in (_COMRESET, _PHY_OFFLINE):
            state.det = NO_DEVICE
            self.connect(cominit_seen=False)
        self.allow_power()
        power = _POWER.get(SCONTROL.SPM.get(value))
        if power is not None:
            self.set_power(power)
        self.changed()
