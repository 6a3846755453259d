# SPDX-License-Identifier: MIT
"""A port's link and the device at its other end, and the lines that a scenario pulls."""

from __future__ import annotations

import threading
from abc import ABC, abstractmethod
from collections.abc import Mapping
from typing import Any, Protocol

from models.ata.transport import AtaDevice, LinkErrors
from models.sata.scr import (
    ACTIVE,
    COMMUNICATION,
    FORBIDS,
    NO_DEVICE,
    PRESENCE,
    SControl,
    SError,
)
from models.saved_state import Fields
from testbed.errors import Stage, TestbedError

_N, _X, _W = SError.N.mask, SError.X.mask, SError.W.mask
_FASTEST_DEVICE = 3

SAVED = ("registers", "deepest_queue", "device")
"""Fields of a port's saved state."""


class LinkState(Protocol):
    """What a port's state holds about its link, in the terms of SStatus, SControl and SError."""

    det: int
    spd: int
    ipm: int
    sctl: int
    serr: int
    link_lost: bool
    connecting: bool


class LinkEngine(Protocol):
    """What works on the commands of a port, as its link sees it."""

    def attach_to(self, device: AtaDevice) -> None:
        """Be the transport of a device that is there now."""

    def release(self, device: AtaDevice) -> None:
        """Detach a device, now or when it has ended what it does."""

    def abort(self) -> None:
        """End every transfer under way."""

    def poke(self) -> None:
        """See soon whether there is anything to do."""


class SerialLink(ABC):
    """The link of one port of a controller, and the device on it.

    `plug`, `unplug`, `lose_link`, `restore_link` and `link_error` may be called from any thread.
    They wait for work under way, a few milliseconds at most. The rest is the port's, called with
    `lock` held. A port says how its registers follow the link: `listens`, `link_came`, `link_went`,
    `changed`.
    """

    def __init__(
        self, name: str, lock: threading.RLock, device: AtaDevice | None, speed: int
    ) -> None:
        self.name = name
        self.lock = lock
        self.device = device
        self.deepest_queue = 0
        """The most commands that were ever outstanding at once."""
        self._speed = speed

    # What a port is

    @property
    @abstractmethod
    def link(self) -> LinkState:
        """The port's state."""

    @property
    @abstractmethod
    def engine(self) -> LinkEngine:
        """What works on the port's commands."""

    @property
    @abstractmethod
    def listens(self) -> bool:
        """Whether the port answers COMINIT."""

    @abstractmethod
    def link_came(self) -> None:
        """PhyRdy: registers that follow it."""

    @abstractmethod
    def link_went(self) -> None:
        """PhyRdy is gone, or is to go: the port stops."""

    @abstractmethod
    def changed(self) -> None:
        """Registers changed that interrupts depend on."""

    @abstractmethod
    def link_error(self, kind: LinkErrors, fatal: bool) -> None:
        """An error of the link, which stops what is under way when it is `fatal`."""

    # The lines

    def plug(self, device: AtaDevice) -> None:
        """Hot-plug `device`: it announces itself with COMINIT. TestbedError when one is there."""
        with self.lock:
            if self.device is not None:
                raise TestbedError(
                    Stage.MODEL, f"{self.name}: a device is plugged in already; unplug it first"
                )
            self.device = device
            self.link.link_lost = False
            self.engine.attach_to(device)
            self.engine.abort()
            self.connect()
            self.changed()

    def unplug(self) -> AtaDevice | None:
        """Pull the device out, in the middle of whatever it does; returns it, if there was one."""
        with self.lock:
            device, self.device = self.device, None
            self.link_down(NO_DEVICE)
            if device is not None:
                self.engine.release(device)
            self.changed()
            return device

    def lose_link(self) -> None:
        """Communication breaks down; the device stays plugged in and powered."""
        with self.lock:
            if not self.link.link_lost:
                self.link.link_lost = True
                if self.link.det == COMMUNICATION:
                    self.link_down(PRESENCE)
                self.changed()

    def restore_link(self) -> None:
        """After `lose_link`: the link comes up anew, which resets the device."""
        with self.lock:
            if self.link.link_lost:
                self.link.link_lost = False
                self.engine.abort()
                self.connect()
                self.changed()

    # State; the lock is held.

    def saved(self, registers: dict[str, Any], transfers: Mapping[int, int]) -> dict[str, Any]:
        """A port's state with its device's: `transfers` is how far each slot's data has come."""
        return {
            "registers": {**registers, "transfers": [list(item) for item in transfers.items()]},
            "deepest_queue": self.deepest_queue,
            "device": None if self.device is None else self.device.save(),
        }

    def device_state(self, check: Fields) -> dict[str, Any] | None:
        """The device's part of what `saved` gave, not looked into; None where the port has none.

        StateError when only one of them has a device.
        """
        device = check.value("device")
        if (device is None) != (self.device is None):
            there = "none" if self.device is None else "one"
            raise check.error("device", f"but the port has {there}")
        if device is not None and not isinstance(device, dict):
            raise check.error("device", "expected an object")
        return device

    # The port's side

    def link_down(self, det: int) -> None:
        """PhyRdy is gone: every transfer ends, and the port stops until software restarts it."""
        link = self.link
        if link.det == COMMUNICATION:
            link.serr |= _N
        link.det = det
        link.spd = link.ipm = 0
        link.connecting = False
        self.engine.abort()
        self.link_went()

    def connect(self, *, cominit_seen: bool = True) -> None:
        """The link comes up if everything is there for it; the device's signature follows.

        `cominit_seen`: the device began, so that its COMINIT is noticed even when the port does
        not answer it.
        """
        link = self.link
        if self.device is None or SControl.DET.get(link.sctl):
            return
        if not self.listens:
            if cominit_seen:
                link.serr |= _X
            return
        if link.link_lost:
            link.det = PRESENCE
            return
        limit = SControl.SPD.get(link.sctl) or self._speed
        link.det = COMMUNICATION
        link.spd = min(limit, self._speed, _FASTEST_DEVICE)
        link.ipm = ACTIVE
        link.serr |= _X | _N | _W
        link.connecting = True
        self.link_came()
        self.engine.poke()

    def set_power(self, power: int) -> None:
        """To active, partial or slumber, if the link is up and SControl.IPM does not forbid it."""
        link = self.link
        if link.det != COMMUNICATION or link.ipm == power:
            return
        if SControl.IPM.get(link.sctl) & FORBIDS.get(power, 0):
            return
        if power != ACTIVE and link.ipm != ACTIVE:
            return
        link.ipm = power
        link.serr |= _N | (_W if power == ACTIVE else 0)

    def allow_power(self) -> None:
        """SControl.IPM was written: a power state that it forbids ends."""
        link = self.link
        if SControl.IPM.get(link.sctl) & FORBIDS.get(link.ipm, 0):
            self.set_power(ACTIVE)
