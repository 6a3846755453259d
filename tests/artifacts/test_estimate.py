# SPDX-License-Identifier: MIT
"""The time left: of the rate since the first report, and nothing before there is a rate."""

from __future__ import annotations

import pytest

from testbed.artifacts.estimate import Estimate


class Clock:
    def __init__(self) -> None:
        self.seconds = 1000.0

    def __call__(self) -> float:
        return self.seconds


@pytest.fixture
def clock() -> Clock:
    return Clock()


def test_it_goes_by_the_rate_so_far(clock: Clock) -> None:
    estimate = Estimate(clock)
    assert estimate.text() == ""
    estimate.reach(0.0)
    assert estimate.text() == "0 %"
    clock.seconds += 30
    estimate.reach(0.25)
    assert estimate.seconds_left() == pytest.approx(90)
    assert estimate.text() == "25 %, about 2 min left"
    clock.seconds += 30
    assert estimate.seconds_left() == pytest.approx(60), "time passes without a report too"
    assert estimate.text() == "25 %, about 60 s left"


def test_what_an_earlier_run_did_is_no_rate(clock: Clock) -> None:
    estimate = Estimate(clock)
    estimate.reach(0.5)
    assert estimate.seconds_left() is None
    clock.seconds += 10
    estimate.reach(0.6)
    assert estimate.seconds_left() == pytest.approx(40)


@pytest.mark.parametrize(("seconds", "part"), [(1, 0.5), (60, 0.01)])
def test_a_short_while_says_nothing(clock: Clock, seconds: float, part: float) -> None:
    estimate = Estimate(clock)
    estimate.reach(0.0)
    clock.seconds += seconds
    estimate.reach(part)
    assert estimate.seconds_left() is None


def test_it_never_says_more_than_all(clock: Clock) -> None:
    estimate = Estimate(clock)
    estimate.reach(-1)
    clock.seconds += 100
    estimate.reach(1.5)
    assert estimate.text() == "100 %, about 0 s left"
