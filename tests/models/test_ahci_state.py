# SPDX-License-Identifier: MIT
"""AHCI: saved state."""

from __future__ import annotations

import json
from typing import Any

import pytest
from ahci_rig import BUFFER, CI, CMD, CR, GHC, SACT, SERR, TFD, Rig
from sata_rig import READ_DMA, READ_FPDMA, Disk, Halves, copy, dma, queued

from models.ahci import GENERIC, Ahci
from testbed.remoteport.device import StateError


def registers(rig: Rig) -> list[int]:
    return [rig.read(offset) for offset in range(0, 0x200, 4)]


def test_registers_come_back() -> None:
    rig = Rig()
    rig.start()
    rig.write(0xA8, 0x12345678)
    rig.ahci.write(1, 0, 4, 0x9ABCDEF0)
    rig.slot(0, dma(READ_DMA, 0, 1), [(BUFFER, 512)])
    rig.issue(1)
    other = copy(rig)
    assert registers(other) == registers(rig)
    assert other.ahci.read(1, 0, 4) == 0x9ABCDEF0
    assert other.irq is True
    assert other.port.deepest_queue == 1
    other.issue(1)
    assert other.read(CI) == 0


def test_commands_that_wait_are_carried_out_by_the_copy() -> None:
    rig = Rig()
    rig.start()
    for slot in range(8):
        rig.slot(slot, queued(READ_FPDMA, slot, 1, slot), [(BUFFER + slot * 512, 512)])
    rig.issue(0xFF, queued=True, work=False)
    other = copy(rig)
    other.work()
    assert (other.read(SACT), other.read(CI)) == (0, 0)
    assert other.memory.peek(BUFFER, 4096) == other.disk._read(0, 8)


def test_commands_that_the_disk_holds_are_fetched_again() -> None:
    """Accepted, PxCI clear, the data yet to come: the copy knows only the slot's number."""
    rig = Rig()
    rig.start()
    rig.disk.step = lambda: False  # type: ignore[method-assign]
    rig.slot(3, queued(READ_FPDMA, 30, 2, 3), [(BUFFER, 700), (BUFFER + 0x1000, 324)])
    rig.issue(8, queued=True)
    assert (rig.read(SACT), rig.read(CI)) == (8, 0)
    other = copy(rig)
    other.work()
    assert other.read(SACT) == 0
    data = other.disk._read(30, 2)
    assert other.memory.peek(BUFFER, 700) + other.memory.peek(BUFFER + 0x1000, 324) == data


def test_half_done_transfer_goes_on_where_it_was() -> None:
    rig = Rig(Halves())
    rig.start()
    rig.slot(0, dma(READ_DMA, 4, 2), [(BUFFER, 1024)])
    rig.issue(1)
    assert (rig.read(CI), rig.read(TFD) & 0x80) == (1, 0x80)
    other = copy(rig, disk=Halves())
    other.work()
    assert other.read(CI) == 0
    assert other.memory.peek(BUFFER, 1024) == other.disk._read(4, 2)
    assert other.prdbc(0) == 1024


def test_reset_that_the_device_has_not_answered() -> None:
    rig = Rig()
    rig.write(GHC, 1)
    other = copy(rig)
    assert other.read(TFD) == 0x80
    other.work()
    assert other.read(TFD) == 0x150


def test_halted_port_stays_halted() -> None:
    rig = Rig()
    rig.start()
    rig.disk.fail = lambda fis: True
    rig.slot(0, dma(READ_DMA, 0, 1), [(BUFFER, 512)])
    rig.issue(1)
    other = copy(rig)
    other.write(CI, 2)
    assert other.work() <= 1
    assert other.read(CI) == 3
    assert other.read(CMD) & CR


Path = tuple[str | int, ...]
PORT: Path = ("ports", 0, "registers")


@pytest.mark.parametrize(
    ("path", "value", "field"),
    [
        (("ghc",), 4, "ghc"),
        (("ghc",), "x", "ghc"),
        (("is",), 2, "is"),
        (("ecc",), -1, "ecc"),
        (("vendor",), [], "vendor"),
        (("vendor",), [[1]], "vendor"),
        (("ports",), [], "ports"),
        (("ports", 0), None, "ports[0]"),
        (("ports", 0, "deepest_queue"), 64, "ports[0].deepest_queue"),
        (("ports", 0, "device"), None, "ports[0].device"),
        (("ports", 0, "device"), 7, "ports[0].device"),
        ((*PORT, "clb"), 1, "ports[0].registers.clb"),
        ((*PORT, "cmd"), 1 << 15, "ports[0].registers.cmd"),
        ((*PORT, "det"), 2, "ports[0].registers.det"),
        ((*PORT, "ipm"), 0, "ports[0].registers.ipm"),
        ((*PORT, "ccs"), 32, "ports[0].registers.ccs"),
        ((*PORT, "running"), True, "ports[0].registers.running"),
        ((*PORT, "receiving"), True, "ports[0].registers.receiving"),
        ((*PORT, "halted"), True, "ports[0].registers.halted"),
        ((*PORT, "ci"), 1, "ports[0].registers.ci"),
        ((*PORT, "tfd"), 0x10000, "ports[0].registers.tfd"),
        ((*PORT, "tfd"), True, "ports[0].registers.tfd"),
        ((*PORT, "pio"), [1], "ports[0].registers.pio"),
        ((*PORT, "transfers"), [[32, 0]], "ports[0].registers.transfers"),
        ((*PORT, "transfers"), 3, "ports[0].registers.transfers"),
    ],
)
def test_bad_states_are_refused_whole(path: Path, value: Any, field: str) -> None:
    rig = Rig()
    state = json.loads(json.dumps(rig.ahci.save()))
    place = state
    for step in path[:-1]:
        place = place[step]
    place[path[-1]] = value
    before = rig.ahci.save()
    with pytest.raises(StateError) as caught:
        rig.ahci.load(state)
    assert str(caught.value).startswith(f"sata: field {field!r} ")
    assert rig.ahci.save() == before


def test_missing_and_unknown_fields() -> None:
    rig = Rig()
    state = rig.ahci.save()
    with pytest.raises(StateError, match="field 'ghc' is missing"):
        rig.ahci.load({key: value for key, value in state.items() if key != "ghc"})
    with pytest.raises(StateError, match="field 'extra' is not known"):
        rig.ahci.load({**state, "extra": 1})


def test_device_that_refuses_its_state() -> None:
    class Picky(Disk):
        def load(self, state: dict[str, Any]) -> None:
            if state["queue"] == ["bad"]:
                raise StateError("disk: field 'queue'")
            super().load(state)

    first, second = Picky(), Picky()
    ahci = Ahci("s", (first, second))
    ahci.run_deferred()
    state = json.loads(json.dumps(ahci.save()))
    state["ports"][0]["device"]["queue"] = [queued(READ_FPDMA, 1, 1, 1).to_bytes().hex()]
    state["ports"][1]["device"]["queue"] = ["bad"]
    before = ahci.save()
    with pytest.raises(StateError, match="disk"):
        ahci.load(state)
    assert ahci.save() == before
    assert first.queue == []


def test_state_of_another_vendor() -> None:
    rig = Rig(vendor=GENERIC)
    with pytest.raises(StateError, match="'vendor'"):
        rig.ahci.load(Rig().ahci.save())


def test_serr_is_kept() -> None:
    rig = Rig()
    assert rig.read(SERR)
    assert copy(rig).read(SERR) == rig.read(SERR)
