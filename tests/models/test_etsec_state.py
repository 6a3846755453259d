# SPDX-License-Identifier: MIT
"""eTSEC: saved state, and a machine that comes and goes."""

from __future__ import annotations

import json

import pytest
from etsec_rig import (
    DMACTRL,
    IEVENT,
    MACCFG1,
    RING,
    RQFAR,
    RQFCR,
    RQFPR,
    RXF,
    RXIC,
    TSTAT,
    TX_EN,
    TX_RING,
    TXF,
    TXIC,
    Rig,
    copy,
    frame,
)

from testbed.remoteport.device import StateError


def values(rig: Rig) -> list[int]:
    return [rig.read(offset) for offset in range(0, 0x1000, 4)]


@pytest.fixture
def rig() -> Rig:
    rig = Rig()
    rig.start()
    return rig


def test_registers_and_lines_come_back(rig: Rig) -> None:
    rig.write(RQFAR, 200)
    rig.write(RQFCR, 0x1F)
    rig.write(RQFPR, 0x12345678)
    rig.send(frame())
    rig.line.send(frame())
    rig.work()
    other = copy(rig)
    assert values(other) == values(rig)
    assert other.lines() == rig.lines() == (True, True, False)
    other.write(IEVENT, TXF | RXF)
    assert other.lines() == (False, False, False)


def test_copy_goes_on_with_the_rings(rig: Rig) -> None:
    rig.send(frame(70))
    other = copy(rig)
    other.send(frame(71))
    assert other.sent() == [frame(71)]
    other.line.send(frame(72))
    other.work()
    got = other.received()
    assert got is not None
    assert len(got[1]) == 76


def test_frames_that_are_ready_are_sent_by_the_copy(rig: Rig) -> None:
    rig.queue(frame(70))
    rig.write(TSTAT, 0x80000000)
    other = copy(rig)
    other.work()
    assert other.sent() == [frame(70)]


def test_coalescing_starts_anew(rig: Rig) -> None:
    rig.write(TXIC, 0x80000000 | 5 << 21 | 0xFFFF)
    rig.write(RXIC, 0x80000000 | 5 << 21 | 0xFFFF)
    rig.send(frame())
    rig.line.send(frame())
    rig.work()
    other = copy(rig)
    assert not other.read(IEVENT) & (TXF | RXF)
    other.alarm.advance(0.1)
    assert other.read(IEVENT) & (TXF | RXF) == TXF | RXF


def test_loading_ends_work_under_way(rig: Rig) -> None:
    state = rig.etsec.save()
    rig.queue(frame(70))
    rig.write(TSTAT, 0x80000000)
    rig.memory.during = lambda: rig.etsec.load(state)
    rig.etsec.run_deferred(1)
    assert rig.sent() == []
    assert rig.peek_bd(TX_RING, 0)[0] & 0x8000


def test_work_goes_on_with_the_next_machine(rig: Rig) -> None:
    rig.line.send(frame(70))
    rig.queue(frame(71))
    rig.write(TSTAT, 0x80000000)
    rig.etsec.detach(rig.memory)
    rig.etsec.attach(rig.memory)
    rig.work()
    assert rig.sent() == [frame(71)]
    assert rig.received() is not None


def test_while_the_machine_rests_no_timer_looks_at_its_memory(rig: Rig) -> None:
    rig.write(DMACTRL, 0xC2)
    rig.write(TSTAT, 0x80000000)
    for _ in range(RING + 1):
        rig.line.send(frame())
    rig.work()
    assert rig.line.pending == 1
    rig.etsec.quiesce()
    rig.work()
    rig.received()
    rig.queue(frame(77))
    waits = rig.memory.waits
    rig.alarm.advance(1)
    rig.work()
    assert rig.memory.waits == waits
    rig.read(IEVENT)
    rig.work()
    assert rig.line.pending == 0
    assert rig.sent() == [frame(77)]


def test_reset_while_ring_zero_is_polled(rig: Rig) -> None:
    """Polling is what a reset leaves: a driver need not write DMACTRL before it sends."""
    rig.write(DMACTRL, 0xC2)
    rig.write(TSTAT, 0x80000000)
    rig.work()
    rig.etsec.reset()
    rig.rings()
    rig.queue(frame(77))
    rig.write(MACCFG1, TX_EN)
    rig.work()
    assert rig.sent() == [frame(77)]


def test_what_does_not_fit_is_named(rig: Rig) -> None:
    state = json.loads(json.dumps(rig.etsec.save()))
    before = rig.etsec.save()
    for path, value, message in (
        (("registers", "TSEC_ID"), 1, "TSEC_ID"),
        (("registers", "TBASE0"), 7, "expected bits of 0xfffffff8"),
        (("registers", "MAXFRM"), -1, "MAXFRM"),
        (("filer",), "x", "'filer' holds 'x'"),
        (("tx_waiting",), [0] * 7, "7 items, expected 8"),
    ):
        changed = json.loads(json.dumps(state))
        place = changed
        for key in path[:-1]:
            place = place[key]
        place[path[-1]] = value
        with pytest.raises(StateError, match=message):
            rig.etsec.load(changed)
        assert rig.etsec.save() == before
