# SPDX-License-Identifier: MIT
"""PAMU: registers, what is captured of violations and errors, interrupts, saved state."""

from __future__ import annotations

import json
import threading
from typing import Any

import pytest
from pamu_rig import (
    ALL,
    APV_WRITE,
    AV,
    AV_MASK,
    AVAH,
    AVAL,
    AVICS,
    AVIE,
    AVS1,
    AVS2,
    LAV_INVALID,
    LIODN,
    OLAL,
    PAMUBYPENR,
    PC,
    PC2,
    PC3,
    PICS,
    POEAH,
    POEAL,
    POEICS,
    POEIE,
    POES1,
    POES2,
    PPBAH,
    PR1,
    PRIMARY,
    QUERY,
    WAV_OUTSIDE,
    Rig,
    primary,
    seeded,
)

from models.pamu import Pamu
from testbed.errors import TestbedError
from testbed.remoteport.device import BusError, StateError

KEPT = (
    *range(PPBAH, OLAL + 4, 4),
    *(0x60, 0x64, 0x68),
    PC,
    *(0xC14, 0xC18, 0xF00, 0xF04, 0xF08, 0xF0C),
)
PAGE = 4096


def refused(rig: Rig, address: int, *, write: bool = False, dma: Any = None) -> None:
    dma = dma or rig.dma
    if write:
        with pytest.raises(BusError):
            dma.write(address, b"refused")
    else:
        with pytest.raises(BusError):
            dma.read(address, 4)


def test_values_after_reset() -> None:
    rig = Rig(units=5)
    for unit in range(5):
        assert rig.get(PC3, unit) >> 21 & 0xF == 7, "256 subwindows"
        assert rig.get(PC2, unit) >> 16 == 0xFFF
        assert rig.get(PR1, unit) & 0xFFFF == 0x0100
        for register in set(range(0, 0x1000, 4)) - {PC2, PC3, PR1}:
            assert rig.get(register, unit) == 0


def test_registers_that_keep_what_is_written() -> None:
    choice, rig = seeded(), Rig(units=5)
    written = {(unit, register): choice.getrandbits(32) for unit in range(5) for register in KEPT}
    for (unit, register), value in written.items():
        rig.put(register, value, unit)
    assert {place: rig.get(place[1], place[0]) for place in written} == written
    for register in set(range(0, 0x1000, 4)) - {*KEPT, PICS}:
        before = rig.get(register)
        rig.put(register, 0xFFFFFFFF)
        assert rig.get(register) == before
    rig.pamu.reset()
    assert {rig.get(register, unit) for unit, register in written} == {0}


def test_accesses_of_other_sizes() -> None:
    """Registers take whole words; two at once are 64-bit addresses, high half first."""
    rig = Rig()
    rig.pamu.write(0, PPBAH, 8, 0x0000_0001_2345_6000)
    assert (rig.get(PPBAH), rig.get(PPBAH + 4)) == (1, 0x23456000)
    assert rig.pamu.read(0, PPBAH, 8) == 0x0000_0001_2345_6000
    assert rig.pamu.read(0, PPBAH + 6, 2) == 0x6000
    rig.pamu.write(0, PPBAH + 6, 2, 0xFFFF)
    assert rig.get(PPBAH + 4) == 0x23456000
    for offset, size in ((0x2000, 4), (0x1FFE, 4), (-4, 4)):
        with pytest.raises(BusError, match="leaves its registers"):
            rig.pamu.read(0, offset, size)


def test_traces_name_registers() -> None:
    pamu = Pamu(units=2)
    for offset, value, text in (
        (0x1050, 0x007F0081, "AVS1.LIODN=0x7f AVS1.WAV=1 AVS1.AV=1"),
        (0x0C10, 0x40001011, "PC.PE=1 PC.OCE=1 PC.SPCC=1 PC.PPCC=1"),
        (0x1C1C, 0x0000000C, "PICS.AVICS=1 PICS.AVIE=1"),
        (0x0004, 0x12345000, "PPBAL=0x12345000"),
    ):
        ref = pamu.register_at(0, offset, 4, False)
        assert ref is not None
        assert ref.describe(value) == text


@pytest.mark.parametrize(("units", "liodn", "unit"), [(0, 1, 0), (17, 1, 0)])
def test_a_part_without_or_with_too_many_pamus(units: int, liodn: int, unit: int) -> None:
    with pytest.raises(TestbedError, match=f"iommu: {units} PAMUs, expected 1 to 16"):
        Pamu(units=units)


@pytest.mark.parametrize(("liodn", "unit"), [(-1, 0), (0x10000, 0), (1, -1), (1, 2)])
def test_a_port_that_cannot_be(liodn: int, unit: int) -> None:
    with pytest.raises(TestbedError, match="iommu: no port for LIODN"):
        Pamu(units=2).port(liodn, unit)


# Violations


