# SPDX-License-Identifier: MIT
"""What both directions' work with memory has in common: when it runs, and what ends it."""

from __future__ import annotations

import threading
from abc import ABC, abstractmethod
from collections.abc import Callable, Sequence
from typing import Protocol

from models.etsec.coalescing import Coalescing
from models.etsec.line import EthernetLine, Frame
from models.etsec.mib import Mib
from models.etsec.state import State
from models.etsec.timers import Timers
from testbed.remoteport.device import Dma, LinkError

__all__ = ["Engine", "Owner", "Superseded"]


class Superseded(Exception):
    """What the work began with was reset or written anew while it awaited memory."""


class Owner(Protocol):
    """The controller, as its two halves see it."""

    name: str
    state: State
    lock: threading.RLock
    line: EthernetLine
    mib: Mib
    timers: Timers
    resting: bool

    @property
    def dma(self) -> Dma: ...

    def defer(self, work: Callable[[], None], *, before_answer: bool = False) -> None: ...

    def event(self, events: int) -> None: ...

    def loop(self, frames: list[Frame]) -> None: ...


class Engine(ABC):
    """Deferred work of one direction, in pieces. The lock is held; registers are served while a
    piece awaits memory. `abandon` makes what is under way end without touching anything."""

    coalescing: Coalescing

    def __init__(self, owner: Owner) -> None:
        self.owner = owner
        self._life = 0
        self._scheduled = False
        self._stopping = False
        self.running = False

    @property
    @abstractmethod
    def stopped_event(self) -> int:
        """The event of a graceful stop's end."""

    @abstractmethod
    def ready(self) -> bool:
        """Whether there is anything to do."""

    @abstractmethod
    def serve(self) -> None:
        """A piece of the work. LinkError as memory raises it, Superseded."""

    def poke(self) -> None:
        """See soon whether there is anything to do."""
        if not self._scheduled and not self.running and self.ready():
            self._scheduled = True
            self.owner.defer(self._work)

    def poke_anew(self) -> None:
        """As `poke`, when work that was deferred may have been dropped with a machine that left."""
        self._scheduled = False
        self.poke()

    def later(self, name: str, seconds: float, look: Callable[[], None]) -> None:
        """Call `look` in so many seconds, unless the machine is at rest by then."""
        if not self.owner.resting:
            self.owner.timers.start(name, seconds, look)

    def stop(self) -> None:
        """Report the end of a graceful stop, now or when the work under way has ended."""
        self._stopping = True
        self._settle()

    def abandon(self) -> None:
        """What is under way belongs to registers that are no more."""
        self._life += 1
        self._scheduled = False

    def read(self, address: int, size: int) -> bytes:
        """Memory; BusError when refused, Superseded, LinkError."""
        return self.read_many([(address, size)])[0]

    def read_many(self, pieces: Sequence[tuple[int, int]]) -> list[bytes]:
        """As `read`, several pieces."""
        life = self._life
        try:
            return self.owner.dma.read_many(pieces) if pieces else []
        finally:
            self._check(life)

    def write_many(self, pieces: Sequence[tuple[int, bytes]]) -> None:
        """As `read_many`, to memory."""
        life = self._life
        try:
            if pieces:
                self.owner.dma.write_many(pieces)
        finally:
            self._check(life)

    def _check(self, life: int) -> None:
        if life != self._life:
            raise Superseded

    def _work(self) -> None:
        self._scheduled = False
        self.running = True
        gone = False
        try:
            self.serve()
        except Superseded:
            pass
        except LinkError:
            gone = True
        finally:
            self.running = False
        self._settle()
        if not gone:
            self.poke()

    def _settle(self) -> None:
        if self._stopping and not self.running:
            self._stopping = False
            self.owner.event(self.stopped_event)
