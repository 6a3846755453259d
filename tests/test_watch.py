# SPDX-License-Identifier: MIT
from __future__ import annotations

import pytest

from testbed.errors import Stage, TestbedError
from testbed.watch import Watch

FIRST = TestbedError(Stage.MODEL, "the model died")
SECOND = TestbedError(Stage.INFRASTRUCTURE, "QEMU ended")


def test_the_first_failure_wins_and_is_told_once() -> None:
    watch = Watch()
    told: list[TestbedError] = []
    watch.subscribe(told.append)
    watch.fail(FIRST)
    watch.fail(SECOND)
    assert told == [FIRST]
    assert watch.failure is FIRST
    with pytest.raises(TestbedError, match="the model died"):
        watch.check()


def test_who_asks_late_is_told_at_once() -> None:
    watch = Watch()
    watch.fail(FIRST)
    told: list[TestbedError] = []
    watch.subscribe(told.append)
    assert told == [FIRST]


def test_nothing_is_a_failure_after_close() -> None:
    watch = Watch()
    told: list[TestbedError] = []
    watch.subscribe(told.append)
    watch.close()
    watch.fail(FIRST)
    watch.check()
    assert told == []


def test_a_failure_before_close_stays() -> None:
    watch = Watch()
    watch.fail(FIRST)
    watch.close()
    assert watch.failure is FIRST


def test_a_watch_can_be_the_listener_of_another() -> None:
    host, guest = Watch(), Watch()
    host.subscribe(guest.fail)
    host.fail(FIRST)
    assert guest.failure is FIRST
