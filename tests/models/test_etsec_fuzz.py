# SPDX-License-Identifier: MIT
"""eTSEC under arbitrary accesses, memory and frames; state is kept between inputs."""

from __future__ import annotations

import json
import random
import struct
import time

import pytest
from etsec_rig import (
    BUFFER,
    EMPTY,
    IEVENT,
    IMASK,
    INTERRUPT,
    READY,
    RING,
    RX_BUFFERS,
    RX_RING,
    STATION,
    TOE,
    TSTAT,
    TX_BUFFERS,
    TX_RING,
    WRAP,
    Rig,
    frame,
)
from sata_rig import seeded
from state_rig import mutate, refusal

from models.etsec.registers import TYPES
from testbed.remoteport.device import BusError

_OFFSETS = tuple(TYPES)
_CONTROL = (0x10, 0x2C, 0x104, 0x110, 0x114, 0x300, 0x304, 0x310, 0x314, 0x340, 0x500, 0x504, 0x510)


class Fuzzer:
    """Random steps on one rig."""

    def __init__(self, choice: random.Random) -> None:
        self.choice = choice
        self.rig = Rig()
        self.rig.memory.limit = 4096
        self.rig.line.capacity = 200
        self.rig.start()

    def access(self) -> None:
        choice, rig = self.choice, self.rig
        if choice.random() < 0.7:
            offset, size = choice.choice(_CONTROL if choice.random() < 0.5 else _OFFSETS), 4
        else:
            offset, size = choice.randrange(-4, 0x1004), choice.randrange(1, 9)
        value = choice.getrandbits(8 * size)
        if choice.random() < 0.4:
            value = 1 << choice.randrange(8 * size)
        try:
            if choice.random() < 0.7:
                rig.write(offset, value, size)
            else:
                assert 0 <= rig.read(offset, size) < 1 << 8 * size
        except BusError:
            assert offset < 0 or offset + size > 0x1000

    def descriptors(self) -> None:
        """Random descriptors, mostly likely ones, anywhere in the rings."""
        choice, rig = self.choice, self.rig
        for _ in range(choice.randrange(1, 8)):
            index = choice.randrange(RING)
            if choice.random() < 0.5:
                flags = READY | choice.getrandbits(16) & (
                    0xFFFF if choice.random() < 0.2 else 0x5C02
                )
                ring, buffer = TX_RING, TX_BUFFERS + index * BUFFER
                rig.memory.poke(buffer, choice.randbytes(40))
            else:
                flags = EMPTY | INTERRUPT if choice.random() < 0.8 else choice.getrandbits(16)
                ring, buffer = RX_RING, RX_BUFFERS + index * BUFFER
            flags |= WRAP if index == RING - 1 or choice.random() < 0.02 else 0
            length = choice.choice((1, 14, 60, 200, choice.getrandbits(16), 0))
            if choice.random() < 0.05:
                buffer = choice.getrandbits(32)
            rig.bd(ring, index, flags, length, buffer)
        rig.write(TSTAT, 0xFF000000)

    def offloaded(self) -> None:
        """A frame whose control block and headers are random."""
        choice, rig = self.choice, self.rig
        head = struct.pack(">HBBHH", choice.getrandbits(16), *choice.randbytes(2), 1, 2)
        kind = choice.choice((b"\x08\x00\x45", b"\x86\xdd\x60", b"\x81\x00\x00\x05\x08\x00\x4f"))
        data = STATION * 2 + kind + choice.randbytes(choice.randrange(120))
        rig.queue(head + data, first=TOE)
        rig.write(TSTAT, 0x80000000)

    def arrival(self) -> None:
        choice, line = self.choice, self.rig.line
        if line.pending >= line.capacity:
            line.disconnect()
            line.connect()
        kind = choice.choice((b"\x08\x00\x45", b"\x86\xdd\x60", b"\x81\x00\x00\x05\x86\xdd", b""))
        size = choice.choice((0, 5, 40, 300, 3000))
        data = choice.choice((STATION, b"\xff" * 6, choice.randbytes(6))) + STATION + kind
        line.send(
            data + choice.randbytes(size),
            runt=choice.random() < 0.2,
            bad_fcs=choice.random() < 0.1,
        )

    def surroundings(self) -> None:
        choice, rig = self.choice, self.rig
        kind = choice.randrange(6)
        if kind == 0:
            rig.line.link = choice.random() < 0.7
        elif kind == 1:
            rig.line.patient = choice.random() < 0.5
        elif kind == 2:
            base = choice.choice((TX_RING, RX_RING, TX_BUFFERS, RX_BUFFERS))
            where = range(base, base + choice.choice((8, 4096, 1 << 16)))
            rig.memory.refused = [where] if choice.random() < 0.3 else []
        elif kind == 3:
            rig.alarm.advance(choice.choice((1e-5, 1e-3, 0.1)))
        elif kind == 4:
            rig.memory.during = self.step
        elif choice.random() < 0.2:
            rig.etsec.reset()

    def recover(self) -> None:
        """What a driver's restart does."""
        rig = self.rig
        rig.memory.refused = []
        rig.memory.during = None
        rig.work()
        rig.line.connect()
        rig.line.patient = True
        rig.etsec.reset()
        rig.start()

    def step(self) -> None:
        kind = self.choice.random()
        if kind < 0.3:
            self.access()
        elif kind < 0.5:
            self.descriptors()
        elif kind < 0.6:
            self.offloaded()
        elif kind < 0.85:
            self.arrival()
        elif kind < 0.98:
            self.surroundings()
        else:
            self.recover()

    def check(self) -> None:
        """What holds in every state."""
        rig = self.rig
        active = rig.read(IEVENT) & rig.read(IMASK)
        rest = active & ~0x00308080
        assert rig.lines() == (bool(active & 0x300000), bool(active & 0x8080), bool(rest))
        rig.memory.log.clear()


