# SPDX-License-Identifier: MIT
"""QorIQ SATA under arbitrary accesses, memory and line events; state is kept between inputs."""

from __future__ import annotations

import json
import random
import struct
import time

import pytest
from fsl_sata_rig import (
    BUFFER,
    CCR,
    CHBA,
    CLEAR_ERROR,
    CQPMP,
    CQR,
    DER,
    DESCRIPTOR_SIZE,
    DESCRIPTORS,
    EXT,
    FORCE,
    FPDMA,
    HCONTROL,
    HEADERS,
    HSTATUS,
    ICC,
    ONLINE,
    SCONTROL,
    SERROR,
    SRST,
    Rig,
)
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

from models.ata.transport import LinkErrors, RegisterH2D
from testbed.remoteport.device import BusError

_COMMANDS = (READ_DMA, WRITE_DMA, READ_PIO, WRITE_PIO, IDENTIFY, READ_FPDMA, WRITE_FPDMA)
_KINDS = tuple(LinkErrors)
_REGISTERS = (*range(0, 0x3C, 4), *range(0x100, 0x110, 4), *range(0x140, 0x164, 4))


class Fuzzer:
    """Random steps on one rig, which is made usable again from time to time."""

    def __init__(self, choice: random.Random) -> None:
        self.choice = choice
        self.rig = Rig(Disk(choice))
        self.rig.memory.limit = 4096
        self.disk = self.rig.disk
        self.disk.fail = lambda fis: choice.random() < 0.02

    def access(self) -> None:
        choice = self.choice
        if choice.random() < 0.6:
            offset, size = choice.choice(_REGISTERS), 4
        else:
            offset, size = choice.randrange(-4, 0x200), choice.randrange(1, 9)
        kind = choice.random()
        value = choice.getrandbits(8 * size)
        if kind < 0.3:
            value = 1 << choice.randrange(8 * size)
        elif kind < 0.5:
            value = choice.choice((ONLINE, ONLINE | 0x13F, ONLINE | CLEAR_ERROR, FORCE, 0))
        try:
            if choice.random() < 0.6:
                self.rig.write(offset, value, size)
            else:
                assert 0 <= self.rig.read(offset, size) < 1 << 8 * size
        except BusError:
            assert offset < 0

    def garbage(self) -> None:
        """Random bytes over the structures that the controller reads."""
        choice = self.choice
        table = DESCRIPTORS + DESCRIPTOR_SIZE * choice.randrange(16)
        base = choice.choice((HEADERS + 16 * choice.randrange(16), table, table + 0x60))
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
        slot, command = choice.randrange(16), choice.choice(_COMMANDS)
        count = 1 if command == IDENTIFY else choice.choice((1, 1, 8, 33, 200))
        prds = []
        left = count * 512
        while left > 0 and len(prds) < 50:
            size = choice.choice((512, 1024, 4, 4096, left, 508))
            size = left if len(prds) == 49 else min(left, size)
            prds.append((BUFFER + choice.randrange(1 << 18) * 4, size))
            left -= size
        tagged = command in (READ_FPDMA, WRITE_FPDMA)
        lba = choice.randrange(1000)
        fis = queued(command, lba, count, slot) if tagged else dma(command, lba, count)
        flags = FPDMA if tagged else 0
        total = None
        if choice.random() < 0.05:
            flags ^= 1 << choice.randrange(5, 12)
        if choice.random() < 0.03:
            total = choice.getrandbits(18)
        if choice.random() < 0.03:
            fis = RegisterH2D(control=choice.choice((0, 4)), is_command=False)
            flags = choice.choice((0, SRST))
        direct, more = choice.choice((16, 3)), choice.choice((63, 20, 2))
        self.rig.slot(slot, fis, prds, flags=flags, total=total, direct=direct, per_table=more)
        if choice.random() < 0.05:
            self.rig.write(CQPMP, choice.randrange(16))
        self.rig.write(CQR, 1 << slot)

    def driver(self) -> None:
        """The interrupt handler's share."""
        rig = self.rig
        rig.write(CCR, rig.read(CCR))
        rig.write(DER, rig.read(DER))
        rig.write(HSTATUS, rig.read(HSTATUS) & 0x3F)

    def line(self) -> None:
        choice = self.choice
        kind = choice.randrange(8)
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
            self.disk.hang = choice.random() < 0.3
        elif choice.random() < 0.2:
            self.rig.sata.reset()

    def memory(self) -> None:
        choice = self.choice
        base = choice.choice(
            (HEADERS, DESCRIPTORS, DESCRIPTORS + 0x400, BUFFER, BUFFER + (1 << 20))
        )
        self.rig.memory.refused = (
            [range(base, base + choice.choice((16, 4096)))] if choice.random() < 0.3 else []
        )

    def time(self) -> None:
        for alarm in self.rig.alarms:
            alarm.advance(self.choice.choice((0.0001, 0.01, 0.3)))

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
        rig.write(SCONTROL, 0)
        rig.write(HCONTROL, 0x100)
        rig.write(SERROR, 0xFFFFFFFF)
        rig.write(ICC, 1 << 24)
        rig.write(CQPMP, 0)
        rig.write(CHBA, HEADERS)
        rig.write(HCONTROL, ONLINE | 0x13F)

    def step(self) -> None:
        kind = self.choice.random()
        if kind < 0.25:
            self.access()
        elif kind < 0.35:
            self.garbage()
        elif kind < 0.70:
            self.command()
        elif kind < 0.78:
            self.driver()
        elif kind < 0.83:
            self.line()
        elif kind < 0.86:
            self.memory()
        elif kind < 0.91:
            self.interfere()
        elif kind < 0.94:
            self.time()
        elif kind < 0.98:
            self.recover()

    def check(self) -> None:
        """What holds in every state."""
        rig, state = self.rig, self.rig.port.state
        assert not state.cqr & state.car
        assert not state.queued & ~state.car
        assert state.hcontrol & ONLINE or not (state.cqr or state.car or state.ccr)
        assert (state.det == 3) == (state.ipm != 0)
        assert not state.due or state.ccr
        assert rig.irq == bool(rig.read(HSTATUS) & rig.read(HCONTROL) & 0x3F)
        rig.memory.log.clear()


