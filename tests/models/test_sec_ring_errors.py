# SPDX-License-Identifier: MIT
"""What a job ring does about misuse and bad addresses: JRINTR's error types and fault registers."""

from __future__ import annotations

import pytest
from sec_ring_rig import (
    BIG40,
    CSTA,
    FADR,
    FALR,
    FAR,
    INPUT,
    IRBAR,
    IRJAR,
    IRRIR,
    IRSAR,
    IRSR,
    JRCR,
    JRE,
    JRI,
    JRINTR,
    ORBAR,
    ORJRR,
    ORSFR,
    ORSR,
    ORWIR,
    OUTPUT,
    PARK,
    SecRig,
    addresses,
    seeded,
)

from testbed.remoteport.device import BusError


def error_of(rig: SecRig) -> int:
    """The error type, after checking that it interrupts; acknowledged."""
    value = rig.read(JRINTR)
    assert value & JRE
    assert value & JRI
    assert rig.irq
    rig.write(JRINTR, JRI | JRE)
    assert not rig.read(JRINTR) & ~0xC
    return value >> 8 & 0x1F


def test_more_jobs_than_slots() -> None:
    choice = seeded()
    rig = SecRig()
    rig.start(depth=8)
    rig.write(JRCR, PARK)
    rig.write(IRJAR, 6)
    rig.write(IRJAR, 3)
    assert error_of(rig) == 9
    assert rig.read(IRSAR) == 2  # the write was ignored
    rig.write(IRJAR, 2)
    assert rig.read(IRSAR) == 0
    rig.write(IRJAR, choice.randrange(1, 1024))
    assert error_of(rig) == 9


def test_a_ring_of_no_entries_takes_no_job() -> None:
    rig = SecRig()
    rig.write(IRJAR, 1)
    assert error_of(rig) == 9
    assert rig.run() == 0


def test_more_jobs_removed_than_are_there() -> None:
    rig = SecRig()
    rig.start()
    rig.enqueue(*addresses(seeded(), rig, 3))
    rig.run()
    rig.write(JRINTR, JRI)
    rig.write(ORJRR, 4)
    assert error_of(rig) == 8
    assert rig.read(ORSFR) == 3
    rig.write(ORJRR, 3)
    assert rig.read(JRINTR) == 0


@pytest.mark.parametrize("register", [IRBAR, IRBAR + 4, IRSR])
def test_input_ring_registers_are_fixed_while_jobs_wait(register: int) -> None:
    rig = SecRig()
    rig.start(depth=8, output_depth=0)  # nothing can run
    rig.enqueue(*addresses(seeded(), rig, 2))
    before = rig.read(register)
    rig.write(register, before ^ 0x7C)
    assert error_of(rig) == 5
    assert rig.read(register) == before
    rig.write(JRCR, PARK)
    rig.write(register, before ^ 0x7C)
    assert rig.read(register) == before ^ 0x7C
    assert not rig.read(JRINTR) & JRE


@pytest.mark.parametrize("register", [ORBAR, ORBAR + 4, ORSR])
def test_output_ring_registers_are_fixed_while_it_is_in_use(register: int) -> None:
    rig = SecRig()
    rig.start(depth=8)
    rig.enqueue(*addresses(seeded(), rig, 2))
    rig.run()
    rig.write(JRINTR, JRI)
    before = rig.read(register)
    rig.write(register, before ^ 0x7C)
    assert error_of(rig) == 6
    assert rig.read(register) == before
    rig.write(ORJRR, 2)
    rig.write(register, before ^ 0x7C)
    assert rig.read(register) == before ^ 0x7C


@pytest.mark.parametrize(
    ("register", "active", "value", "out_of_range"),
    [(IRSAR, 0xE, 9, 0xB), (IRRIR, 0xF, 8 * 4, 0xD), (ORSFR, 0x10, 9, 0xA), (ORWIR, 0x11, 64, 0xC)],
)
def test_places_are_written_while_halted_only_and_within_the_ring(
    register: int, active: int, value: int, out_of_range: int
) -> None:
    rig = SecRig()
    rig.start(depth=8)
    before = rig.read(register)
    rig.write(register, 0)
    assert error_of(rig) == active
    assert rig.read(register) == before
    rig.write(JRCR, PARK)
    rig.write(register, value)
    assert error_of(rig) == out_of_range
    assert rig.read(register) == before


