# SPDX-License-Identifier: MIT
"""When finished frames are reported: each, or so many, or so long after the first (TXIC, RXIC)."""

from __future__ import annotations

from collections.abc import Callable, Sequence

from models.etsec.registers import ECNTRL, MACCFG2, QUEUES, TXIC
from models.etsec.state import State
from models.etsec.timers import Timers
from testbed.remoteport.registers import Register

__all__ = ["AT_ONCE", "Coalescing"]

AT_ONCE = 1e-4
"""Seconds: a shorter time is over when the piece of work ends that sent or received the frames."""

_CLOCKS = 64  # in a unit of ICTT
_GIGABIT, _FAST, _SLOW = 8e-9, 40e-9, 400e-9  # seconds of a clock
_BYTES_AT_ONCE = 2  # MACCFG2.I_F_Mode of 1000 Mbps


def unit(state: State) -> float:
    """Seconds in a unit of ICTT."""
    if MACCFG2.I_F_Mode.get(state[MACCFG2]) == _BYTES_AT_ONCE:
        return _CLOCKS * _GIGABIT
    return _CLOCKS * (_FAST if state[ECNTRL] & ECNTRL.R100M.mask else _SLOW)


class Coalescing:
    """Of one direction. A ring's own register, of `own`, counts where it is enabled, else `shared`.

    `waiting` gives the frames of each ring that are not reported; `report` tells software of them.
    RXIC has the fields of TXIC.
    """

    def __init__(
        self,
        state: Callable[[], State],
        timers: Timers,
        shared: type[Register],
        own: Sequence[type[Register]],
        waiting: Callable[[State], list[int]],
        report: Callable[[int], None],
    ) -> None:
        self._state = state
        self._timers = timers
        self._shared = shared
        self._own = own
        self._waiting = waiting
        self._report = report

    def done(self, ring: int, frames: int) -> None:
        """Frames whose descriptors ask for an interrupt are done; or ones of before still wait."""
        state = self._state()
        waiting = self._waiting(state)
        waiting[ring] += frames
        if not waiting[ring]:
            return
        control = self._control(ring)
        ticks = TXIC.ICTT.get(control)
        seconds = ticks * unit(state)
        if (
            not control & TXIC.ICEN.mask
            or waiting[ring] >= TXIC.ICFT.get(control)
            or 0 < seconds < AT_ONCE
        ):
            self._expired(ring)
        elif ticks:
            self._timers.start(self._name(ring), seconds, lambda: self._expired(ring))

    def written(self) -> None:
        """A control register has another value: what need not wait any more is reported."""
        for ring in range(QUEUES):
            self._timers.stop(self._name(ring))
            self.done(ring, 0)

    def _control(self, ring: int) -> int:
        state = self._state()
        own = state[self._own[ring]]
        return own if own & TXIC.ICEN.mask else state[self._shared]

    def _name(self, ring: int) -> str:
        return f"{self._shared.__name__}{ring}"

    def _expired(self, ring: int) -> None:
        self._timers.stop(self._name(ring))
        self._waiting(self._state())[ring] = 0
        self._report(ring)
