# SPDX-License-Identifier: MIT
"""When completed commands are reported: after so many, or so long after the first (ICC)."""

from __future__ import annotations

import threading
from typing import Protocol

from models.alarm import AlarmFactory
from models.fsl_sata.registers import ICC
from models.fsl_sata.state import State


class Owner(Protocol):
    """The port whose completions these are."""

    state: State
    lock: threading.RLock
    alarm: AlarmFactory

    def changed(self) -> None: ...


class Coalescing:
    """Decides about State.due, from which HSTATUS.CMD_COMPLETE follows. The lock is held.

    Ticks are `tick` seconds long. Without ticks only the count matters; a count of 0 is one of 1.
    """

    def __init__(self, port: Owner, tick: float) -> None:
        self._port = port
        self._tick = tick
        self._alarm = port.alarm(port.lock, self._expired)
        self._waiting = False

    def completed(self) -> None:
        """CCR has more bits, or ICC was written."""
        state = self._port.state
        if not state.ccr or state.due:
            return
        if state.ccr.bit_count() >= ICC.COUNT.get(state.icc):
            self._report()
        elif not self._waiting and (ticks := ICC.TICKS.get(state.icc)):
            self._waiting = True
            self._alarm.set(self._alarm.now() + ticks * self._tick)

    def cleared(self) -> None:
        """CCR has fewer bits; what is left is counted anew."""
        self._port.state.due = False
        self.forget()
        self.completed()

    def forget(self) -> None:
        """Nothing waits to be reported."""
        self._waiting = False
        self._alarm.set(None)

    def _report(self) -> None:
        self.forget()
        self._port.state.due = True

    def _expired(self) -> None:
        if self._waiting and self._port.state.ccr:
            self._report()
            self._port.changed()
