# SPDX-License-Identifier: MIT
"""A job ring doing jobs: pointers of every layout, bursts, wrapping, full rings."""

from __future__ import annotations

import pytest
from sec_ring_rig import (
    BIG40,
    CSTA,
    INPUT,
    IRRIR,
    IRSAR,
    IRSR,
    JRI,
    JRINTR,
    JROSR,
    LAYOUTS,
    LITTLE40,
    ORSFR,
    ORWIR,
    SecRig,
    addresses,
    seeded,
)

from models.sec.config import SecConfig


@pytest.mark.parametrize("config", LAYOUTS, ids=lambda config: config.name)
def test_one_job_per_doorbell_as_the_self_tests_do(config: SecConfig) -> None:
    choice = seeded()
    rig = SecRig(config)
    rig.start(depth=8)
    for address in addresses(choice, rig, 30):
        status = choice.getrandbits(32)
        rig.runner.on_job = lambda _, status=status: status
        rig.enqueue(address)
        assert rig.runner.jobs[-1:] != [address]  # not inside the doorbell's own access
        rig.run()
        assert rig.irq
        assert rig.read(JRINTR) == JRI
        rig.write(JRINTR, JRI)
        assert not rig.irq
        assert rig.runner.jobs[-1] == address
        assert rig.read(ORSFR) == 1
        assert rig.read(JROSR) == status
        assert rig.dequeue() == [(address, status)]
    assert rig.read(IRSAR) == 8


@pytest.mark.parametrize("config", LAYOUTS, ids=lambda config: config.name)
def test_bursts_wrap_around_both_rings(config: SecConfig) -> None:
    choice = seeded()
    rig = SecRig(config)
    depth = choice.randrange(20, 50)
    output_depth = depth + choice.randrange(1, 7)  # so that the two wrap apart
    rig.start(depth=depth, output_depth=output_depth)
    statuses: dict[int, int] = {}
    rig.runner.on_job = statuses.__getitem__
    for _ in range(40):
        burst = addresses(choice, rig, choice.randrange(1, depth + 1))
        statuses.update((address, choice.getrandbits(32)) for address in burst)
        rig.enqueue(*burst)
        rig.run()
        assert rig.dequeue() == [(address, statuses[address]) for address in burst]
    total = len(rig.runner.jobs)
    assert rig.read(IRRIR) == total % depth * rig.pointer_size
    assert rig.read(ORWIR) == total % output_depth * (rig.pointer_size + 4)


def test_a_burst_is_read_and_written_in_few_transfers() -> None:
    rig = SecRig(LITTLE40)
    rig.start(depth=16)
    rig.enqueue(*addresses(seeded(), rig, 12))
    rig.run()
    assert rig.memory.reads == [(INPUT, 12 * 8)]
    assert [size for _, size in rig.memory.writes] == [12 * 12]
    rig.dequeue()
    rig.memory.reads.clear()
    rig.memory.writes.clear()
    rig.enqueue(*addresses(seeded(), rig, 8))
    rig.run()
    assert rig.memory.reads == [(INPUT + 12 * 8, 4 * 8), (INPUT, 4 * 8)]


def test_entries_are_in_memory_before_the_count_and_the_interrupt_say_so() -> None:
    rig = SecRig(BIG40)
    rig.start()
    seen = []
    rig.memory.on_access = lambda kind, address, size: seen.append((kind, rig.read(ORSFR), rig.irq))
    rig.enqueue(*addresses(seeded(), rig, 3))
    rig.run()
    assert seen == [("read", 0, False), ("write", 0, False)]
    assert rig.read(ORSFR) == 3
    assert rig.irq


def test_a_full_output_ring_stalls_jobs_until_entries_are_removed() -> None:
    choice = seeded()
    rig = SecRig()
    rig.start(depth=20, output_depth=5)
    jobs = addresses(choice, rig, 20)
    rig.enqueue(*jobs)
    rig.run()
    assert rig.runner.jobs == jobs[:5]
    assert rig.read(ORSFR) == 5
    assert rig.read(IRSAR) == 5
    assert [address for address, _ in rig.dequeue()] == jobs
    assert rig.read(IRSAR) == 20


def test_jobs_can_be_added_while_one_runs() -> None:
    choice = seeded()
    rig = SecRig()
    rig.start(depth=64)
    waiting = addresses(choice, rig, 50)
    everything = list(waiting)

    def job(address: int) -> int:
        assert rig.read(CSTA) & 3 == 1  # busy
        for _ in range(min(len(waiting), choice.randrange(3))):
            rig.enqueue(waiting.pop(0))
        return 0

    rig.runner.on_job = job
    while waiting:
        rig.enqueue(waiting.pop(0))
        rig.run()
    assert [address for address, _ in rig.dequeue()] == everything
    assert rig.read(CSTA) & 3 == 2  # idle


def test_rings_are_apart() -> None:
    choice = seeded()
    rig = SecRig()
    rig.start()
    jobs = addresses(choice, rig, 3)
    rig.enqueue(*jobs)
    rig.run()
    assert rig.read(ORSFR, ring=1) == 0
    assert rig.read(IRSR, ring=1) == 0
    assert not rig.sec.rings[1].wire_level("interrupt")
    assert not rig.runners[1].jobs


def test_dequeued_requests_are_counted_for_the_whole_sec() -> None:
    rig = SecRig(LITTLE40)
    rig.start()
    rig.enqueue(*addresses(seeded(), rig, 7))
    rig.run()
    for device in (rig.sec.rings[2], rig.controller):
        assert device.read(0, 0xF00, 8) == 7
        assert device.read(0, 0xF00, 4) == 7
    assert rig.block(8, 0xF00) == 7


def test_address_bits_that_the_part_has_not_are_dropped() -> None:
    rig = SecRig(BIG40)
    rig.start()
    rig.set_input(0, 0xABCDEF12_34567890)
    rig.write(0x1C, 1)
    rig.run()
    assert rig.runner.jobs == [0x12_34567890]
    assert rig.output(0) == (0x12_34567890, 0)


def test_the_machine_is_told_which_jobs_waited_and_when_to_forget() -> None:
    rig = SecRig()
    rig.start(depth=64)
    for count in (1, 3, 20, 1):
        rig.enqueue(*addresses(seeded(), rig, count))
        rig.run()
    expected = [False, False, True, True, False, *[True] * 19, False]
    assert rig.runner.follows == expected
    assert rig.runner.resets == 1
    rig.dequeue()
    rig.start()
    assert rig.runner.resets == 1  # not before a job needs it
    rig.enqueue(4)
    rig.run()
    assert rig.runner.resets == 2
