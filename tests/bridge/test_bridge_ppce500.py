# SPDX-License-Identifier: MIT
"""A big-endian machine: values, DMA and the MPIC of ppce500."""

from __future__ import annotations

import random
from collections.abc import Callable
from contextlib import ExitStack
from pathlib import Path

import pytest
from bridge_rig import Bank, Machine
from e500_rig import ACKNOWLEDGE, MpicInput, e500_machine

from testbed.deadline import Deadline
from testbed.remoteport.server import Server

BASE = 0xF10000000
INPUT = 20
RAM = 0x100000


@pytest.fixture
def e500(
    qemu_ppc: Path, bridge_so: Path, folder: Path, cleanup: ExitStack, serve: Callable[..., Server]
) -> tuple[Machine, Bank]:
    bank = Bank(byteorder="big")
    server = serve(bank)
    argument = f"remote-port-device,path=rp.sock,addr={BASE:#x},size=0x1000,irq={INPUT}"
    machine = e500_machine(qemu_ppc, bridge_so, folder, [argument])
    cleanup.callback(machine.close)
    server.wait_connected(Deadline(20))
    return machine, bank


@pytest.mark.parametrize("size", [1, 2, 4, 8])
def test_values_are_those_of_a_big_endian_cpu(
    e500: tuple[Machine, Bank], rng: random.Random, size: int
) -> None:
    machine, bank = e500
    for _ in range(20):
        value = rng.getrandbits(8 * size)
        machine.write(BASE + 0x20, size, value)
        assert bank.accesses[-1] == ("write", 0, 0x20, size, value)
        assert bank.bytes[0][0x20 : 0x20 + size] == value.to_bytes(size, "big")
        assert machine.read(BASE + 0x20, size) == value


def test_bytes_lie_in_address_order(e500: tuple[Machine, Bank]) -> None:
    machine, _ = e500
    machine.write(BASE, 4, 0x11223344)
    assert [machine.read(BASE + n, 1) for n in range(4)] == [0x11, 0x22, 0x33, 0x44]


def test_dma(e500: tuple[Machine, Bank], rng: random.Random) -> None:
    machine, bank = e500
    data = rng.randbytes(5000)
    bank.dma.write(RAM, data)
    assert machine.memory(RAM, 5000) == data
    assert bank.dma.read(RAM, 5000) == data


def test_wire_reaches_the_mpic(e500: tuple[Machine, Bank], rng: random.Random) -> None:
    machine, bank = e500
    vector = rng.randrange(1, 0x100)
    mpic = MpicInput(machine, INPUT, vector)
    bank.hooks[0, 0] = lambda value: bank.set_wire(0, bool(value))
    assert not mpic.pending
    machine.write(BASE, 4, 1)
    assert mpic.pending
    bank.dma.read(RAM, 4)
    assert int.from_bytes(bank.dma.read(ACKNOWLEDGE, 4), "big") == vector
