# SPDX-License-Identifier: MIT
"""Wall-clock deadlines: made once, passed down, never reset by progress."""

from __future__ import annotations

import time


class Deadline:
    """A point in monotonic time, `seconds` from its creation."""

    def __init__(self, seconds: float) -> None:
        self.seconds = seconds
        self._start = time.monotonic()
        self._end = self._start + seconds

    @property
    def remaining(self) -> float:
        """Seconds left, never below zero."""
        return max(0.0, self._end - time.monotonic())

    @property
    def elapsed(self) -> float:
        """Seconds since the deadline was made."""
        return time.monotonic() - self._start

    @property
    def expired(self) -> bool:
        return time.monotonic() >= self._end

    def within(self, seconds: float) -> Deadline:
        """A deadline `seconds` from now that does not outlast this one."""
        return Deadline(min(seconds, self.remaining))
