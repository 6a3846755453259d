# SPDX-License-Identifier: MIT
"""A port's link and the device at its other end, and the lines that a scenario pulls."""

from __future__ import annotations

import threading
from collections.abc import Callable
from typing import Protocol

from models.ahci.batch import UFIS_SIZE, Batch
from models.ahci.config import Config
from models.ahci.engine import Engine
from models.ahci.registers import PxCMD, PxIS, PxSCTL, PxSERR, PxTFD
from models.ahci.state import PortState
from models.ahci.transfer import link_error_bits
from models.alarm import AlarmFactory
from models.ata.transport import AtaDevice, LinkErrors
from testbed.errors import Stage, TestbedError
from testbed.remoteport.device import Dma

_SUD = PxCMD.SUD.mask
_N, _X, _W = PxSERR.N.mask, PxSERR.X.mask, PxSERR.W.mask
_PRCS, _PCS = PxIS.PRCS.mask, PxIS.PCS.mask
NO_DEVICE, PRESENCE, COMMUNICATION, OFFLINE = 0, 1, 3, 4  # PxSSTS.DET
ACTIVE, PARTIAL, SLUMBER = 1, 2, 6  # PxSSTS.IPM, PxCMD.ICC
FORBIDS = {PARTIAL: 1, SLUMBER: 2}  # in PxSCTL.IPM
_FASTEST_DEVICE = 3


class Controller(Protocol):
    """The controller, as its ports see it."""

    name: str
    config: Config
    dma: Dma
    lock: threading.RLock

    alarm: AlarmFactory

    def defer(self, work: Callable[[], None], *, before_answer: bool = False) -> None: ...

    def port_pending(self, index: int) -> None: ...


class PortLink:
    """The link of one port of a controller, and the device on it.

    `plug`, `unplug`, `lose_link`, `restore_link`, `receive_unknown_fis` and `link_error` may be
    called from any thread. They wait for work under way, a few milliseconds at most.
    """

    def __init__(self, controller: Controller, index: int, device: AtaDevice | None) -> None:
        self.index = index
        self.name = f"{controller.name} port {index}"
        self.config = controller.config
        self.lock = controller.lock
        self.defer = controller.defer
        self.alarm = controller.alarm
        self.device = device
        self.deepest_queue = 0
        """The most commands that were ever outstanding at once (PxCI or PxSACT)."""
        self.state = PortState()
        self._controller = controller
        self._engine = Engine(self)
        if device is not None:
            device.attach(self._engine)

    @property
    def dma(self) -> Dma:
        """The controller's way to memory, as it is now: it may be replaced, to be watched."""
        return self._controller.dma

    # The lines

    def plug(self, device: AtaDevice) -> None:
        """Hot-plug `device`: it announces itself with COMINIT. TestbedError when one is there."""
        with self.lock:
            if self.device is not None:
                raise TestbedError(
                    Stage.MODEL, f"{self.name}: a device is plugged in already; unplug it first"
                )
            self.device = device
            self.state.link_lost = False
            device.attach(self._engine)
            self._engine.abort()
            self.connect()
            self.changed()

    def unplug(self) -> AtaDevice | None:
        """Pull the device out, in the middle of whatever it does; returns it, if there was one."""
        with self.lock:
            device, self.device = self.device, None
            self.link_down(NO_DEVICE)
            if device is not None:
                self._engine.release(device)
            self.changed()
            return device

    def lose_link(self) -> None:
        """Communication breaks down; the device stays plugged in and powered."""
        with self.lock:
            if not self.state.link_lost:
                self.state.link_lost = True
                if self.state.det == COMMUNICATION:
                    self.link_down(PRESENCE)
                self.changed()

    def restore_link(self) -> None:
        """After `lose_link`: the link comes up anew, which resets the device."""
        with self.lock:
            if self.state.link_lost:
                self.state.link_lost = False
                self._engine.abort()
                self.connect()
                self.changed()

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

    def link_down(self, det: int) -> None:
        """PhyRdy is gone: every transfer ends, and the port stops until software restarts it."""
        state = self.state
        if state.det == COMMUNICATION:
            state.serr |= _N
        state.det = det
        state.spd = state.ipm = 0
        state.tfd = 0x7F
        state.connecting = False
        self._engine.abort()
        state.halted = state.running

    def connect(self, *, cominit_seen: bool = True) -> None:
        """The link comes up if everything is there for it; the device's signature follows.

        `cominit_seen`: the device began, so that its COMINIT is noticed even when the port does
        not answer it (section 10.10.2, listen mode).
        """
        state = self.state
        if self.device is None or PxSCTL.DET.get(state.sctl):
            return
        if not state.cmd & _SUD:
            if cominit_seen:
                state.serr |= _X
            return
        if state.link_lost:
            state.det = PRESENCE
            return
        limit = PxSCTL.SPD.get(state.sctl) or self.config.speed
        state.det = COMMUNICATION
        state.spd = min(limit, self.config.speed, _FASTEST_DEVICE)
        state.ipm = ACTIVE
        state.serr |= _X | _N | _W
        state.tfd = PxTFD.BSY.mask
        state.connecting = True
        self._engine.poke()

    def set_power(self, power: int) -> None:
        """To active, partial or slumber, if the link is up and PxSCTL.IPM does not forbid it."""
        state = self.state
        if state.det != COMMUNICATION or state.ipm == power:
            return
        if PxSCTL.IPM.get(state.sctl) & FORBIDS.get(power, 0):
            return
        if power != ACTIVE and state.ipm != ACTIVE:
            return
        state.ipm = power
        state.serr |= _N | (_W if power == ACTIVE else 0)
