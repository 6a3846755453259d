# SPDX-License-Identifier: MIT
"""QorIQ SATA: saved state."""

from __future__ import annotations

import json

import pytest
from fsl_sata_rig import (
    BUFFER,
    CAR,
    CCR,
    CQPMP,
    CQR,
    DER,
    FPDMA,
    HCONTROL,
    HSTATUS,
    ICC,
    ONLINE,
    SYSPR,
    Rig,
)
from sata_rig import READ_DMA, READ_FPDMA, Halves, copy, dma, queued

from testbed.remoteport.device import StateError


def registers(rig: Rig) -> list[int]:
    return [rig.read(offset) for offset in range(0, 0x1000, 4)]


@pytest.fixture
def rig() -> Rig:
    rig = Rig()
    rig.start()
    return rig


def test_registers_come_back(rig: Rig) -> None:
    rig.write(SYSPR, 0x12345678)
    rig.slot(0, dma(READ_DMA, 0, 1), [(BUFFER, 512)])
    rig.issue(1)
    other = copy(rig)
    assert registers(other) == registers(rig)
    assert other.irq is True
    assert other.port.deepest_queue == 1
    other.write(CCR, 1)
    assert not other.irq
    other.issue(1)
    assert other.read(CCR) == 1


def test_commands_that_wait_are_carried_out_by_the_copy(rig: Rig) -> None:
    for slot in range(8):
        rig.slot(slot, queued(READ_FPDMA, slot, 1, slot), [(BUFFER + slot * 512, 512)], flags=FPDMA)
    rig.issue(0xFF, work=False)
    other = copy(rig)
    other.work()
    assert other.state() == (0, 0, 0xFF, 0, 0)
    assert other.memory.peek(BUFFER, 4096) == other.disk._read(0, 8)


@pytest.mark.parametrize("count", [2, 30])
def test_commands_that_the_disk_holds_are_fetched_again(rig: Rig, count: int) -> None:
    """Taken by the disk, the data yet to come: the copy knows only the slot's number."""
    rig.disk.step = lambda: False  # type: ignore[method-assign]
    prds = [(BUFFER + n * 0x1000, 512) for n in range(count)]
    rig.slot(3, queued(READ_FPDMA, 30, count, 3), prds, flags=FPDMA)
    rig.issue(8)
    assert (rig.read(CQR), rig.read(CAR)) == (0, 8)
    other = copy(rig)
    other.work()
    assert other.state() == (0, 0, 8, 0, 0)
    got = b"".join(other.memory.peek(where, size) for where, size in prds)
    assert got == other.disk._read(30, count)


def test_half_done_transfer_goes_on_where_it_was() -> None:
    rig = Rig(Halves())
    rig.start()
    rig.slot(0, dma(READ_DMA, 4, 2), [(BUFFER, 1024)])
    rig.issue(1)
    assert rig.read(CAR) == 1
    other = copy(rig, disk=Halves())
    other.work()
    assert other.read(CCR) == 1
    assert other.memory.peek(BUFFER, 1024) == other.disk._read(4, 2)


def test_completions_that_wait_to_be_reported(rig: Rig) -> None:
    rig.write(ICC, 4 << 24 | 1000)
    rig.slot(0, dma(READ_DMA, 4, 1), [(BUFFER, 512)])
    rig.issue(1)
    assert not rig.irq
    other = copy(rig)
    assert not other.irq
    other.coalescing.advance(1)
    assert other.irq


def test_a_device_in_error_stays_in_error(rig: Rig) -> None:
    rig.disk.fail = lambda fis: True
    rig.write(CQPMP, 2)
    rig.slot(0, dma(READ_DMA, 4, 1), [(BUFFER, 512)])
    rig.issue(1)
    other = copy(rig)
    assert other.state() == (0, 0, 0, 1, 4)
    assert other.irq
    other.write(CQPMP, 2)
    other.slot(1, dma(READ_DMA, 4, 1), [(BUFFER, 512)])
    other.issue(2)
    assert other.read(CQR) == 2
    other.write(DER, 4)
    assert other.read(CQR) == 0


def test_reset_that_the_device_has_not_answered() -> None:
    rig = Rig()
    rig.write(HCONTROL, ONLINE)
    other = copy(rig)
    assert other.read(HSTATUS) == ONLINE | 0x10
    other.work()
    assert other.read(HSTATUS) == ONLINE | 0x18


@pytest.mark.parametrize(
    ("field", "value", "says"),
    [
        ("cqr", 0x10000, "expected bits of 0xffff"),
        ("car", 1, "but car holds 0x1"),
        ("chba", 1, "expected bits of 0xfffffffc"),
        ("hstatus", 1, "expected bits of"),
        ("hcontrol", 1 << 30, "expected bits of"),
        ("det", 2, "expected one of 0, 1, 3, 4"),
        ("ipm", 0, "but det is 3"),
        ("due", True, "but nothing has completed"),
        ("queued", 2, "but car holds 0x0"),
        ("devices", [0] * 15, "15 items, expected 16"),
        ("devices", [16] + [0] * 15, "expected 0 to 15"),
        ("transfers", [[16, 0]], "expected 0 to 15"),
        ("pio", [1], "1 items, expected 2"),
        ("current", 16, "expected bits of 0xf"),
        ("halted", 1, "expected true or false"),
        ("connecting", None, "expected true or false"),
    ],
)
def test_a_state_that_does_not_fit(rig: Rig, field: str, value: object, says: str) -> None:
    state = json.loads(json.dumps(rig.sata.save()))
    state["port"]["registers"][field] = value
    if field == "car":
        state["port"]["registers"]["cqr"] = 1
    before = rig.sata.save()
    with pytest.raises(StateError, match=says):
        rig.sata.load(state)
    assert rig.sata.save() == before


def test_a_state_of_another_arrangement(rig: Rig) -> None:
    state = json.loads(json.dumps(rig.sata.save()))
    with pytest.raises(StateError, match="but the port has none"):
        Rig(bare=True).sata.load(state)
    for broken in (
        state | {"port": None},
        state | {"stored": state["stored"][1:]},
        state | {"more": 1},
        state | {"port": state["port"] | {"deepest_queue": 17}},
        state | {"port": state["port"] | {"device": 5}},
    ):
        with pytest.raises(StateError, match=r"^sata: field"):
            rig.sata.load(broken)
