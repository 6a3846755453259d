# SPDX-License-Identifier: MIT
"""AHCI under arbitrary accesses, memory and line events; the state is kept between inputs."""

from __future__ import annotations

import json
import random
import struct
import time

import pytest
from ahci_rig import BUFFER, CMD, FISES, FRE, LIST, SACT, SCTL, SERR, ST, TABLES, Rig
from sata_rig import (
    IDENTIFY,
    READ_DMA,
    READ_FPDMA,
    READ_PIO,
    WRITE_DMA,
    WRITE_FPDMA,
    WRITE_PIO,
    Disk,
    dma,
    load_mutated,
    queued,
    seeded,
)

from models.ata.transport import LinkErrors
from testbed.remoteport.device import BusError

_COMMANDS = (READ_DMA, WRITE_DMA, READ_PIO, WRITE_PIO, IDENTIFY, READ_FPDMA, WRITE_FPDMA)
_KINDS = tuple(LinkErrors)


class Fuzzer:
    """Random steps on one rig, which is made usable again from time to time."""

    def __init__(self, choice: random.Random) -> None:
        self.choice = choice
        self.rig = Rig(
            Disk(choice),
            staggered_spin_up=choice.random() < 0.2,
            byteorder=choice.choice(("little", "big")),
            slots=choice.choice((1, 5, 32)),
        )
        self.rig.memory.limit = 4096
        self.disk = self.rig.disk
        self.disk.fail = lambda fis: choice.random() < 0.02

    def access(self) -> None:
        choice = self.choice
        if choice.random() < 0.6:
            offset, size = 0x100 + choice.randrange(0, 0x40, 4), 4
        else:
            offset, size = choice.randrange(-4, 0x200), choice.randrange(1, 9)
        kind = choice.random()
        value = choice.getrandbits(8 * size)
        if kind < 0.3:
            value = 1 << choice.randrange(8 * size)
        elif kind < 0.5:
            value = FRE | ST
        try:
            if choice.random() < 0.6:
                self.rig.write(offset, value, size)
            else:
                assert 0 <= self.rig.read(offset, size) < 1 << 8 * size
        except BusError:
            assert offset < 0

    def garbage(self) -> None:
        """Random bytes over the structures that the port reads."""
        choice = self.choice
        base = choice.choice((LIST, LIST + 32 * choice.randrange(32), TABLES, TABLES + 0x80))
        data = choice.randbytes(choice.randrange(1, 200))
        if choice.random() < 0.5:
            self.rig.memory.poke(base, data)
        else:
            where = base + choice.randrange(1024)
            byte = self.rig.memory.peek(where, 1)[0] ^ 1 << choice.randrange(8)
            self.rig.memory.poke(where, bytes((byte,)))

    def command(self) -> None:
        """A command that is likely to be good, and issued."""
        choice = self.choice
        slot, command = choice.randrange(32), choice.choice(_COMMANDS)
        count = choice.choice((1, 1, 8, 33, 200))
        write = command in (WRITE_DMA, WRITE_PIO, WRITE_FPDMA)
        if choice.random() < 0.03:
            write = not write
        prds = []
        left = count * 512
        while left > 0 and len(prds) < 300:
            size = choice.choice((512, 1024, 2, 4096, left, 511, 4 << 20))
            where = BUFFER + choice.randrange(1 << 20) * 2 + (choice.random() < 0.01)
            prds.append((where, size, choice.random() < 0.1))
            left -= size
        tagged = command in (READ_FPDMA, WRITE_FPDMA)
        lba = choice.randrange(1000)
        fis = queued(command, lba, count, slot) if tagged else dma(command, lba, count)
        flags = 0
        if choice.random() < 0.05:
            flags = choice.getrandbits(16) & 0xFFA0
        self.rig.slot(slot, fis, prds, write=write, flags=flags)
        if tagged and choice.random() < 0.95:
            self.rig.write(SACT, 1 << slot)
        self.rig.write(0x138, 1 << slot)

    def line(self) -> None:
        choice = self.choice
        kind = choice.randrange(9)
        port = self.rig.port
        if kind == 0:
            port.unplug()
        elif kind in (1, 2):
            if port.device is None:
                port.plug(self.disk)
        elif kind == 3:
            port.lose_link()
        elif kind == 4:
            port.restore_link()
        elif kind == 5:
            port.link_error(choice.choice(_KINDS) | choice.choice(_KINDS), choice.random() < 0.3)
        elif kind == 6:
            port.receive_unknown_fis(choice.randbytes(4 * choice.randrange(1, 17)))
        elif kind == 7:
            self.disk.hang = choice.random() < 0.3
        elif choice.random() < 0.2:
            self.rig.ahci.reset()

    def memory(self) -> None:
        choice = self.choice
        base = choice.choice((LIST, TABLES, FISES, BUFFER, BUFFER + (1 << 20)))
        self.rig.memory.refused = (
            [range(base, base + choice.choice((16, 4096)))] if choice.random() < 0.3 else []
        )

    def interfere(self) -> None:
        if self.choice.random() < 0.5:
            self.rig.memory.during = self.step
        else:
            self.disk.before_data = self.step_once

    def step_once(self) -> None:
        self.disk.before_data = lambda: None
        self.step()

    def recover(self) -> None:
        """What a driver would do, so that the interesting states are reached again."""
        rig = self.rig
        port = rig.port
        if port.device is None:
            port.plug(self.disk)
        port.restore_link()
        self.disk.hang = False
        rig.memory.refused = []
        rig.write(CMD, 0)
        rig.write(SCTL, 1)
        rig.write(SCTL, 0)
        rig.write(SERR, 0xFFFFFFFF)
        for offset, value in ((0, LIST), (8, FISES)):
            rig.write(0x100 + offset, value & 0xFFFFFFFF)
            rig.write(0x104 + offset, value >> 32)
        rig.write(CMD, 2 | FRE)
        rig.write(CMD, 2 | FRE | ST)

    def step(self) -> None:
        kind = self.choice.random()
        if kind < 0.30:
            self.access()
        elif kind < 0.40:
            self.garbage()
        elif kind < 0.75:
            self.command()
        elif kind < 0.80:
            self.line()
        elif kind < 0.83:
            self.memory()
        elif kind < 0.88:
            self.interfere()
        elif kind < 0.94:
            self.recover()

    def check(self) -> None:
        """What holds in every state."""
        rig, state = self.rig, self.rig.port.state
        command = state.cmd
        assert not state.running or command & ST
        assert not state.receiving or command & FRE
        assert command & ST or not (state.ci or state.sact)
        assert (state.det == 3) == (state.ipm != 0)
        pending = rig.port.pending
        assert not pending or rig.ahci.save()["is"] == 1
        assert rig.irq == bool(rig.ahci.save()["is"] and rig.ahci.save()["ghc"] & 2)
        rig.memory.log.clear()