def test_random_use(capsys: pytest.CaptureFixture[str]) -> None:
    choice = seeded()
    inputs = sent = taken = 0
    longest = 0.0
    rounds = 100
    for _ in range(rounds):
        fuzzer = Fuzzer(choice)
        rig = fuzzer.rig
        for _ in range(300):
            fuzzer.step()
            inputs += 1
            if choice.random() < 0.5:
                began = time.perf_counter()
                rig.etsec.run_deferred(3)
                longest = max(longest, time.perf_counter() - began)
            fuzzer.check()
            if len(rig.memory.pages) > 3000:
                rig.memory.pages.clear()
        rig.memory.during = None
        rig.etsec.run_deferred(1000)
        state = rig.etsec.save()
        again = Rig()
        again.etsec.load(json.loads(json.dumps(state)))
        assert again.etsec.save() == state
        sent += rig.line.counts.transmitted
        taken += rig.line.counts.taken
        fuzzer.recover()
        rig.sent()
        rig.send(frame(99))
        assert rig.sent() == [frame(99)], "a driver's restart makes the controller usable again"
        rig.line.send(frame(98))
        rig.work()
        assert rig.received() is not None
    assert sent > rounds
    assert taken > rounds * 5
    assert longest < 5
    with capsys.disabled():
        print(
            f"\netsec: {inputs} random steps in {rounds} rounds, {sent} frames sent and {taken}"
            f" taken, longest piece of work {longest * 1000:.0f} ms"
        )


def test_any_state_is_taken_whole_or_refused_whole() -> None:
    choice = seeded()
    rig = Rig()
    rig.start()
    state = rig.etsec.save()
    taken = refused = 0
    for _ in range(600):
        changed = json.loads(json.dumps(state))
        for _ in range(choice.randrange(1, 3)):
            mutate(changed, ("registers",), choice)
        other = Rig()
        before = other.etsec.save()
        why = refusal(other.etsec, changed)
        if why is None:
            assert other.etsec.save() == changed
            other.etsec.run_deferred(50)
            taken += 1
        else:
            assert other.etsec.save() == before
            refused += 1
    assert taken > 10
    assert refused > 100
