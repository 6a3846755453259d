# SPDX-License-Identifier: MIT
"""The PAMU in a machine: tables in its RAM, DMA of another device, the MPIC."""

from __future__ import annotations

import random
import struct
from collections.abc import Callable
from contextlib import ExitStack
from pathlib import Path

import pytest
from bridge_rig import Bank, Machine
from e500_rig import MpicInput, e500_machine

from models.device_config import DeviceConfig
from models.pamu import Pamu
from testbed.deadline import Deadline
from testbed.remoteport.device import BusError
from testbed.remoteport.server import Server

PAMU, GUTS, BANK = 0xFE0020000, 0xFE00E2000, 0xFE0300000
INPUT = 20
LIODN = 0x7F
PRIMARY, SECONDARY, MEMORY = 0x100000, 0x120000, 0x400000
PAGE = 4096

PPBAL, PPLAL, SPBAL, SPLAL, AVS1, AVAL, PC, PICS = (
    0x04, 0x0C, 0x14, 0x1C, 0x50, 0x5C, 0xC10, 0xC1C,
)  # fmt: skip
PAMUBYPENR = 0x604
SIXTEEN_PAGES = 15  # WSE
ONE_PAGE = 11 << 6  # SWSE
TRANSLATED = 1 << 2


def entry(*words: int) -> bytes:
    return struct.pack(">8I32x", *words)


@pytest.fixture
def e500(
    qemu_ppc: Path, bridge_so: Path, folder: Path, cleanup: ExitStack, serve: Callable[..., Server]
) -> tuple[Machine, Bank]:
    """A machine with a device behind a PAMU that translates: bus page n is page 15 - n of MEMORY.

    Page 3 may only be read, page 4 is not there.
    """
    config = DeviceConfig(pamus=1)
    pamu = Pamu(units=1, bypassed=config.pamu_bypassed)
    bank = Bank(byteorder="big")
    bank.dma.iommu = pamu.port(LIODN)
    servers = [serve(bank), serve(pamu, "pamu.sock"), serve(config, "guts.sock")]
    machine = e500_machine(
        qemu_ppc,
        bridge_so,
        folder,
        [
            f"remote-port-device,path=rp.sock,addr={BANK:#x},size=0x1000",
            f"remote-port-device,path=pamu.sock,addr={PAMU:#x},size=0x1000,irq={INPUT}",
            f"remote-port-device,path=guts.sock,addr={GUTS:#x},size=0x1000",
        ],
    )
    cleanup.callback(machine.close)
    for server in servers:
        server.wait_connected(Deadline(20))
    primary = SIXTEEN_PAGES << 6 | 1 << 5 | 3 << 3 | 1
    sixteen = 3 << 4
    first = entry(0, primary, 0x80, sixteen | TRANSLATED, 0, MEMORY + 15 * PAGE | ONE_PAGE, 0, 0)
    machine.store(PRIMARY + LIODN * 64, first)
    for page in range(1, 16):
        word = LIODN << 16 | (1 if page == 3 else 3) << 3 | 1 << 1 | (page != 4)
        where = MEMORY + (15 - page) * PAGE | ONE_PAGE
        machine.store(SECONDARY + (page - 1) * 64, entry(0, word, 0x80, TRANSLATED, 0, where, 0, 0))
    for register, value in (
        (PPBAL, PRIMARY),
        (PPLAL, PRIMARY + 0x10000),
        (SPBAL, SECONDARY),
        (SPLAL, SECONDARY + 0x10000),
        (PICS, 4),
        (PC, 0x40001011),
    ):
        machine.write(PAMU + register, 4, value)
    machine.write(GUTS + PAMUBYPENR, 4, 0)
    return machine, bank


def test_dma_is_translated(e500: tuple[Machine, Bank], rng: random.Random) -> None:
    machine, bank = e500
    data = rng.randbytes(2 * PAGE)
    bank.dma.write(7 * PAGE + 100, data)
    assert machine.memory(MEMORY + 8 * PAGE + 100, PAGE - 100) == data[: PAGE - 100]
    assert machine.memory(MEMORY + 7 * PAGE, PAGE) == data[PAGE - 100 : 2 * PAGE - 100]
    assert machine.memory(MEMORY + 6 * PAGE, 100) == data[2 * PAGE - 100 :]
    assert bank.dma.read(7 * PAGE + 100, 2 * PAGE) == data
    pieces = [(page * PAGE, PAGE) for page in (15, 0, 9)]
    assert bank.dma.read_many(pieces) == [
        machine.memory(MEMORY + (15 * PAGE - address), PAGE) for address, _ in pieces
    ]


def test_byte_enables(e500: tuple[Machine, Bank]) -> None:
    machine, bank = e500
    machine.store(MEMORY + 9 * PAGE + PAGE - 2, b"abcd")
    machine.store(MEMORY + 8 * PAGE, b"efgh")
    bank.dma.write(6 * PAGE + PAGE - 2, b"ABEF", b"\xff\x00\x00\xff")
    assert machine.memory(MEMORY + 9 * PAGE + PAGE - 2, 2) == b"Ab"
    assert machine.memory(MEMORY + 8 * PAGE, 4) == b"eFgh"


def test_a_violation_interrupts_and_is_acknowledged(
    e500: tuple[Machine, Bank], rng: random.Random
) -> None:
    machine, bank = e500
    mpic = MpicInput(machine, INPUT, rng.randrange(1, 0x100))
    before = machine.memory(MEMORY, 16 * PAGE)
    for address, write, kind, first in (
        (3 * PAGE + 8, True, 0x10, 3 * PAGE + 8),
        (4 * PAGE, False, 0x180, 4 * PAGE),
        (4 * PAGE - 8, False, 0x180, 4 * PAGE),
        (16 * PAGE - 8, True, 0x80, 16 * PAGE),
    ):
        assert not mpic.pending
        with pytest.raises(BusError, match=r"DMA (read|write) of LIODN 0x7f"):
            bank.dma.write(address, bytes(16)) if write else bank.dma.read(address, 16)
        machine.wait_for(lambda: mpic.pending, "the violation to interrupt")
        assert machine.read(PAMU + AVS1, 4) == LIODN << 16 | kind | 1
        assert machine.read(PAMU + AVAL, 4) == first
        machine.write(PAMU + AVS1, 4, 0x7FFF)
        machine.write(PAMU + PICS, 4, 0xC)
        machine.wait_for(lambda: not mpic.pending, "the interrupt to end")
    assert machine.memory(MEMORY, 16 * PAGE) == before


def test_software_stops_a_device_by_one_store(e500: tuple[Machine, Bank]) -> None:
    machine, bank = e500
    bank.dma.read(0, 16)
    machine.store(PRIMARY + LIODN * 64 + 7, b"\xf8")
    with pytest.raises(BusError):
        bank.dma.read(0, 16)
    machine.write(GUTS + PAMUBYPENR, 4, 0x80000000)
    machine.store(0x5000, b"past the PAMU")
    assert bank.dma.read(0x5000, 13) == b"past the PAMU"


def test_reset_of_the_machine(e500: tuple[Machine, Bank]) -> None:
    machine, bank = e500
    with pytest.raises(BusError):
        bank.dma.read(4 * PAGE, 16)
    machine.execute("system_reset")
    machine.wait_for(lambda: machine.read(PAMU + AVS1, 4) == 0, "the PAMU's reset")
    machine.wait_for(
        lambda: machine.read(GUTS + PAMUBYPENR, 4) == 0x80000000, "the reset of the block"
    )
    machine.store(0x5000, b"past the PAMU")
    assert bank.dma.read(0x5000, 13) == b"past the PAMU"