def test_the_first_violation_is_captured() -> None:
    rig = Rig()
    rig.start()
    rig.entry(primary(0, PAGE, ap=QUERY))
    other = rig.attach(LIODN + 1).dma
    refused(rig, 0xF_1234_5678)
    captured = (LIODN, WAV_OUTSIDE | AV, 0xF_1234_5678)
    assert rig.violation == captured
    refused(rig, 0x20, write=True)
    refused(rig, 0, dma=other)
    assert rig.violation == captured
    assert (rig.get(AVS2), rig.get(POES1), rig.get(POES2)) == (0, 0, 0)
    # Cleared, LIODN and address stay until the next one.
    rig.put(AVS1, rig.get(AVS1) & AV_MASK)
    assert rig.violation == (LIODN, 0, 0xF_1234_5678)
    refused(rig, 0, dma=other)
    assert rig.violation == (LIODN + 1, LAV_INVALID | AV, 0)


def test_status_bits_are_cleared_one_by_one() -> None:
    rig = Rig()
    rig.start()
    rig.entry(primary(0, PAGE, ap=QUERY))
    refused(rig, 0x20, write=True)
    rig.put(AVS1, 0)
    assert rig.violation[1] == APV_WRITE | AV
    rig.put(AVS1, APV_WRITE)
    assert rig.violation == (LIODN, AV, 0x20)
    rig.put(AVS1, 0xFFFF0000)
    assert rig.violation == (LIODN, AV, 0x20)
    rig.put(AVS1, AV)
    assert rig.violation == (LIODN, 0, 0x20)
    for register in (AVAH, AVAL):
        rig.put(register, 0xFFFFFFFF)
    assert rig.violation == (LIODN, 0, 0x20)


def test_interrupt_of_a_violation() -> None:
    rig = Rig()
    rig.start()
    assert rig.get(PICS) == AVIE
    assert not rig.irq
    refused(rig, 0)
    assert rig.get(PICS) == AVIE | AVICS
    assert (rig.irq, rig.error_irq) == (True, False)
    rig.put(AVS1, AV_MASK)
    assert rig.irq, "the interrupt is PICS's alone"
    rig.put(PICS, AVIE)
    assert rig.irq, "zeros clear nothing"
    rig.put(PICS, AVIE | AVICS)
    assert (rig.get(PICS), rig.irq) == (AVIE, False)


def test_a_violation_is_noted_while_its_interrupt_is_not_enabled() -> None:
    rig = Rig()
    rig.start()
    rig.put(PICS, 0)
    refused(rig, 0)
    assert (rig.get(PICS), rig.irq) == (AVICS, False)
    rig.put(PICS, AVIE)
    assert rig.irq
    rig.put(PICS, AVICS)
    assert (rig.get(PICS), rig.irq) == (0, False)


def test_a_violation_between_the_handler_s_two_writes_is_not_lost_for_ever() -> None:
    """AVS1 is cleared, the next one captured, PICS cleared: the one after that interrupts again."""
    rig = Rig()
    rig.start()
    refused(rig, 0x1000)
    pics = rig.get(PICS)
    rig.put(AVS1, rig.get(AVS1) & AV_MASK)
    refused(rig, 0x2000)
    rig.put(PICS, pics)
    assert not rig.irq
    assert rig.violation == (LIODN, LAV_INVALID | AV, 0x2000)
    refused(rig, 0x3000)
    assert rig.irq
    assert rig.violation == (LIODN, LAV_INVALID | AV, 0x2000)


def test_each_refused_piece_of_a_batch_counts_in_order() -> None:
    rig = Rig()
    rig.start()
    rig.entry(primary(0, PAGE))
    with pytest.raises(BusError) as caught:
        rig.dma.read_many([(0, 16), (0x5000, 16), (0x6000, 16), (0x10, 16)])
    assert caught.value.index == 1
    assert rig.violation == (LIODN, WAV_OUTSIDE | AV, 0x5000)


def test_pamus_of_a_part_share_the_interrupt_and_nothing_else() -> None:
    rig = Rig(units=3, unit=1)
    rig.start()
    refused(rig, 0x1000)
    assert rig.irq
    assert [rig.get(PICS, unit) for unit in range(3)] == [0, AVIE | AVICS, 0]
    assert [rig.get(AVS1, unit) for unit in (0, 2)] == [0, 0]
    rig.unit = 2
    rig.start()
    refused(rig, 0x2000, dma=rig.attach(9, 2).dma)
    assert rig.violation == (9, LAV_INVALID | AV, 0x2000)
    rig.acknowledge()
    assert rig.irq, "the other one's is pending still"
    rig.unit = 1
    assert rig.violation == (LIODN, LAV_INVALID | AV, 0x1000)
    rig.acknowledge()
    assert not rig.irq


# Operation errors


