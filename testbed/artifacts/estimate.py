# SPDX-License-Identifier: MIT
"""How much longer something takes, from how far it has come."""

from __future__ import annotations

import time
from collections.abc import Callable

# Before this, in seconds and as a part of the whole, a rate says nothing yet.
_FIRST_SECONDS = 5.0
_FIRST_PART = 0.02


class Estimate:
    """Of one piece of work that may begin with a part of it done already."""

    def __init__(self, now: Callable[[], float] = time.monotonic) -> None:
        self._now = now
        self._first: tuple[float, float] | None = None
        self._last = (0.0, 0.0)

    @property
    def part(self) -> float:
        """How much is done, from 0 to 1."""
        return self._last[1]

    def reach(self, part: float) -> None:
        """`part` of the work, from 0 to 1, is done; the first call says what there was before."""
        self._last = self._now(), min(max(part, 0.0), 1.0)
        self._first = self._first or self._last

    def seconds_left(self) -> float | None:
        """None while that cannot be told."""
        if self._first is None:
            return None
        seconds, done = (last - first for last, first in zip(self._last, self._first, strict=True))
        if seconds < _FIRST_SECONDS or done < _FIRST_PART:
            return None
        left = (1 - self.part) * seconds / done
        return max(0.0, left - (self._now() - self._last[0]))

    def text(self) -> str:
        """Such as "42 %, about 3 min left"; empty when nothing has been said."""
        if self._first is None:
            return ""
        percent = f"{self.part * 100:.0f} %"
        left = self.seconds_left()
        return percent if left is None else f"{percent}, about {_duration(left)} left"


def _duration(seconds: float) -> str:
    return f"{seconds / 60:.0f} min" if seconds >= 90 else f"{seconds:.0f} s"
