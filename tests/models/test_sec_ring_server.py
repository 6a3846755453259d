# SPDX-License-Identifier: MIT
"""A whole SEC behind its Remote-Port servers, with the descriptor machine of its own."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import ExitStack
from dataclasses import replace
from pathlib import Path

import pytest
from sec_ring_rig import (
    HALTED,
    IRBAR,
    IRJAR,
    IRSR,
    JRCR,
    JRI,
    JRINTR,
    ORBAR,
    ORJRR,
    ORSFR,
    ORSR,
    RESET,
)

from models.sec.config import IMX8MM, LS1028A, T4240, SecConfig
from models.sec.sec import Sec
from testbed.deadline import Deadline
from testbed.remoteport.client import Client
from testbed.remoteport.server import Server

DESCRIPTOR, BUFFER = 0x200, 0x400
IN, OUT = 0x800, 0x900


class Machine(Client):
    """One device's connection into memory that all of them share."""

    on_read: Callable[[], None] | None = None

    def dma_read(self, address: int, size: int) -> bytes:
        if self.on_read is not None:
            callback, self.on_read = self.on_read, None
            callback()
        return super().dma_read(address, size)


class Board:
    """A SEC of two rings, connected."""

    def __init__(self, config: SecConfig, folder: Path, stack: ExitStack) -> None:
        self.config = replace(config, rings=2)
        self.sec = Sec(self.config)
        self.memory = bytearray(0x1000)
        self.clients = []
        for index, device in enumerate((self.sec.controller, *self.sec.rings)):
            server = stack.enter_context(Server(device, folder / str(index)))
            client = Machine.connect(
                server.path, memory=self.memory, byteorder=config.byteorder, memory_base=0x8000_0000
            )
            self.clients.append(stack.enter_context(client))
        self.controller, *self.rings = self.clients

    def words(self, offset: int, *values: int) -> None:
        for index, value in enumerate(values):
            at = offset + 4 * index
            self.memory[at : at + 4] = value.to_bytes(4, self.config.byteorder)

    def start(self, ring: int) -> None:
        client = self.rings[ring]
        client.write(0, JRCR, 4, RESET)
        client.write(0, JRCR, 4, RESET)
        high = 0 if self.config.high_word_at_zero else 4
        client.write(0, IRBAR + 4 - high, 4, 0x8000_0000 + IN)
        client.write(0, ORBAR + 4 - high, 4, 0x8000_0000 + OUT)
        client.write(0, IRSR, 4, 4)
        client.write(0, ORSR, 4, 4)

    def instantiate(self) -> None:
        """The RNG's state handle 0 by way of DECO 0, as kernel and U-Boot do it."""
        client = self.controller
        client.write(0, 0x600, 4, 1 << 16 | 1)
        client.write(0, 0x61C, 4, 1 << 20)
        client.write(0, 0x600, 4, 1)
        client.write(0, 0x9C, 4, 1)
        assert client.read(0, 0x9C, 4) == 0x10001
        deco = 5 * self.config.page_size
        descriptor = (0xB0800006, 0x82500006, 0xA2000001, 0x10880004, 1, 0x82501000)
        for index, word in enumerate(descriptor):
            client.write(1, deco + 0xA00 + 4 * index, 4, word)
        client.write(1, deco + 0x800, 4, 0x30000000)
        deadline = Deadline(10)
        while client.read(1, deco + 0xE04, 4) >> 31:
            assert not deadline.expired
        assert client.read(1, deco + 0x810, 4) & 0xF00000FF in (0, 0x70000000)
        client.write(0, 0x9C, 4, 0)


@pytest.fixture(params=[T4240, LS1028A, IMX8MM], ids=lambda config: config.name)
def board(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[Board]:
    with ExitStack() as stack:
        yield Board(request.param, tmp_path, stack)


def test_a_random_number_from_power_on_to_interrupt(board: Board) -> None:
    ring = board.rings[0]
    board.start(0)
    descriptor = (0xB0800004, 0x82500002, 0x60340020, 0x8000_0000 + BUFFER)
    board.words(DESCRIPTOR, *descriptor)
    board.words(IN, 0x8000_0000 + DESCRIPTOR)

    ring.write(0, IRJAR, 4, 1)  # nobody has instantiated the RNG yet
    ring.wait_wire(0, True)
    status = int.from_bytes(board.memory[OUT + 4 : OUT + 8], board.config.byteorder)
    assert status & 0xF00000FF == 0x20000054
    assert not any(board.memory[BUFFER : BUFFER + 32])
    ring.write(0, JRINTR, 4, JRI)
    ring.wait_wire(0, False)
    ring.write(0, ORJRR, 4, 1)

    board.instantiate()
    assert board.controller.read(0, 0x6C0, 4) == 0x40000011
    board.words(IN + 4, 0x8000_0000 + DESCRIPTOR)
    ring.write(0, IRJAR, 4, 1)
    ring.wait_wire(0, True)
    assert ring.read(0, ORSFR, 4) == 1
    assert not any(board.memory[OUT + 12 : OUT + 16])
    assert any(board.memory[BUFFER : BUFFER + 32])


def test_the_controller_answers_while_a_ring_waits_for_memory(board: Board) -> None:
    """One lock of the machine's may stand behind both: neither waits for the other."""
    ring = board.rings[1]
    board.start(1)

    def meanwhile() -> None:
        mcfgr = board.controller.read(0, 4, 4)
        board.controller.write(0, 4, 4, mcfgr | 1 << 31)
        assert board.controller.read(0, 0xFD4, 4) & 3 == 1
        assert ring.read(0, IRSR, 4) == 0

    ring.on_read = meanwhile
    ring.write(0, IRJAR, 4, 1)
    ring.sync()
    assert ring.on_read is None
    assert ring.read(0, JRINTR, 4) == 0
    assert board.controller.read(0, 0xFD4, 4) & 3 == 2
    assert not any(board.memory[OUT : OUT + 16])


def test_a_machine_reset_in_the_middle_of_a_job(board: Board) -> None:
    ring = board.rings[0]
    board.start(0)
    ring.on_read = ring.reset
    ring.write(0, IRJAR, 4, 1)
    ring.sync()
    assert ring.read(0, IRSR, 4) == 0
    board.start(0)
    board.words(DESCRIPTOR, 0xB0800001)
    board.words(IN, 0x8000_0000 + DESCRIPTOR)
    ring.write(0, IRJAR, 4, 1)
    ring.wait_wire(0, True)
    assert ring.read(0, ORSFR, 4) == 1


def test_state_goes_over_the_wire(board: Board) -> None:
    ring = board.rings[0]
    board.start(0)
    ring.write(0, JRCR, 4, 2)
    ring.write(0, IRJAR, 4, 3)
    blobs = [client.save_state() for client in board.clients]
    for client, blob in zip(board.clients, blobs, strict=True):
        client.reset()
        client.load_state(blob)
    assert ring.read(0, 0x14, 4) == 1
    assert ring.read(0, JRINTR, 4) == HALTED
