# SPDX-License-Identifier: MIT
"""How the registers of an AHCI port follow its link."""

from __future__ import annotations

import threading
from collections.abc import Callable
from typing import Protocol

from models.ahci.batch import UFIS_SIZE, Batch
from models.ahci.config import Config
from models.ahci.engine import Engine
from models.ahci.registers import PxCMD, PxIS, PxTFD
from models.ahci.state import PortState
from models.ahci.transfer import link_error_bits
from models.alarm import AlarmFactory
from models.ata.transport import AtaDevice, LinkErrors
from models.sata.link import SerialLink
from models.sata.scr import ACTIVE, PARTIAL, SLUMBER, SError
from testbed.errors import Stage, TestbedError
from testbed.remoteport.device import Dma

_SUD = PxCMD.SUD.mask
_N, _X, _W = SError.N.mask, SError.X.mask, SError.W.mask
_PRCS, _PCS = PxIS.PRCS.mask, PxIS.PCS.mask


class Controller(Protocol):
    """The controller, as its ports see it."""

    name: str
    config: Config
    dma: Dma
    lock: threading.RLock

    alarm: AlarmFactory

    def defer(self, work: Callable[[], None], *, before_answer: bool = False) -> None: ...

    def port_pending(self, index: int) -> None: ...


class PortLink(SerialLink):
    """The link of one port of a controller, and the device on it.

    `receive_unknown_fis` may be called from any thread, as the lines of `SerialLink`.
    """

    def __init__(self, controller: Controller, index: int, device: AtaDevice | None) -> None:
        super().__init__(
            f"{controller.name} port {index}", controller.lock, device, controller.config.speed
        )
        self.index = index
        self.config = controller.config
        self.defer = controller.defer
        self.alarm = controller.alarm
        self.state = PortState()
        self._controller = controller
        self._engine = Engine(self)
        if device is not None:
            self._engine.attach_to(device)

    @property
    def dma(self) -> Dma:
        """The controller's way to memory, as it is now: it may be replaced, to be watched."""
        return self._controller.dma

    @property
    def link(self) -> PortState:
        return self.state

    @property
    def engine(self) -> Engine:
        return self._engine

    # The lines

    def link_error(self, kind: LinkErrors, fatal: bool) -> None:
        """An error of the link: PxSERR and PxIS.IFS (`fatal`, the port stops) or INFS."""
        with self.lock:
            state = self.state
            serr, is_ = link_error_bits(kind, fatal)
            state.serr |= serr
            state.is_ |= is_
            if fatal:
                self._engine.abort()
                state.halted = state.running
            self.changed()

    def receive_unknown_fis(self, frame: bytes) -> None:
        """Let a FIS of an unknown type arrive: whole dwords, up to 64 bytes."""
        if not 0 < len(frame) <= UFIS_SIZE or len(frame) % 4:
            raise TestbedError(
                Stage.MODEL,
                f"{self.name}: an unknown FIS of {len(frame)} bytes; give 4 to {UFIS_SIZE} in"
                " whole dwords",
            )
        with self.lock:
            self._engine.unknown_fis(bytes(frame))

    # The port's side; the lock is held.

    @property
    def listens(self) -> bool:
        """PxCMD.SUD; without it the port is in listen mode (section 10.10.2)."""
        return bool(self.state.cmd & _SUD)

    def link_came(self) -> None:
        self.state.tfd = PxTFD.BSY.mask

    def link_went(self) -> None:
        self.state.tfd = 0x7F
        self.state.halted = self.state.running

    def changed(self) -> None:
        """Registers changed that interrupts or the link's power depend on."""
        state = self.state
        cmd = state.cmd
        if (
            cmd & PxCMD.ALPE.mask
            and state.ipm == ACTIVE
            and state.running
            and not (state.ci or state.sact or state.halted or state.connecting)
        ):
            self.set_power(SLUMBER if cmd & PxCMD.ASP.mask else PARTIAL)
        if self.read_is() & state.ie:
            self._controller.port_pending(self.index)

    def link_awake(self, batch: Batch) -> None:
        """A command wakes the link."""
        self.state.ipm = ACTIVE
        batch.serr |= _N | _W

    def read_is(self) -> int:
        """PxIS."""
        state = self.state
        value, serr = state.is_, state.serr
        if serr & _N:
            value |= _PRCS
        if serr & _X:
            value |= _PCS
        return value
