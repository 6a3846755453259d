# SPDX-License-Identifier: MIT
"""Register accesses of the machine reach the model as they were made."""

from __future__ import annotations

import random
from collections.abc import Callable

import pytest
from bridge_rig import BASE, RAM, SIZE, Bank, Machine, MachineFactory, device

from testbed.remoteport.device import BusError, Response
from testbed.remoteport.server import Server

Banked = Callable[..., tuple[Machine, Bank]]


@pytest.mark.parametrize("size", [1, 2, 4, 8])
def test_every_size_arrives_whole(banked: Banked, rng: random.Random, size: int) -> None:
    machine, bank = banked()
    for _ in range(50):
        offset = rng.randrange(0, SIZE, size)
        value = rng.getrandbits(8 * size)
        machine.write(BASE + offset, size, value)
        assert bank.accesses[-1] == ("write", 0, offset, size, value)
        assert bank.bytes[0][offset : offset + size] == value.to_bytes(size, "little")
        assert machine.read(BASE + offset, size) == value
        assert bank.accesses[-1] == ("read", 0, offset, size, value)


def test_eight_regions_are_told_apart(
    start: MachineFactory, serve: Callable[..., Server], rng: random.Random
) -> None:
    bank = Bank()
    serve(bank)
    more = {f"addr{n}": hex(BASE + 0x10000 * n) for n in range(1, 8)}
    machine = start(device(**more, **{f"size{n}": hex(SIZE) for n in range(1, 8)}))
    regions = list(range(8))
    rng.shuffle(regions)
    for region in regions:
        value = rng.getrandbits(32)
        machine.write(BASE + 0x10000 * region + 0x44, 4, value)
        assert bank.accesses[-1] == ("write", region, 0x44, 4, value)
        assert machine.read(BASE + 0x10000 * region + 0x44, 4) == value


def test_devices_on_channels_of_their_own(banked: Banked) -> None:
    machine, bank = banked(chan=5)
    machine.write(BASE + 8, 4, 0x1234)
    assert bank.accesses == [("write", 0, 8, 4, 0x1234)]
    bank.dma.write(RAM, b"channel five")
    assert machine.memory(RAM, 12) == b"channel five"


def test_posted_writes_keep_their_order(banked: Banked, rng: random.Random) -> None:
    machine, bank = banked(posted_writes="on")
    values = [rng.getrandbits(32) for _ in range(500)]
    for value in values:
        machine.write(BASE, 4, value)
    assert machine.read(BASE, 4) == values[-1]
    writes = [value for kind, *_, value in bank.accesses if kind == "write"]
    assert writes == values


def test_writes_wait_for_the_model_unless_posted(banked: Banked) -> None:
    machine, bank = banked()
    machine.write(BASE, 4, 1)
    assert bank.accesses, "the write returned before the model had it"


@pytest.mark.parametrize("status", [Response.GENERIC_ERROR, Response.ADDRESS_ERROR])
@pytest.mark.parametrize("kind", ["read", "write"])
def test_refusal_is_an_error_on_the_bus(banked: Banked, status: Response, kind: str) -> None:
    """Seen by another master, the model's own DMA, since qtest drops the result of an access."""
    machine, bank = banked()
    bank.refuse[0, 0x20] = status
    accesses: dict[str, Callable[[], object]] = {
        "read": lambda: bank.dma.read(BASE + 0x20, 4),
        "write": lambda: bank.dma.write(BASE + 0x20, b"abcd"),
    }
    with pytest.raises(BusError) as refused:
        accesses[kind]()
    assert refused.value.status is status
    bank.dma.write(BASE + 0x24, b"next")
    assert machine.read(BASE + 0x24, 4) == int.from_bytes(b"next", "little")


def test_reset_of_the_machine_reaches_the_model_in_order(banked: Banked) -> None:
    machine, bank = banked()
    machine.write(BASE, 4, 1)
    before = bank.resets
    assert before == 1, "power-on is a reset, and there was no other"
    machine.execute("system_reset")
    machine.execute("query-status")
    machine.write(BASE, 4, 2)
    assert bank.resets == before + 1


def test_two_devices_are_independent(start: MachineFactory, serve: Callable[..., Server]) -> None:
    banks = Bank("one"), Bank("two")
    for bank in banks:
        serve(bank, f"{bank.name}.sock")
    machine = start(device("one.sock"), device("two.sock", addr=hex(BASE + SIZE), irq=101))
    machine.write(BASE, 4, 1)
    machine.write(BASE + SIZE, 4, 2)
    assert [bank.accesses[0][-1] for bank in banks] == [1, 2]


def test_registers_of_another_device_by_dma(
    start: MachineFactory, serve: Callable[..., Server]
) -> None:
    one, two = Bank("one"), Bank("two")
    for bank in (one, two):
        serve(bank, f"{bank.name}.sock")
    machine = start(device("one.sock"), device("two.sock", addr=hex(BASE + SIZE), irq=101))
    one.hooks[0, 0] = lambda value: one.dma.write(BASE + SIZE + 8, value.to_bytes(4, "little"))
    machine.write(BASE, 4, 0xCAFE)
    assert two.accesses == [("write", 0, 8, 4, 0xCAFE)]
