# SPDX-License-Identifier: MIT
"""A job ring's saved state."""

from __future__ import annotations

import json

import pytest
from sec_ring_rig import (
    BIG40,
    HALTED,
    ICEN,
    IRSAR,
    JRCFGR_LS,
    JRCR,
    JRINTR,
    ORSFR,
    PARK,
    SecRig,
    addresses,
    seeded,
)

from testbed.remoteport.device import StateError


def test_a_saved_ring_goes_on_elsewhere() -> None:
    choice = seeded()
    rig = SecRig(BIG40)
    rig.start(depth=20, output_depth=6)
    jobs = addresses(choice, rig, 15)
    rig.enqueue(*jobs)
    rig.run()
    state = json.loads(json.dumps(rig.ring.save()))
    other = SecRig(BIG40)
    other.memory.data[:] = rig.memory.data
    other.ring.load(state)
    assert other.ring.save() == state
    assert other.irq
    for offset in range(0, 0x70, 4):
        assert other.read(offset) == rig.read(offset), hex(offset)
    other.depth, other.head = rig.depth, rig.head
    assert other.dequeue() == [(address, 0) for address in jobs]
    assert other.runner.jobs == jobs[6:]


def test_a_restored_ring_runs_its_jobs_unasked() -> None:
    rig = SecRig()
    rig.start()
    rig.enqueue(*addresses(seeded(), rig, 3))
    state = rig.ring.save()
    other = SecRig()
    other.memory.data[:] = rig.memory.data
    other.ring.load(state)
    other.run()
    assert other.read(ORSFR) == 3


def test_a_held_back_interrupt_comes_after_all() -> None:
    rig = SecRig()
    rig.start(config=ICEN | 9 << 8 | 5 << 16)
    rig.enqueue(*addresses(seeded(), rig, 1))
    rig.run()
    other = SecRig()
    other.ring.load(rig.ring.save())
    assert not other.irq
    other.timer.expire()
    assert other.irq


def test_a_halted_ring_stays_halted() -> None:
    rig = SecRig()
    rig.start()
    rig.write(JRCR, PARK)
    rig.enqueue(*addresses(seeded(), rig, 3))
    other = SecRig()
    other.ring.load(rig.ring.save())
    assert other.run() == 0
    assert other.halt == HALTED
    assert other.read(IRSAR) == 13


@pytest.mark.parametrize(
    ("field", "value"),
    [
        ("input_size", 1024),
        ("input_size", 4),  # less than what is pending
        ("pending", -1),
        ("pending", True),
        ("used", 17),
        ("read_index", 16),
        ("write_index", 16),
        ("interrupt", 4),  # halting
        ("interrupt", 1 << 31),
        ("flushed", True),
        ("flushed", 0),
        ("config_ls", 1 << 3),
        ("status", None),
        ("surplus", 1),
    ],
)
def test_a_bad_state_is_refused_by_name_and_changes_nothing(field: str, value: object) -> None:
    rig = SecRig()
    rig.start(depth=16)
    rig.write(JRCFGR_LS, 0x10003)
    rig.enqueue(*addresses(seeded(), rig, 5))
    before = rig.ring.save()
    with pytest.raises(StateError, match="pending" if value == 4 and "size" in field else field):
        rig.ring.load({**before, field: value})
    with pytest.raises(StateError, match="interrupt"):
        rig.ring.load({name: held for name, held in before.items() if name != "interrupt"})
    with pytest.raises(StateError):
        rig.ring.load([])  # type: ignore[arg-type]
    assert rig.ring.save() == before
    assert rig.read(JRINTR) == 0