def test_operation_errors_have_an_interrupt_of_their_own() -> None:
    rig = Rig()
    rig.start()
    rig.put(PICS, AVIE | POEIE)
    second = rig.attach(2).dma
    entry = PRIMARY + LIODN * 64
    rig.memory.refused = [range(PRIMARY, PRIMARY + 0x14000)]
    refused(rig, 0)
    refused(rig, 0, dma=second)
    assert (rig.get(POES1), rig.get(POEAH) << 32 | rig.get(POEAL)) == (1, entry)
    assert rig.get(PICS) & POEICS
    assert rig.error_irq
    rig.put(POES1, 1)
    assert (rig.get(POES1), rig.get(POEAL), rig.error_irq) == (0, entry & 0xFFFFFFFF, True)
    rig.put(PICS, AVIE | POEIE | POEICS)
    assert not rig.error_irq
    refused(rig, 0, dma=second)
    assert (rig.get(POES1), rig.get(POEAL)) == (1, (PRIMARY + 128) & 0xFFFFFFFF)
    rig.put(PICS, AVIE)
    assert not rig.error_irq


# Reset and state


def test_reset() -> None:
    rig = Rig()
    rig.start()
    refused(rig, 0)
    rig.pamu.reset()
    rig.config.reset()
    assert (rig.violation, rig.get(PICS), rig.get(PC), rig.irq) == ((0, 0, 0), 0, 0, False)
    assert rig.config.read(0, PAMUBYPENR, 4) == 0xC0000000
    rig.dma.read(0, 16)


def test_state_comes_back() -> None:
    choice, rig = seeded(), Rig(units=2, unit=1)
    for register in KEPT:
        rig.put(register, choice.getrandbits(32))
    rig.start()
    rig.put(PICS, AVIE | POEIE)
    rig.entry(primary(0, PAGE, ap=ALL))
    refused(rig, 0x5000)
    rig.memory.refused = [range(PRIMARY, PRIMARY + 0x14000)]
    refused(rig, 0)
    rig.memory.refused = []
    state = json.loads(json.dumps(rig.pamu.save()))
    other = Rig(units=2, unit=1)
    other.config.load(json.loads(json.dumps(rig.config.save())))
    other.pamu.load(state)
    other.memory.pages = rig.memory.pages
    for unit in range(2):
        for register in range(0, 0x1000, 4):
            assert other.get(register, unit) == rig.get(register, unit)
    assert (other.irq, other.error_irq) == (True, True)
    other.dma.read(0, 16)
    refused(other, 0x6000)
    assert other.pamu.save() == state


@pytest.mark.parametrize(
    ("change", "message"),
    [
        (lambda s: s.pop("units"), "field 'units' is missing"),
        (lambda s: s["units"].pop(), r"field 'units' holds \[.*, 1 items, expected 2"),
        (lambda s: s["units"][1].pop("PC"), r"field 'units\[1\].PC' is missing"),
        (lambda s: s["units"][0].update(X=1), r"field 'units\[0\].X' is not known"),
        (lambda s: s["units"][0].update(AVS1=0x8000), r"field 'units\[0\].AVS1' holds 32768"),
        (lambda s: s["units"][0].update(PICS=0x10), r"field 'units\[0\].PICS' holds 16"),
        (lambda s: s["units"][0].update(PPBAL=1 << 32), r"field 'units\[0\].PPBAL' holds"),
        (lambda s: s["units"][0].update(PC=True), r"field 'units\[0\].PC' holds True"),
    ],
)
def test_a_state_that_does_not_fit_changes_nothing(change: Any, message: str) -> None:
    rig = Rig(units=2)
    rig.start()
    state = json.loads(json.dumps(rig.pamu.save()))
    state["units"][1]["PPBAL"] = 0x1000
    change(state)
    before = rig.pamu.save()
    with pytest.raises(StateError, match=message):
        rig.pamu.load(state)
    assert rig.pamu.save() == before


# Threads


def test_the_lock_is_not_held_while_tables_are_read() -> None:
    """Another device's transfer, or the driver, gets through while a link is slow."""
    rig = Rig()
    rig.start()
    rig.entry(primary(0, PAGE))
    rig.entry(primary(0, PAGE), 2)
    second = rig.attach(2).dma
    done = threading.Event()

    def elsewhere() -> None:
        second.read(0, 16)
        rig.get(PICS)
        done.set()

    def during() -> None:
        thread = threading.Thread(target=elsewhere)
        thread.start()
        assert done.wait(20), "the PAMU's lock is held over DMA"
        thread.join()

    rig.memory.during = during
    rig.dma.read(0, 16)
    assert done.is_set()


def test_many_threads() -> None:
    choice, rig = seeded(), Rig()
    rig.start()
    rig.subwindows(0, 16 * PAGE, {n: (n * PAGE + (1 << 20), ALL) for n in range(0, 16, 2)}, 16)
    data = choice.randbytes(16 * PAGE)
    rig.memory.poke(1 << 20, data)
    failures: list[str] = []

    def use(seed: int) -> None:
        page = seed % 16
        for _ in range(200):
            try:
                if rig.dma.read(page * PAGE, 64) != data[page * PAGE :][:64]:
                    failures.append(f"page {page} holds something else")
            except BusError:
                if not page % 2:
                    failures.append(f"page {page} was refused")
            else:
                if page % 2:
                    failures.append(f"page {page} was not refused")

    threads = [threading.Thread(target=use, args=(n,)) for n in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert failures == []
