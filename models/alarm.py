# SPDX-License-Identifier: MIT
"""A model's source of time: a clock and a single alarm."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable
from typing import Protocol

__all__ = ["Alarm", "AlarmFactory", "WallAlarm"]


class Alarm(Protocol):
    """What a model asks of time. `set` is called with the model's lock held."""

    def now(self) -> float:
        """Seconds on a clock that never goes back."""

    def set(self, when: float | None) -> None:
        """Call back once, with the lock held, when `now()` reaches `when`; None: not at all.

        The call comes on a thread of the alarm's own: for DMA it has to go on with `Device.defer`.
        """


AlarmFactory = Callable[[threading.RLock, Callable[[], None]], Alarm]


class WallAlarm:
    """Wall-clock time. Its thread starts with the first alarm and ends after idle seconds."""

    IDLE = 5.0

    def __init__(self, lock: threading.RLock, callback: Callable[[], None]) -> None:
        self._changed = threading.Condition(lock)
        self._callback = callback
        self._when: float | None = None
        self._wakes_at = 0.0
        self._thread: threading.Thread | None = None
        self.now = time.monotonic

    def set(self, when: float | None) -> None:
        self._when = when
        if when is None:
            return
        if self._thread is None:
            self._wakes_at = 0.0
            self._thread = threading.Thread(target=self._run, name="model-alarm", daemon=True)
            self._thread.start()
        elif when < self._wakes_at:
            # A later alarm needs no notice: the thread finds it when it wakes for the earlier one.
            self._changed.notify()

    def _run(self) -> None:
        with self._changed:
            try:
                while self._sleep():
                    self._when = None
                    self._callback()
            finally:
                self._thread = None

    def _sleep(self) -> bool:
        """Until the alarm is due; False after idle seconds without one."""
        while True:
            if self._when is None:
                self._wakes_at = float("inf")
                if not self._changed.wait(self.IDLE) and self._when is None:
                    return False
            elif (left := self._when - self.now()) > 0:
                self._wakes_at = self._when
                self._changed.wait(left)
            else:
                return True