def test_random_use(capsys: pytest.CaptureFixture[str]) -> None:
    choice = seeded()
    inputs = completed = 0
    longest = 0.0
    rounds = 300
    for _ in range(rounds):
        fuzzer = Fuzzer(choice)
        for _ in range(500):
            fuzzer.step()
            inputs += 1
            if choice.random() < 0.5:
                began = time.perf_counter()
                fuzzer.rig.ahci.run_deferred(1)
                longest = max(longest, time.perf_counter() - began)
            elif choice.random() < 0.5:
                fuzzer.rig.work()
            fuzzer.check()
            if len(fuzzer.rig.memory.pages) > 3000:
                fuzzer.rig.memory.pages.clear()
        fuzzer.disk.before_data = lambda: None
        fuzzer.rig.memory.during = None
        fuzzer.rig.work()
        state = fuzzer.rig.ahci.save()
        same = fuzzer.rig.ahci.config
        again = Rig(
            Disk(),
            bare=fuzzer.rig.port.device is None,
            staggered_spin_up=same.staggered_spin_up,
            byteorder=fuzzer.rig.ahci.byteorder,
            slots=same.slots,
        )
        again.ahci.load(json.loads(json.dumps(state)))
        assert again.ahci.save() == state
        fuzzer.recover()
        fuzzer.rig.work()
        fuzzer.disk.fail = lambda fis: False
        fuzzer.rig.slot(0, dma(READ_DMA, 1, 1), [(BUFFER, 512)])
        fuzzer.rig.issue(1)
        assert fuzzer.rig.read(0x138) == 0, "a driver's recovery makes the port usable again"
        assert fuzzer.rig.memory.peek(BUFFER, 512) == fuzzer.disk.sector(1)
        completed += len(fuzzer.disk.seen)
    assert completed > rounds
    assert longest < 5
    with capsys.disabled():
        print(
            f"\nahci: {inputs} random steps in {rounds} rounds, {completed} commands reached the"
            f" disk, longest piece of work {longest * 1000:.0f} ms"
        )


def test_random_command_list(capsys: pytest.CaptureFixture[str]) -> None:
    """Headers and tables of random bytes, mostly with a command FIS that the disk takes."""
    choice = seeded()
    inputs = 0
    rig = Rig(Disk(choice))
    rig.memory.limit = 2048
    for _ in range(700):
        rig.memory.pages.clear()
        rig.start()
        for slot in range(32):
            table = choice.choice((TABLES + slot * 0x4000, choice.getrandbits(64)))
            options = choice.getrandbits(32)
            if choice.random() < 0.8:
                options = options & 0xFFFF00C0 | 5
            rig.memory.poke(
                LIST + slot * 32, struct.pack("<IIQ", options, choice.getrandbits(32), table)
            )
            frame = bytearray(choice.randbytes(64))
            if choice.random() < 0.9:
                frame[:3] = bytes((0x27, 0x80, choice.choice(_COMMANDS)))
                frame[3], frame[11] = choice.randrange(20), 0
                frame[12], frame[13] = choice.randrange(20), 0
            if choice.random() < 0.5:
                low = choice.getrandbits(16) * 2
                flags = choice.getrandbits(32) & 0x803FFFFF | 1
                prds = struct.pack("<QII", BUFFER + low, 0, flags) * 64
            else:
                prds = choice.randbytes(1024)
            rig.memory.poke(TABLES + slot * 0x4000, bytes(frame).ljust(0x80, b"\0") + prds)
        for _ in range(20):
            slots = choice.getrandbits(32)
            rig.write(SACT, slots & choice.getrandbits(32))
            rig.issue(slots)
            inputs += slots.bit_count()
            rig.write(CMD, 2 | FRE)
            rig.write(CMD, 2 | FRE | 8)
            rig.write(CMD, 2 | FRE | ST)
        rig.write(CMD, 0)
        rig.clear()
    assert len(rig.disk.seen) > 1000
    assert rig.disk.lost > 100
    with capsys.disabled():
        print(f"\nahci: {inputs} random command slots, {len(rig.disk.seen)} reached the disk")


def test_any_state_is_taken_whole_or_refused_whole(capsys: pytest.CaptureFixture[str]) -> None:
    taken, refused = load_mutated(seeded(), Rig, ("ports", 0, "registers"), CMD)
    assert taken > 50
    assert refused > 500
    with capsys.disabled():
        print(f"\nahci: {taken} mutated states taken, {refused} refused")
