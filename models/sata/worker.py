# SPDX-License-Identifier: MIT
"""A port's work with its device and with memory: deferred, in pieces of a few milliseconds.

Registers are served while a piece awaits memory. What then ends a transfer (a reset, the link gone)
counts `epoch` up, and the piece of work drops what it has.
"""

from __future__ import annotations

import threading
from abc import ABC, abstractmethod
from collections.abc import Callable
from typing import Protocol

from models.alarm import AlarmFactory
from models.ata.transport import AtaDevice, Transport
from models.sata.moderation import Moderation
from testbed.remoteport.device import LinkError

TIME_BUDGET = 0.002
"""Seconds that a piece of work may have taken when it begins another command."""

SIZE_BUDGET = 2 << 20
"""Bytes that it may have moved then."""


class Port(Protocol):
    """What the work is for."""

    device: AtaDevice | None

    lock: threading.RLock

    alarm: AlarmFactory

    def defer(self, work: Callable[[], None], *, before_answer: bool = False) -> None: ...


class Worker(ABC):
    """Schedules the work of one port and does it, but for what a controller does in it: `serve`.

    A subclass is the `Transport` of the port's devices. All is called with the device's lock held,
    but for `work_ready`.
    """

    def __init__(self, port: Port) -> None:
        self._served = port
        self._gone: list[AtaDevice] = []  # unplugged while it was at work
        self._scheduled = False
        self._alarm = port.alarm(port.lock, self.hurry)
        self.moderation = Moderation(self._alarm)
        self.busy = False
        self.epoch = 0
        """Counts what ends every transfer under way."""

    @abstractmethod
    def transport(self) -> Transport:
        """What devices are attached to: this."""

    @abstractmethod
    def hurry(self) -> None:
        """Begin with what waits for more of its kind."""

    @abstractmethod
    def serve(self) -> bool:
        """One piece of work; whether there is more. LinkError as memory raises it."""

    @abstractmethod
    def abandoned(self) -> None:
        """The work got LinkError: there is no machine to transfer for."""

    @abstractmethod
    def settle(self) -> None:
        """What had to wait for the end of the work."""

    @abstractmethod
    def rested(self, served: bool, epoch: int) -> None:
        """A piece of work ended that began in `epoch`, and said that there is no more."""

    def poke(self, *, before_answer: bool = False) -> None:
        """See soon whether there is anything to do."""
        if not self._scheduled:
            self._scheduled = True
            self._served.defer(self._work, before_answer=before_answer)

    def work_ready(self) -> None:
        """The device says so, from any thread; `poke` belongs to those that hold the lock."""
        self._served.defer(self._work)

    def poke_anew(self) -> None:
        """As `poke`, when work that was deferred before may have been dropped."""
        self._scheduled = False
        self.poke()

    def ring(self, outstanding: int, *, at_once: bool) -> None:
        """A doorbell with commands outstanding, which may have to wait for more of their kind.

        `at_once`: not these.
        """
        if self.busy or self._scheduled:
            self.moderation.seen(outstanding)
        elif at_once:
            self.poke()
        elif self.moderation.rung(outstanding):
            # Nobody has anything to do but this one command: spare two changes of threads.
            self.poke(before_answer=self.moderation.one_at_a_time)

    def attach_to(self, device: AtaDevice) -> None:
        """Be the transport of a device that is there now."""
        device.attach(self.transport())

    def release(self, device: AtaDevice) -> None:
        """Detach `device`, now or when it has ended what it does."""
        if self.busy:
            self._gone.append(device)
        else:
            device.attach(None)

    def now(self) -> float:
        """Seconds on the port's clock."""
        return self._alarm.now()

    def step(self, device: AtaDevice, until: float, going_on: Callable[[], bool]) -> bool:
        """Let the device carry out what is queued; whether it has more to do."""
        now = self._alarm.now
        working = True
        while working and going_on():
            working = device.step()
            if now() >= until:
                break
        return working

    def _work(self) -> None:
        self._scheduled = False
        self.busy = True
        epoch = self.epoch
        again = served = False
        try:
            again = self.serve() and epoch == self.epoch
            served = True
        except LinkError:
            self.abandoned()
        finally:
            self.busy = False
            while self._gone:
                gone = self._gone.pop()
                if gone is not self._served.device:
                    gone.attach(None)
            self.settle()
        if again:
            self.poke()
        else:
            self.rested(served, epoch)
