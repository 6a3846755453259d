# SPDX-License-Identifier: MIT
"""Power modes and the standby timer (ACS-3, 4.16)."""

from __future__ import annotations

from collections.abc import Callable
from enum import IntEnum
from typing import Any

from models.saved_state import Fields


class PowerMode(IntEnum):
    """The value CHECK POWER MODE gives; SLEEP never gives one."""

    STANDBY = 0x00
    IDLE = 0x80
    ACTIVE = 0xFF
    SLEEP = 0x100


class Power:
    """One disk's power mode. `clock` gives seconds.

    `watched` is false while an access to the medium changes nothing: all a fast path looks at.
    """

    def __init__(self, clock: Callable[[], float]) -> None:
        self._clock = clock
        self._mode = PowerMode.ACTIVE
        self._period = 0.0  # of the standby timer; 0: off
        self._accessed = 0.0
        self.watched = False

    @property
    def mode(self) -> PowerMode:
        """The mode now: the standby timer may have run out meanwhile."""
        awake = self._mode in (PowerMode.ACTIVE, PowerMode.IDLE)
        if awake and self._period and self._clock() - self._accessed >= self._period:
            self._enter(PowerMode.STANDBY)
        return self._mode

    @property
    def asleep(self) -> bool:
        """In sleep mode the disk hears nothing but a reset."""
        return self._mode is PowerMode.SLEEP

    def access(self) -> None:
        """A command that needs the medium: the disk spins up by itself."""
        self._enter(PowerMode.ACTIVE)

    def enter(self, mode: PowerMode) -> None:
        """STANDBY IMMEDIATE, IDLE IMMEDIATE, SLEEP."""
        self._enter(mode)

    def set_timer(self, mode: PowerMode, count: int) -> None:
        """STANDBY or IDLE: enter `mode`, and set the standby timer from the Count field."""
        self._period = timer_period(count)
        self._enter(mode)

    def reset(self) -> None:
        """A reset wakes a sleeping disk into standby; every other mode stays."""
        if self._mode is PowerMode.SLEEP:
            self._enter(PowerMode.STANDBY)

    def power_on(self) -> None:
        """Active, with the standby timer off."""
        self._period = 0.0
        self._enter(PowerMode.ACTIVE)

    def save(self) -> dict[str, Any]:
        return {
            "mode": int(self._mode),
            "period": self._period,
            "idle": self._clock() - self._accessed,
        }

    @staticmethod
    def checked(state: Any) -> tuple[PowerMode, float, float]:
        """A saved state unpacked, for `take`; StateError when it is bad."""
        check = Fields("disk", state, ("mode", "period", "idle"), "power")
        mode = check.one_of("mode", PowerMode)
        return PowerMode(mode), check.seconds("period"), check.seconds("idle")

    def take(self, checked: tuple[PowerMode, float, float]) -> None:
        """Go on as `checked` says, the time since the last access included."""
        self._mode, self._period, idle = checked
        self._accessed = self._clock() - idle
        self.watched = bool(self._period) or self._mode is not PowerMode.ACTIVE

    def _enter(self, mode: PowerMode) -> None:
        self._mode = mode
        self._accessed = self._clock()
        self.watched = bool(self._period) or mode is not PowerMode.ACTIVE


def timer_period(count: int) -> float:
    """Seconds of the standby timer for a Count field (ACS-3, table 48); 0 for none."""
    if count == 0:
        return 0.0
    if count <= 240:
        return count * 5.0
    if count <= 251:
        return (count - 240) * 1800.0
    return {252: 21 * 60.0, 253: 8 * 3600.0, 254: 8 * 3600.0, 255: 21 * 60.0 + 15}[count]
