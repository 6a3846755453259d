# SPDX-License-Identifier: MIT
"""Queued commands that wait for more of their kind: how many, how long, and what never waits."""

from __future__ import annotations

import threading
from typing import Any

from ahci_rig import BUFFER, CI, PIS, SACT, SDBS, Rig
from alarm_rig import HandAlarm
from sata_rig import IDENTIFY, READ_DMA, READ_FPDMA, dma, queued, seeded

from models.sata.moderation import ANSWERS, LONGEST, LONGEST_PAUSE, TRIAL, Moderation

ACK = 0.001


def started(**parameters: Any) -> Rig:
    rig = Rig(**parameters)
    rig.start()
    for slot in range(32):
        rig.slot(slot, queued(READ_FPDMA, slot, 8, slot), [(BUFFER + slot * 4096, 4096)])
    return rig


def acknowledge(rig: Rig, seconds: float = ACK) -> None:
    """The driver's handler runs `seconds` after the interrupt came."""
    assert rig.irq
    rig.alarm.advance(seconds)
    assert rig.clear() & SDBS
    assert not rig.irq


def warm(rig: Rig, depth: int, rounds: int = TRIAL + 1) -> None:
    """Rounds of `depth` commands, until the port knows the pace and is past a trial."""
    for _ in range(rounds):
        for slot in range(depth):
            rig.issue(1 << slot, queued=True, work=False)
        rig.work()
        if rig.read(SACT):
            rig.alarm.advance(LONGEST)
            rig.work()
        assert not rig.read(SACT)
        acknowledge(rig)


def test_one_at_a_time_does_not_wait() -> None:
    rig = started()
    warm(rig, 1)
    for _ in range(TRIAL - 1):
        rig.issue(1, queued=True)
        assert not rig.read(SACT), "it waited"
        acknowledge(rig)


def test_as_many_as_before_share_an_interrupt() -> None:
    rig = started()
    warm(rig, 5)
    for slot in range(5):
        assert not rig.irq
        rig.issue(1 << slot, queued=True)
        assert bool(rig.read(SACT)) == (slot < 4)
    acknowledge(rig)


def test_fewer_than_before_wait_for_a_pause() -> None:
    rig = started()
    warm(rig, 8)
    pause = rig.alarm
    rig.issue(1, queued=True)
    assert pause.when is not None
    assert rig.read(SACT) == rig.read(CI) == 1, "the command went before its time"
    pause.advance((pause.when - pause.time) / 2)
    rig.issue(2, queued=True)  # the pause begins anew
    left = pause.when - pause.time
    assert 0 < left <= LONGEST_PAUSE
    pause.advance(left * 0.9)
    rig.work()
    assert rig.read(SACT) == 3
    pause.advance(left * 0.2)
    rig.work()
    assert rig.read(SACT) == 0
    assert rig.irq


def test_trials_find_out_that_there_are_more() -> None:
    """Each command is done and acknowledged before the next, although the driver has two."""
    rig = started()
    warm(rig, 1, TRIAL + seeded().randrange(TRIAL))
    for _ in range(2 * TRIAL):
        for slot in range(2):
            rig.issue(1 << slot, queued=True)
            if not rig.read(SACT):
                acknowledge(rig)
        if rig.read(SACT):
            rig.alarm.advance(LONGEST_PAUSE)
            rig.work()
            acknowledge(rig)
    trials = 0
    for _ in range(3):
        rig.issue(1, queued=True)
        assert rig.read(SACT) == 1, "that there are two at a time was never noticed"
        rig.issue(2, queued=True)
        if rig.read(SACT):  # for a third
            trials += 1
            rig.alarm.advance(LONGEST_PAUSE)
            rig.work()
        acknowledge(rig)
    assert trials <= 1


def test_commands_before_the_acknowledgement_show_that_there_are_more() -> None:
    rig = started()
    warm(rig, 1)
    rig.issue(1, queued=True)
    assert rig.irq
    rig.issue(2, queued=True)
    assert rig.read(SACT) == 2, "one more than before was not noticed"
    acknowledge(rig)
    rig.issue(1, queued=True)
    assert not rig.read(SACT), "the two that there are were not enough"
    acknowledge(rig)


