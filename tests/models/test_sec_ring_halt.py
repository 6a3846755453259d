# SPDX-License-Identifier: MIT
"""Flush, park, resume and reset of a job ring, idle and with jobs under way."""

from __future__ import annotations

import pytest
from sec_ring_rig import (
    HALTED,
    HALTING,
    IMSK,
    IRBAR,
    IRRIR,
    IRSAR,
    IRSR,
    JRCFGR_LS,
    JRCR,
    JRE,
    JRI,
    JRINTR,
    ORJRR,
    ORSFR,
    ORSR,
    ORWIR,
    PARK,
    RESET,
    SOE,
    SecRig,
    addresses,
    seeded,
)

from testbed.remoteport.device import LinkError

FLUSHED = 0x4000001A  # DECO: job failed due to JR reset


def test_the_reset_handshake_of_an_idle_ring() -> None:
    rig = SecRig()
    rig.start()
    rig.enqueue(*addresses(seeded(), rig, 3))
    rig.run()
    assert rig.read(IRRIR)
    rig.write(JRCR, RESET)
    assert rig.halt == HALTED
    assert rig.read(IRSR) == 16  # flushed, not reset
    rig.write(JRCR, RESET)
    for register in (IRBAR, IRBAR + 4, IRSR, IRSAR, ORSR, ORSFR, IRRIR, ORWIR, JRINTR, JRCFGR_LS):
        assert rig.read(register) == 0, hex(register)
    assert not rig.irq


def test_flush_while_a_job_runs_lets_it_end_and_fails_those_fetched() -> None:
    choice = seeded()
    rig = SecRig()
    rig.start(depth=64)
    jobs = addresses(choice, rig, 40)
    last = choice.randrange(1, 8)

    def job(address: int) -> int:
        if address == jobs[last]:
            rig.write(JRCR, RESET)
            assert rig.halt == HALTING
            rig.write(JRINTR, HALTED)  # too early to resume
            assert rig.halt == HALTING
        return 0

    rig.runner.on_job = job
    rig.enqueue(*jobs)
    rig.run()
    assert rig.halt == HALTED
    assert rig.runner.jobs == jobs[: last + 1]
    done = rig.dequeue()
    fetched = len(done)
    assert done == [(a, 0 if n <= last else FLUSHED) for n, a in enumerate(jobs[:fetched])]
    assert last < fetched < 40
    assert rig.read(IRSAR) == 64 - (40 - fetched)  # the rest waits

    rig.write(JRINTR, HALTED)  # resume
    rig.run()
    assert rig.dequeue() == [(address, 0) for address in jobs[fetched:]]


def test_reset_drops_what_waits() -> None:
    choice = seeded()
    rig = SecRig()
    rig.start(depth=64)
    jobs = addresses(choice, rig, 40)
    rig.runner.on_job = lambda address: rig.write(JRCR, RESET) or 0
    rig.enqueue(*jobs)
    rig.run()
    rig.write(JRCR, RESET)
    rig.run()
    assert rig.read(ORSFR) == 0
    rig.runner.on_job = lambda address: 0
    rig.start()
    more = addresses(choice, rig, 5)
    rig.enqueue(*more)
    rig.run()
    assert rig.dequeue() == [(address, 0) for address in more]


def test_park_ends_what_was_fetched_and_resume_goes_on() -> None:
    choice = seeded()
    rig = SecRig()
    rig.start(depth=64)
    jobs = addresses(choice, rig, 40)
    rig.runner.on_job = lambda address: rig.write(JRCR, PARK) or 0
    rig.enqueue(*jobs)
    rig.run()
    assert rig.halt == HALTED
    done = rig.dequeue()
    assert done == [(address, 0) for address in jobs[: len(done)]]
    assert 0 < len(done) < 40
    rig.enqueue(jobs[0])  # a halted ring takes jobs and does not run them
    rig.run()
    assert rig.read(ORSFR) == 0
    rig.runner.on_job = lambda address: 0
    rig.write(JRINTR, HALTED)
    rig.run()
    assert rig.dequeue() == [(address, 0) for address in [*jobs[len(done) :], jobs[0]]]


def test_a_parked_ring_is_flushed_before_it_is_reset() -> None:
    rig = SecRig()
    rig.start()
    rig.write(JRCR, PARK)
    assert rig.halt == HALTED
    rig.write(JRCR, RESET)
    assert rig.halt == HALTED
    assert rig.read(IRSR) == 16
    rig.write(JRCR, RESET)
    assert rig.read(IRSR) == 0


def test_reset_before_the_halt_is_complete_is_an_error() -> None:
    rig = SecRig()
    rig.start()

    def job(address: int) -> int:
        rig.write(JRCR, RESET)
        rig.write(JRCR, RESET)
        return 0

    rig.runner.on_job = job
    rig.enqueue(*addresses(seeded(), rig, 1))
    rig.run()
    assert rig.read(JRINTR) == 7 << 8 | HALTED | JRE | JRI
    assert rig.read(IRSR) == 16
    rig.write(JRCR, RESET)
    assert rig.read(JRINTR) == 0