def test_random_use(capsys: pytest.CaptureFixture[str]) -> None:
    choice = seeded()
    inputs = completed = 0
    longest = 0.0
    rounds = 200
    for _ in range(rounds):
        fuzzer = Fuzzer(choice)
        for _ in range(500):
            fuzzer.step()
            inputs += 1
            if choice.random() < 0.5:
                began = time.perf_counter()
                fuzzer.rig.sata.run_deferred(1)
                longest = max(longest, time.perf_counter() - began)
            elif choice.random() < 0.5:
                fuzzer.rig.work()
            fuzzer.check()
            if len(fuzzer.rig.memory.pages) > 3000:
                fuzzer.rig.memory.pages.clear()
        fuzzer.disk.before_data = lambda: None
        fuzzer.rig.memory.during = None
        fuzzer.rig.work()
        state = fuzzer.rig.sata.save()
        again = Rig(Disk(), bare=fuzzer.rig.port.device is None)
        again.sata.load(json.loads(json.dumps(state)))
        assert again.sata.save() == state
        fuzzer.recover()
        fuzzer.rig.work()
        fuzzer.disk.fail = lambda fis: False
        fuzzer.rig.slot(0, dma(READ_DMA, 1, 1), [(BUFFER, 512)])
        fuzzer.rig.issue(1)
        assert fuzzer.rig.read(CCR) == 1, "a driver's recovery makes the controller usable again"
        assert fuzzer.rig.memory.peek(BUFFER, 512) == fuzzer.disk.sector(1)
        completed += len(fuzzer.disk.seen)
    assert completed > rounds * 5
    assert longest < 5
    with capsys.disabled():
        print(
            f"\nfsl_sata: {inputs} random steps in {rounds} rounds, {completed} commands reached"
            f" the disk, longest piece of work {longest * 1000:.0f} ms"
        )


def test_random_commands(capsys: pytest.CaptureFixture[str]) -> None:
    """Headers and descriptors of random bytes, mostly with a command FIS that the disk takes."""
    choice = seeded()
    inputs = 0
    rig = Rig(Disk(choice))
    rig.memory.limit = 2048
    for _ in range(300):
        rig.memory.pages.clear()
        rig.start()
        for slot in range(16):
            place = DESCRIPTORS + slot * DESCRIPTOR_SIZE
            where = choice.choice((place, place, place, choice.getrandbits(32)))
            lengths = choice.getrandbits(32)
            attributes = choice.getrandbits(32)
            if choice.random() < 0.8:
                lengths, attributes = lengths & 0x3F0000 | 20, attributes & ~0x440
            header = struct.pack("<IIII", where, lengths, choice.getrandbits(12), attributes)
            rig.memory.poke(HEADERS + slot * 16, header)
            frame = bytearray(choice.randbytes(0x60))
            if choice.random() < 0.9:
                frame[:3] = bytes((0x27, 0x80, choice.choice(_COMMANDS)))
                frame[3], frame[11] = choice.randrange(20), 0
                frame[12], frame[13] = choice.randrange(20), 0
            prds = bytearray(choice.randbytes(1024))
            for at in range(0, len(prds), 16):
                if choice.random() < 0.9:
                    address = BUFFER + choice.getrandbits(16) * 4
                    flags = choice.getrandbits(13)
                    if choice.random() < 0.1:
                        address, flags = place + 0x60 + choice.randrange(64) * 16, flags | EXT
                    struct.pack_into("<I8xI", prds, at, address, flags)
            rig.memory.poke(place, bytes(frame) + bytes(prds))
        for _ in range(20):
            slots = choice.getrandbits(16)
            rig.issue(slots)
            inputs += slots.bit_count()
            rig.write(HCONTROL, 0x100)
            rig.write(HCONTROL, ONLINE | 0x13F)
        rig.write(HCONTROL, 0x100)
    assert len(rig.disk.seen) > 1000
    assert rig.disk.lost > 100
    with capsys.disabled():
        print(f"\nfsl_sata: {inputs} random command slots, {len(rig.disk.seen)} reached the disk")


def test_any_state_is_taken_whole_or_refused_whole(capsys: pytest.CaptureFixture[str]) -> None:
    taken, refused = load_mutated(seeded(), Rig, ("port", "registers"), HSTATUS)
    assert taken > 50
    assert refused > 500
    with capsys.disabled():
        print(f"\nfsl_sata: {taken} mutated states taken, {refused} refused")