def test_one_command_alone_is_done_before_the_doorbell_is_answered() -> None:
    rig = started()
    warm(rig, 1)
    rig.issue(1, queued=True, work=False)
    assert rig.ahci.due_before_answer
    rig.work()
    acknowledge(rig)
    warm(rig, 2)
    rig.issue(3, queued=True, work=False)
    assert rig.ahci.deferred
    assert not rig.ahci.due_before_answer


def test_a_full_list_and_commands_that_are_not_queued_go_at_once() -> None:
    rig = started(slots=8)
    warm(rig, 8)
    for slot in range(8):
        rig.issue(1 << slot, queued=True)
    assert not rig.read(SACT)
    acknowledge(rig)
    rig.issue(1, queued=True)
    assert rig.read(SACT) == 1
    rig.slot(1, dma(READ_DMA, 5, 1), [(BUFFER, 512)])
    rig.issue(2)
    assert not rig.read(CI)
    rig.clear()
    rig.slot(1, dma(IDENTIFY, 0, 0), [(BUFFER, 512)])
    rig.issue(2)
    assert not rig.read(CI)


def test_a_driver_that_polls_never_waits() -> None:
    rig = Rig()
    rig.start(ie=0)
    for slot in range(8):
        rig.slot(slot, queued(READ_FPDMA, slot, 8, slot), [(BUFFER, 4096)])
    for _ in range(3):
        rig.issue(0xFF, queued=True)
        rig.alarm.advance(1)
        assert rig.read(PIS) == SDBS
        rig.write(PIS, SDBS)
        rig.issue(1, queued=True)
        assert not rig.read(SACT)
        rig.write(PIS, SDBS)


def test_a_machine_that_stops_leaves_nothing_waiting() -> None:
    rig = started()
    warm(rig, 8)
    rig.issue(1, queued=True)
    assert rig.read(SACT) == 1
    rig.ahci.quiesce()
    rig.work()
    assert not rig.read(SACT)


def test_a_saved_port_goes_on() -> None:
    rig = started()
    warm(rig, 8)
    rig.issue(1, queued=True)
    state = rig.ahci.save()
    rig.ahci.load(state)
    rig.work()
    assert not rig.read(SACT)


def test_the_alarm_after_a_reset_does_nothing() -> None:
    rig = started()
    warm(rig, 8)
    rig.issue(1, queued=True)
    rig.ahci.reset()
    rig.work()
    waits = rig.memory.waits
    rig.alarm.advance(1)
    rig.work()
    assert rig.memory.waits == waits


def test_large_commands_do_not_wait() -> None:
    rig = started()
    warm(rig, 8)
    for slot in range(8):
        rig.slot(slot, queued(READ_FPDMA, slot, 256, slot), [(BUFFER, 256 * 512)])
        rig.issue(1 << slot, queued=True)
    assert not rig.read(SACT)
    acknowledge(rig)
    for _ in range(2 * TRIAL):
        rig.issue(1, queued=True)
        assert not rig.read(SACT)
        acknowledge(rig)


def test_no_command_waits_longer_than_the_longest() -> None:
    choice = seeded()
    rig = started()
    alarm = rig.alarm
    waiting = 0.0
    for _ in range(3000):
        free = [slot for slot in range(32) if not rig.read(SACT) >> slot & 1]
        if free and choice.random() < 0.7:
            if not rig.read(SACT):
                waiting = alarm.time
            rig.issue(1 << choice.choice(free), queued=True)
        alarm.advance(choice.choice((0, 1e-5, 1e-3, 0.019)))
        rig.work()
        if rig.read(SACT):
            assert alarm.when is not None, "commands wait and nothing will wake the port"
            assert alarm.time < waiting + LONGEST
        if rig.irq and choice.random() < 0.8:
            rig.clear()


def test_a_pause_is_the_time_of_an_acknowledgement() -> None:
    alarm = HandAlarm(threading.RLock(), lambda: None)
    pace = Moderation(alarm)
    times = seeded()
    for _ in range(50):
        pace.begun(4)
        pace.ended(4, 4 * 4096, interrupts=True)
        alarm.advance(times.uniform(0.002, 0.004))
        pace.acknowledged()
    assert 0.002 * ANSWERS < pace.pause < 0.004 * ANSWERS
    pace.begun(4)
    pace.ended(4, 4 * 4096, interrupts=True)
    alarm.advance(60)
    pace.acknowledged()
    assert pace.pause <= LONGEST_PAUSE