def test_stop_on_error_halts_after_the_job_that_failed() -> None:
    choice = seeded()
    rig = SecRig()
    rig.start(depth=32, config=SOE)
    jobs = addresses(choice, rig, 20)
    bad = choice.randrange(20)
    rig.runner.on_job = lambda address: 0x20000A1A if address == jobs[bad] else 0
    rig.enqueue(*jobs)
    rig.run()
    assert rig.halt == HALTED
    assert rig.runner.jobs == jobs[: bad + 1]
    rig.write(JRINTR, HALTED)
    rig.run()
    assert rig.runner.jobs == jobs


def test_indexes_and_counts_can_be_set_while_halted() -> None:
    """As software does that gives a ring another owner's place back."""
    choice = seeded()
    rig = SecRig()
    rig.start(depth=8)
    rig.write(JRCR, PARK)
    rig.write(IRRIR, 5 * 4)
    rig.write(ORWIR, 3 * 8)
    rig.write(IRSAR, 6)
    rig.write(ORSFR, 0)
    jobs = addresses(choice, rig, 2)
    rig.set_input(5, jobs[0])
    rig.set_input(6, jobs[1])
    rig.write(JRINTR, HALTED)
    rig.run()
    assert rig.runner.jobs == jobs
    assert [rig.output(3), rig.output(4)] == [(address, 0) for address in jobs]
    assert not rig.read(JRINTR) & JRE


@pytest.mark.parametrize("where", ["read", "job", "write"])
def test_machine_reset_while_a_job_is_under_way(where: str) -> None:
    choice = seeded()
    rig = SecRig()
    rig.start(depth=32)

    def strike(*_: object) -> int:
        rig.memory.on_access = lambda kind, address, size: None
        rig.runner.on_job = lambda address: 0
        for device in rig.devices:
            device.drop_deferred(device.deferred)
            device.reset()
        raise LinkError("the machine was reset meanwhile")

    if where == "job":
        rig.runner.on_job = strike
    else:
        rig.memory.on_access = lambda kind, *rest: kind == where and strike()
    rig.enqueue(*addresses(choice, rig, 20))
    with pytest.raises(LinkError):
        rig.run()
    assert rig.read(ORSFR) == 0
    assert rig.read(CSTA_IDLE[0]) & 3 == CSTA_IDLE[1]
    rig.start(depth=32)
    jobs = addresses(choice, rig, 20)
    rig.enqueue(*jobs)
    rig.run()
    assert rig.dequeue() == [(address, 0) for address in jobs]


CSTA_IDLE = (0xFD4, 2)


def test_software_reset_of_the_sec_while_a_job_runs() -> None:
    """From the controller's page, whose accesses another thread serves."""
    choice = seeded()
    rig = SecRig()
    rig.start(depth=32)

    def job(address: int) -> int:
        rig.set_control(0x004, 1 << 31)
        return 0

    rig.runner.on_job = job
    rig.enqueue(*addresses(choice, rig, 5))
    rig.run()
    assert len(rig.runner.jobs) == 1
    assert not rig.memory.writes
    assert rig.read(ORSFR) == rig.read(IRSR) == rig.read(JRINTR) == 0
    assert not rig.irq
    rig.runner.on_job = lambda address: 0
    rig.start()
    more = addresses(choice, rig, 5)
    rig.enqueue(*more)
    rig.run()
    assert rig.dequeue() == [(address, 0) for address in more]


def test_software_reset_lowers_the_interrupt_without_an_access_to_the_ring() -> None:
    rig = SecRig()
    rig.start()
    rig.enqueue(*addresses(seeded(), rig, 1))
    rig.run()
    assert rig.irq
    rig.set_control(0x004, 1 << 31)
    rig.run()
    assert not rig.irq


def test_a_qemu_that_leaves_takes_its_work_and_the_next_doorbell_is_heard() -> None:
    choice = seeded()
    rig = SecRig()
    rig.start()
    jobs = addresses(choice, rig, 2)
    rig.enqueue(jobs[0])
    rig.ring.drop_deferred(1)
    rig.enqueue(jobs[1])
    rig.run()
    assert rig.runner.jobs == jobs


def test_the_handshake_of_the_vfio_reset_handler_whatever_the_user_left() -> None:
    choice = seeded()
    for left in range(6):
        rig = SecRig()
        rig.start(depth=8, output_depth=4)
        if left >= 1:
            rig.enqueue(*addresses(choice, rig, 8))
        if left >= 2:
            rig.run()  # the output ring is full now
        if left in (3, 4):
            rig.write(JRCR, PARK if left == 3 else RESET)
        if left == 5:
            rig.write(IRBAR, 1)  # an error stands
        rig.write(JRCFGR_LS, IMSK)
        if rig.halt == HALTED:
            rig.write(JRINTR, HALTED)
        rig.write(JRCR, RESET)
        rig.run()
        while rig.halt != HALTED:
            rig.write(ORJRR, rig.read(ORSFR))
            rig.run()
        rig.write(JRCR, RESET)
        assert not rig.read(JRCR)
        for register in (IRSR, ORSR, IRBAR, IRBAR + 4):
            rig.write(register, 0)
        rig.write(JRCFGR_LS, IMSK)
        rig.write(JRINTR, JRI | JRE)
        assert rig.read(JRINTR) == 0
        assert not rig.irq
        rig.run()
        assert rig.read(ORSFR) == 0
