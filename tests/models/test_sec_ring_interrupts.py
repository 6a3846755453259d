# SPDX-License-Identifier: MIT
"""A job ring's interrupt: masking, acknowledging, coalescing by count and by time."""

from __future__ import annotations

import threading

import pytest
from sec_ring_rig import (
    ICEN,
    IMSK,
    JRCFGR_LS,
    JRCR,
    JRI,
    JRINTR,
    RESET,
    SecRig,
    addresses,
    seeded,
)

from models.alarm import WallAlarm
from testbed.deadline import Deadline


def coalescing(count: int, units: int) -> int:
    return ICEN | count << 8 | units << 16


def one(rig: SecRig) -> None:
    rig.enqueue(*addresses(seeded(), rig, 1))
    rig.run()


def test_a_mask_holds_the_wire_and_not_the_status() -> None:
    rig = SecRig()
    rig.start(config=IMSK)
    one(rig)
    assert rig.read(JRINTR) == JRI
    assert not rig.irq
    rig.write(JRCFGR_LS, 0)
    assert rig.irq
    rig.write(JRCFGR_LS, IMSK)
    assert not rig.irq
    rig.write(JRINTR, JRI)
    rig.write(JRCFGR_LS, 0)
    assert not rig.irq


def test_a_job_done_between_acknowledgement_and_unmasking_is_not_lost() -> None:
    rig = SecRig()
    rig.start()
    one(rig)
    rig.write(JRCFGR_LS, IMSK)
    rig.write(JRINTR, rig.read(JRINTR))
    assert len(rig.dequeue()) == 1
    one(rig)
    rig.write(JRCFGR_LS, 0)
    assert rig.irq


def test_coalescing_by_count() -> None:
    choice = seeded()
    count = choice.randrange(2, 20)
    rig = SecRig()
    rig.start(depth=64, config=coalescing(count, 0))
    for round_ in range(3):
        for done in range(count):
            assert not rig.irq, (round_, done)
            one(rig)
            assert rig.timer.seconds is None
        assert rig.irq
        rig.write(JRINTR, JRI)
        rig.dequeue()


def test_coalescing_by_time() -> None:
    choice = seeded()
    units = choice.randrange(1, 0x10000)
    rig = SecRig(clock=200_000_000)
    rig.start(depth=64, config=coalescing(255, units))
    for _ in range(3):
        one(rig)
        one(rig)
        assert not rig.irq
        assert rig.timer.seconds == pytest.approx(units * 64 / 200e6)
        assert rig.timer.starts % 2 == 0  # anew with each job
        rig.timer.expire()
        assert rig.irq
        assert rig.timer.seconds is None
        rig.write(JRINTR, JRI)


def test_the_count_stops_the_timer() -> None:
    rig = SecRig()
    rig.start(config=coalescing(2, 100))
    one(rig)
    assert rig.timer.seconds is not None
    one(rig)
    assert rig.irq
    assert rig.timer.seconds is None


def test_turning_coalescing_off_gives_the_interrupt_that_was_held_back() -> None:
    rig = SecRig()
    rig.start(config=coalescing(9, 100))
    one(rig)
    rig.write(JRCFGR_LS, 0)
    assert rig.irq
    assert rig.timer.seconds is None


def test_a_reset_stops_the_timer() -> None:
    rig = SecRig()
    rig.start(config=coalescing(9, 100))
    one(rig)
    rig.write(JRCR, RESET)
    rig.write(JRCR, RESET)
    assert rig.timer.seconds is None
    assert not rig.irq


def test_an_idle_controller_interrupts_nobody() -> None:
    rig = SecRig()
    rig.start()
    one(rig)
    assert not rig.controller.wire_level("interrupt")


def test_the_wall_alarm_calls_back_once_and_not_when_taken_back() -> None:
    lock = threading.RLock()
    called = threading.Semaphore(0)
    held = []

    def callback() -> None:
        held.append(lock._is_owned())  # type: ignore[attr-defined]
        called.release()

    alarm = WallAlarm(lock, callback)
    with lock:
        alarm.set(alarm.now() + 30.0)
    deadline = Deadline(10)
    while alarm._wakes_at == 0.0:  # until its thread sleeps for the 30 s
        assert not deadline.expired
    with lock:
        alarm.set(alarm.now() + 0.01)
    assert called.acquire(timeout=10)
    with lock:
        alarm.set(alarm.now() + 0.02)
        alarm.set(None)
    assert not called.acquire(timeout=0.1)
    with lock:
        alarm.set(alarm.now())
    assert called.acquire(timeout=10)
    assert not called.acquire(timeout=0.05)
    assert held == [True, True]
