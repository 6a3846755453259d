# SPDX-License-Identifier: MIT
"""Several timers on one alarm."""

from __future__ import annotations

import threading
from collections.abc import Callable

from models.alarm import AlarmFactory

__all__ = ["Timers"]


class Timers:
    """Timers by name. Everything is called with the lock held, and so are they."""

    def __init__(self, factory: AlarmFactory, lock: threading.RLock) -> None:
        self._alarm = factory(lock, self._expired)
        self._due: dict[str, tuple[float, Callable[[], None]]] = {}

    def start(self, name: str, seconds: float, callback: Callable[[], None]) -> None:
        """Call `callback` in so many seconds; one of this name that runs goes on as it is."""
        if name not in self._due:
            self._due[name] = (self._alarm.now() + seconds, callback)
            self._set()

    def stop(self, name: str) -> None:
        """Forget the timer of this name, if there is one."""
        if self._due.pop(name, None) is not None:
            self._set()

    def clear(self) -> None:
        """Forget all of them."""
        self._due.clear()
        self._set()

    def _set(self) -> None:
        self._alarm.set(min((when for when, _ in self._due.values()), default=None))

    def _expired(self) -> None:
        now = self._alarm.now()
        due = [name for name, (when, _) in self._due.items() if when <= now]
        callbacks = [self._due.pop(name)[1] for name in due]
        self._set()
        for callback in callbacks:
            callback()
