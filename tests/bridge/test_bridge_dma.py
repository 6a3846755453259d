# SPDX-License-Identifier: MIT
"""DMA of the model: any size, inside and outside accesses, through the IOMMU."""

from __future__ import annotations

import random
from collections.abc import Callable

import pytest
from bridge_rig import BASE, RAM, RAM_END, Bank, Machine
from smmu_rig import SID, STE_BYPASS, enable_smmu, smmu_events

from testbed.remoteport.device import BusError, Response

Banked = Callable[..., tuple[Machine, Bank]]


def test_sizes_and_alignments(banked: Banked, rng: random.Random) -> None:
    machine, bank = banked()
    for size in (1, 2, 3, 7, 8, 63, 4095, 4096, 4097, 65536, 1 << 20):
        address = RAM + rng.randrange(0x4000)
        data = rng.randbytes(size)
        bank.dma.write(address, data)
        assert bank.dma.read(address, size) == data
        assert machine.memory(address, min(size, 64)) == data[:64]


def test_biggest_packet(banked: Banked, rng: random.Random) -> None:
    machine, bank = banked()
    data = rng.randbytes(16 << 20)
    bank.dma.write(RAM + 0x1234, data)
    assert bank.dma.read(RAM + 0x1234, len(data)) == data
    assert machine.memory(RAM + 0x1234 + len(data) - 8, 8) == data[-8:]


def test_only_enabled_bytes_are_written(banked: Banked, rng: random.Random) -> None:
    machine, bank = banked()
    for _ in range(40):
        before, data = rng.randbytes(200), rng.randbytes(200)
        enable = bytes(rng.choice((0, 0xFF)) for _ in range(rng.randrange(1, 40)))
        machine.store(RAM, before)
        bank.dma.write(RAM, data, enable)
        expected = bytes(
            new if enable[n % len(enable)] else old
            for n, (old, new) in enumerate(zip(before, data, strict=True))
        )
        assert machine.memory(RAM, 200) == expected


def test_inside_an_access_in_both_directions(banked: Banked, rng: random.Random) -> None:
    machine, bank = banked()
    data = rng.randbytes(5000)
    machine.store(RAM, data)

    def doorbell(value: int) -> None:
        bank.dma.write(RAM + 0x8000, bank.dma.read(RAM, value)[::-1])

    bank.hooks[0, 0] = doorbell
    machine.write(BASE, 4, len(data))
    assert machine.memory(RAM + 0x8000, len(data)) == data[::-1]


def test_own_registers_inside_an_access(banked: Banked) -> None:
    machine, bank = banked()

    def doorbell(value: int) -> None:
        bank.dma.write(BASE + 0x20, bank.dma.read(BASE + 0x10, 8)[::-1])

    bank.hooks[0, 0] = doorbell
    machine.write(BASE + 0x10, 8, 0x0102030405060708)
    machine.write(BASE, 4, 1)
    assert machine.read(BASE + 0x20, 8) == 0x0807060504030201
    sizes = [size for kind, _, offset, size, _ in bank.accesses if offset == 0x20]
    assert sizes[0] == 8, "an aligned access of 8 bytes was split"


def test_endless_recursion_is_refused(banked: Banked) -> None:
    machine, bank = banked()
    depth = []

    def doorbell(value: int) -> None:
        depth.append(value)
        bank.dma.write(BASE, (value + 1).to_bytes(4, "little"))

    bank.hooks[0, 0] = doorbell
    machine.write(BASE, 4, 1)
    assert 10 < len(depth) < 30
    assert "inside each other" in machine.settled_log()
    bank.hooks.clear()
    machine.write(BASE + 8, 4, 77)
    assert machine.read(BASE + 8, 4) == 77


def test_nothing_there_is_an_address_error(banked: Banked) -> None:
    _, bank = banked()
    for refused in (
        lambda: bank.dma.read(0x7000000000, 4),
        lambda: bank.dma.write(0x7000000000, b"abcd"),
        lambda: bank.dma.read(RAM_END - 8, 16),
    ):
        with pytest.raises(BusError) as error:
            refused()
        assert error.value.status is Response.ADDRESS_ERROR


def test_data_before_the_refusal_is_written(banked: Banked) -> None:
    """A burst that leaves RAM ends there; what came before has happened."""
    machine, bank = banked()
    with pytest.raises(BusError):
        bank.dma.write(RAM_END - 4, b"kept and not kept")
    assert machine.memory(RAM_END - 4, 4) == b"kept"


def test_stream_id_is_known_to_the_smmu(banked: Banked, rng: random.Random) -> None:
    machine, bank = banked(sid=hex(SID))
    enable_smmu(machine, STE_BYPASS)
    data = rng.randbytes(10000)
    bank.dma.write(RAM + 0x300, data)
    assert bank.dma.read(RAM + 0x300, len(data)) == data
    assert smmu_events(machine) == []


def test_blocked_transfer_is_one_event_for_the_right_stream(banked: Banked) -> None:
    machine, bank = banked(sid=hex(SID))
    enable_smmu(machine, 0)
    machine.store(RAM + 0x300, b"untouched")
    with pytest.raises(BusError):
        bank.dma.write(RAM + 0x300, bytes(20000))
    bad_ste = 4
    assert smmu_events(machine) == [(bad_ste, SID)]
    with pytest.raises(BusError):
        bank.dma.read(RAM + 0x300, 20000)
    assert smmu_events(machine) == [(bad_ste, SID)] * 2
    assert machine.memory(RAM + 0x300, 9) == b"untouched"


def test_without_a_stream_id_the_smmu_is_not_asked(banked: Banked) -> None:
    machine, bank = banked()
    enable_smmu(machine, 0)
    bank.dma.write(RAM, b"direct")
    assert machine.memory(RAM, 6) == b"direct"
    assert smmu_events(machine) == []
