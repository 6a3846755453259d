# SPDX-License-Identifier: MIT
from __future__ import annotations

import pytest

from testbed import deadline
from testbed.deadline import Deadline


class Clock:
    def __init__(self) -> None:
        self.now = 1000.0

    def monotonic(self) -> float:
        return self.now


@pytest.fixture
def clock(monkeypatch: pytest.MonkeyPatch) -> Clock:
    clock = Clock()
    monkeypatch.setattr(deadline, "time", clock)
    return clock


def test_a_deadline_runs_down_to_zero(clock: Clock) -> None:
    limit = Deadline(10)
    clock.now += 4
    assert (limit.remaining, limit.elapsed, limit.expired) == (6, 4, False)
    clock.now += 6
    assert (limit.remaining, limit.elapsed, limit.expired) == (0, 10, True)
    clock.now += 5
    assert (limit.remaining, limit.elapsed, limit.expired) == (0, 15, True)
    assert limit.seconds == 10


def test_a_deadline_within_another_never_outlasts_it(clock: Clock) -> None:
    outer = Deadline(10)
    clock.now += 7
    assert outer.within(2).remaining == 2
    assert outer.within(30).remaining == 3
    clock.now += 100
    assert outer.within(30).expired
