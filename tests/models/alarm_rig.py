# SPDX-License-Identifier: MIT
"""Time on the bench: an alarm that goes off when the test says so."""

from __future__ import annotations

import threading
from collections.abc import Callable


class HandAlarm:
    """Time that moves when the test says so."""

    def __init__(self, lock: threading.RLock, callback: Callable[[], None]) -> None:
        self.time = 0.0
        self.when: float | None = None
        self._callback = callback

    def now(self) -> float:
        return self.time

    def set(self, when: float | None) -> None:
        self.when = when

    def advance(self, seconds: float) -> None:
        end = self.time + seconds
        while self.when is not None and self.when <= end:
            self.time = max(self.time, self.when)
            self.when = None
            self._callback()
        self.time = end
