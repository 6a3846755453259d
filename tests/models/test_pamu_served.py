# SPDX-License-Identifier: MIT
"""PAMU and a device behind it, each with its own server and socket, as in a run."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from pathlib import Path

import pytest
from pamu_rig import (
    AV,
    AVIE,
    AVS1,
    LIODN,
    PC,
    PE,
    PICS,
    PPBAH,
    PPLAH,
    PRIMARY,
    WAV_OUTSIDE,
    Memory,
    primary,
    seeded,
)
from sata_rig import Machine

from models.pamu import Pamu
from testbed.remoteport.client import Client
from testbed.remoteport.device import BusError, Device, Region
from testbed.remoteport.server import Server

MIB = 1 << 20


class Doorbell(Device):
    """Writing its register copies 64 KiB within the window, then far outside of it."""

    regions = (Region("doorbell", 4),)

    def __init__(self) -> None:
        super().__init__("doorbell")
        self.error: BusError | None = None

    def write(self, region: int, offset: int, size: int, value: int) -> None:
        data = self.dma.read(0, 64 << 10)
        self.dma.write(MIB // 2, data)
        try:
            self.dma.write(value, b"x")
        except BusError as error:
            self.error = error


@pytest.fixture
def machine(tmp_path: Path) -> Iterator[tuple[Pamu, Doorbell, Client, Machine]]:
    """The PAMU and the device, and a machine's connections to them."""
    pamu, device = Pamu(), Doorbell()
    device.dma.iommu = pamu.port(LIODN)
    servers = [Server(pamu, tmp_path / "pamu.sock"), Server(device, tmp_path / "device.sock")]
    for server in servers:
        server.start()
    control = Client.connect(servers[0].path, byteorder="big")
    bus = Machine.connect(servers[1].path)
    assert isinstance(bus, Machine)
    bus.sparse = Memory()
    for register, address in ((PPBAH, PRIMARY), (PPLAH, PRIMARY + 0x14000)):
        control.write(0, register, 8, address)
    control.write(0, PICS, 4, AVIE)
    control.write(0, PC, 4, PE)
    yield pamu, device, control, bus
    for client in (control, bus):
        client.close()
    for server in servers:
        server.stop()
        assert server.failure is None


def test_dma_in_a_register_access(machine: tuple[Pamu, Doorbell, Client, Machine]) -> None:
    _, device, control, bus = machine
    data = seeded().randbytes(64 << 10)
    bus.sparse.poke(PRIMARY + LIODN * 64, primary(0, MIB, target=0x5_0000_0000))
    bus.sparse.poke(0x5_0000_0000, data)
    bus.write(0, 0, 4, 0x1234_5678)
    assert bus.sparse.peek(0x5_0008_0000, 64 << 10) == data
    assert device.error is not None
    assert control.read(0, AVS1, 4) == LIODN << 16 | WAV_OUTSIDE | AV
    control.wait_wire(0, True)


def test_registers_answer_while_another_device_s_dma_is_awaited(
    machine: tuple[Pamu, Doorbell, Client, Machine],
) -> None:
    """The device's machine does not answer its DMA before the PAMU's registers were read."""
    _, _, control, bus = machine
    bus.sparse.poke(PRIMARY + LIODN * 64, primary(0, MIB))
    read = threading.Event()
    peek = bus.sparse.peek

    def slow(address: int, size: int) -> bytes:
        assert read.wait(20), "the PAMU's registers wait for another device's DMA"
        return peek(address, size)

    bus.sparse.peek = slow  # type: ignore[method-assign]
    ringing = threading.Thread(target=lambda: bus.write(0, 0, 4, 2 * MIB))
    ringing.start()
    assert control.read(0, PICS, 4) == AVIE
    read.set()
    ringing.join(20)
    assert not ringing.is_alive()
    assert control.read(0, AVS1, 4) == LIODN << 16 | WAV_OUTSIDE | AV
