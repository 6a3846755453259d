# SPDX-License-Identifier: MIT
"""AHCI behind its real server and socket: deferred work, batches and resets as in a run."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path

import pytest
from ahci_rig import (
    BUFFER,
    CI,
    CLB,
    CLBU,
    CMD,
    CR,
    FB,
    FBU,
    FISES,
    FRE,
    GHC,
    IE,
    IS,
    LIST,
    PIS,
    SACT,
    SERR,
    ST,
    TFD,
    Rig,
)
from sata_rig import READ_FPDMA, Machine, queued, seeded

from models.ahci import Ahci
from models.ata import AtaDisk, Media
from testbed.remoteport.server import Server


class Driven(Machine):
    """With what a driver does first; `bench` builds its commands."""

    bench: Rig

    def start(self) -> None:
        self.until(TFD, 0x88, 0)
        for register, address in ((CLB, LIST), (FB, FISES)):
            self.put(register, address & 0xFFFFFFFF)
            self.put(register + CLBU - CLB, address >> 32)
        assert FBU - FB == CLBU - CLB
        self.put(CMD, FRE)
        self.put(SERR, 0xFFFFFFFF)
        self.put(CMD, FRE | ST)
        self.put(IE, 0x7DC0007F)
        self.put(GHC, 2)
        assert self.get(CMD) & CR


@pytest.fixture
def machine(tmp_path: Path) -> Iterator[Driven]:
    content = seeded().randbytes(1 << 20)
    bench = Rig()  # for its memory, and the commands it builds there
    bench.disk = AtaDisk(Media.of_bytes(content))
    server = Server(Ahci("sata", (bench.disk,)), tmp_path / "sata.sock")
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
    for tag in range(32):
        bench.slot(tag, queued(READ_FPDMA, tag * 8, 8, tag), [(BUFFER + tag * 4096, 4096)])
    for tag in range(32):
        machine.put(SACT, 1 << tag)
        machine.put(CI, 1 << tag)
    machine.until(SACT, 0xFFFFFFFF, 0)
    assert bench.memory.peek(BUFFER, 32 * 4096) == bench.disk.media.read_bytes(0, 32 * 4096)


def test_queue_and_interrupt(machine: Driven) -> None:
    machine.start()
    read_all(machine)
    machine.wait_wire(0, True)
    machine.put(PIS, machine.get(PIS))
    machine.put(IS, 1)
    machine.wait_wire(0, False)


def test_reset_under_load(machine: Driven) -> None:
    for _ in range(20):
        machine.start()
        for tag in range(32):
            machine.bench.slot(tag, queued(READ_FPDMA, 0, 256, tag), [(BUFFER, 131072)])
        machine.put(SACT, 0xFFFFFFFF)
        machine.put(CI, 0xFFFFFFFF)
        machine.reset()
        assert machine.get(CI) == 0
    machine.start()
    read_all(machine)


def test_state_goes_to_another_machine(machine: Driven, tmp_path: Path) -> None:
    machine.start()
    read_all(machine)
    blob = machine.save_state()
    assert json.loads(blob)["state"]["ports"][0]["deepest_queue"] >= 1
    machine.put(GHC, 1)
    machine.load_state(blob)
    assert machine.get(CMD) & CR
    read_all(machine)
