# SPDX-License-Identifier: MIT
"""The job ring's one source of time: the interrupt coalescing timer."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable
from typing import Protocol

__all__ = ["CoalescingTimer", "TimerFactory", "WallTimer"]


class CoalescingTimer(Protocol):
    """What a ring asks of time. Both methods are called with the ring's lock held."""

    def start(self, seconds: float) -> None:
        """Call back once, with the lock held, after `seconds`; a running timer starts anew."""

    def stop(self) -> None:
        """Do not call back."""


TimerFactory = Callable[[threading.RLock, Callable[[], None]], CoalescingTimer]


class WallTimer:
    """By wall clock. Its thread starts with the first use and ends after idle seconds."""

    IDLE = 5.0

    def __init__(self, lock: threading.RLock, callback: Callable[[], None]) -> None:
        self._changed = threading.Condition(lock)
        self._callback = callback
        self._when: float | None = None
        self._wakes_at = 0.0
        self._thread: threading.Thread | None = None

    def start(self, seconds: float) -> None:
        self._when = time.monotonic() + seconds
        if self._thread is None:
            self._wakes_at = 0.0
            self._thread = threading.Thread(target=self._run, name="jr-timer", daemon=True)
            self._thread.start()
        elif self._when < self._wakes_at:
            # A later time needs no notice: the thread finds it when it wakes for the earlier one.
            self._changed.notify()

    def stop(self) -> None:
        self._when = None

    def _run(self) -> None:
        with self._changed:
            try:
                while self._sleep():
                    self._when = None
                    self._callback()
            finally:
                self._thread = None

    def _sleep(self) -> bool:
        """Until the time has come; False after idle seconds without one set."""
        while True:
            if self._when is None:
                self._wakes_at = float("inf")
                if not self._changed.wait(self.IDLE) and self._when is None:
                    return False
            elif (left := self._when - time.monotonic()) > 0:
                self._wakes_at = self._when
                self._changed.wait(left)
            else:
                return True
