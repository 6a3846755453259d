# SPDX-License-Identifier: MIT
"""QorIQ SATA behind its real server and socket: deferred work, batches and resets as in a run."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path

import pytest
from fsl_sata_rig import BUFFER, CAR, CCR, CHBA, CQR, FPDMA, HCONTROL, HEADERS, HSTATUS, ONLINE, Rig
from sata_rig import READ_FPDMA, Machine, queued, seeded

from models.ata import AtaDisk, Media
from models.fsl_sata import FslSata
from testbed.remoteport.server import Server


class Driven(Machine):
    """With what a driver does first; `bench` builds its commands."""

    bench: Rig

    def start(self) -> None:
        self.put(CHBA, HEADERS)
        self.put(HCONTROL, 0x100)
        self.put(HCONTROL, ONLINE | 0x100)
        self.until(HSTATUS, 0xFF, 0x18)
        self.put(HSTATUS, 0x3F)
        self.put(HCONTROL, ONLINE | 0x13F)


@pytest.fixture
def machine(tmp_path: Path) -> Iterator[Driven]:
    content = seeded().randbytes(1 << 20)
    bench = Rig()  # for its memory, and the commands it builds there
    bench.disk = AtaDisk(Media.of_bytes(content))
    server = Server(FslSata("sata", bench.disk), tmp_path / "sata.sock")
    server.start()
    client = Driven.connect(tmp_path / "sata.sock")
    client.bench = bench
    client.sparse = bench.memory
    yield client
    client.close()
    server.stop()
    assert server.failure is None


def read_all(machine: Driven) -> None:
    bench = machine.bench
    for tag in range(16):
        bench.slot(
            tag, queued(READ_FPDMA, tag * 8, 8, tag), [(BUFFER + tag * 4096, 4096)], flags=FPDMA
        )
    for tag in range(16):
        machine.put(CQR, 1 << tag)
    machine.until(CCR, 0xFFFF, 0xFFFF)
    assert bench.memory.peek(BUFFER, 16 * 4096) == bench.disk.media.read_bytes(0, 16 * 4096)


def test_queue_and_interrupt(machine: Driven) -> None:
    machine.start()
    read_all(machine)
    machine.wait_wire(0, True)
    machine.put(CCR, machine.get(CCR))
    machine.wait_wire(0, False)


def test_coalescing_by_the_clock(machine: Driven) -> None:
    machine.start()
    machine.put(0x38, 31 << 24 | 0x7FFFF)
    machine.bench.slot(0, queued(READ_FPDMA, 0, 1, 0), [(BUFFER, 512)], flags=FPDMA)
    machine.put(CQR, 1)
    machine.wait_wire(0, True)
    assert machine.get(CCR) == 1


def test_reset_under_load(machine: Driven) -> None:
    for _ in range(20):
        machine.start()
        for tag in range(16):
            machine.bench.slot(
                tag, queued(READ_FPDMA, 0, 256, tag), [(BUFFER, 131072)], flags=FPDMA
            )
        machine.put(CQR, 0xFFFF)
        machine.reset()
        assert machine.get(CQR) | machine.get(CAR) == 0
    machine.start()
    read_all(machine)


def test_offline_under_load(machine: Driven) -> None:
    """As a reset handler does it: once it is offline, memory is left alone."""
    machine.start()
    for _ in range(20):
        for tag in range(16):
            machine.bench.slot(
                tag, queued(READ_FPDMA, 0, 256, tag), [(BUFFER, 131072)], flags=FPDMA
            )
        machine.put(CQR, 0xFFFF)
        machine.put(HCONTROL, 1 << 30)
        machine.until(HSTATUS, ONLINE, 0)
        machine.bench.memory.poke(BUFFER, bytes(131072))
        assert machine.get(CQR) | machine.get(CAR) | machine.get(CCR) == 0
        assert machine.bench.memory.peek(BUFFER, 131072) == bytes(131072)
        machine.start()
    read_all(machine)


def test_state_goes_to_another_machine(machine: Driven) -> None:
    machine.start()
    read_all(machine)
    blob = machine.save_state()
    assert json.loads(blob)["state"]["port"]["deepest_queue"] >= 1
    machine.put(HCONTROL, 0)
    machine.load_state(blob)
    assert machine.get(HSTATUS) & ONLINE
    assert machine.get(CCR) == 0xFFFF
    machine.put(CCR, 0xFFFF)
    read_all(machine)