@pytest.mark.parametrize(("register", "kind"), [(IRBAR, 3), (ORBAR, 4)])
def test_ring_addresses_must_be_whole_words(register: int, kind: int) -> None:
    rig = SecRig()
    rig.start()
    where = INPUT if register == IRBAR else OUTPUT
    rig.write_base(register, rig.base + where + 2)
    rig.enqueue(*addresses(seeded(), rig, 2))
    rig.run()
    assert error_of(rig) == kind
    assert not rig.memory.reads
    rig.write(JRINTR, JRI | JRE)
    rig.enqueue(0)
    rig.run()
    assert not rig.runner.jobs  # dead until it is reset
    rig.start()
    rig.enqueue(4)
    rig.run()
    assert rig.dequeue() == [(4, 0)]


def test_an_input_ring_that_is_not_there() -> None:
    choice = seeded()
    rig = SecRig(BIG40)
    rig.set_control(0x10 + 4, 0x123)  # JR0LIODNR_LS
    rig.start(depth=8)
    bad = choice.getrandbits(35) & ~7
    rig.write_base(IRBAR, bad)
    rig.enqueue(4, 8)
    rig.run()
    assert error_of(rig) == 3
    for ring in (0, 2):
        assert rig.read(FAR, ring) << 32 | rig.read(FAR + 4, ring) == bad
        assert rig.read(FALR, ring) == 0x123
    assert rig.read(FADR) & 0xFF == 0x80 | 16  # a read of two entries
    assert rig.read(CSTA) & 3 == 2


def test_the_first_fault_stays_until_its_detail_is_read() -> None:
    rig = SecRig()
    rig.start(depth=8)
    seen = []
    for bad in (0x1000, 0x2000, 0x3000):
        rig.write_base(IRBAR, bad)
        rig.enqueue(4)
        rig.run()
        assert error_of(rig) == 3
        seen.append(rig.read(FAR + 4))
        if bad == 0x2000:
            rig.read(FADR)
        rig.start(depth=8)
    assert seen == [0x1000, 0x1000, 0x3000]


def test_an_output_ring_that_cannot_be_written() -> None:
    choice = seeded()
    rig = SecRig()
    rig.start(depth=8)
    first = addresses(choice, rig, 5)
    rig.enqueue(*first)
    rig.run()
    assert rig.dequeue() == [(address, 0) for address in first]
    rig.write(JRINTR, JRI)
    rig.memory.refuse = {"write"}
    rig.enqueue(*addresses(choice, rig, 2))
    rig.run()
    value = rig.read(JRINTR)
    assert value >> 16 == 5 * 8
    assert error_of(rig) == 1
    assert rig.read(FAR + 4) == rig.base + OUTPUT + 5 * 8
    assert not rig.read(FADR) & 0x80
    assert rig.read(ORSFR) == 0


def test_faults_of_jobs_are_noted_as_well() -> None:
    choice = seeded()
    rig = SecRig()
    rig.start()
    bad = choice.getrandbits(28)

    def job(address: int) -> int:
        memory = rig.runner.memory
        try:
            memory.write_many([(rig.base, b"abc"), (bad, b"defgh")])
        except BusError:
            return 0x40000016
        return 0

    rig.runner.on_job = job
    rig.enqueue(4)
    rig.run()
    assert rig.dequeue() == [(4, 0x40000016)]
    assert rig.read(FAR + 4) == bad
    assert rig.read(FADR) & 0xFF == 5

    with pytest.raises(BusError):
        rig.runner.memory.read_many([(rig.base, 4), (bad + 1, 6)])
    assert rig.read(FAR + 4) == bad + 1
    assert rig.read(FADR) & 0xFF == 0x80 | 6
    for size, transfer in ((3, rig.runner.memory.read), (2, rig.runner.memory.write)):
        with pytest.raises(BusError):
            transfer(bad + 2, size if size == 3 else b"ab")  # type: ignore[operator]
        assert rig.read(FAR + 4) == bad + 2
        assert rig.read(FADR) & 0x7F == size
