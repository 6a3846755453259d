# SPDX-License-Identifier: MIT
"""PAMU under random registers, tables and transfers, beside a slow and plain reading of the tables.

The state is kept between inputs. `expected` takes one byte at a time through the tables, with the
numbers of drivers/iommu/fsl_pamu.h of Linux and nothing of the model's.
"""

from __future__ import annotations

import json
import random
import struct
from typing import Any

import pytest
from pamu_rig import (
    APV_READ,
    APV_WRITE,
    AV,
    AVS1,
    GCV,
    INDEXED,
    LAV_INVALID,
    LAV_NOT_IN_PPAACT,
    MAPPINGS,
    OBAH,
    OTV_INVALID,
    OTV_NOT_IN_OMT,
    PC,
    PE,
    PGC,
    PICS,
    POEAH,
    POEAL,
    POES1,
    PPBAH,
    PRIMARY,
    SECONDARY,
    SPBAH,
    WAV_INVALID,
    WAV_LIODN,
    WAV_NOT_IN_SPAACT,
    WAV_OUTSIDE,
    Rig,
    primary,
    secondary,
    seeded,
    size_code,
)
from state_rig import refusal

from testbed.remoteport.device import BusError, Dma

PAGE = 4096
LIODNS = (0, 1, 2, 7)
ENTRIES = 24  # of the secondary table that are used
OPERATION = "operation error"


class Refused(Exception):
    """Why, as bits of AVS1, or OPERATION and where the entry is."""


def check_memory(rig: Rig, address: int, size: int) -> None:
    for area in rig.memory.refused:
        if address < area.stop and address + size > area.start:
            raise Refused(OPERATION, address)


def words(rig: Rig, address: int) -> tuple[int, ...]:
    check_memory(rig, address, 64)
    return struct.unpack(">8I", rig.memory.peek(address, 32))


def limits(rig: Rig, register: int) -> tuple[int, int]:
    base, end = (rig.get(at) << 32 | rig.get(at + 4) for at in (register, register + 8))
    return base, end


def expected(rig: Rig, liodn: int, address: int, write: bool) -> int:
    """Where one byte is in memory; Refused when the tables do not allow it."""
    control = rig.get(PC)
    if rig.config.read(0, 0x604, 4) & 0x80000000:
        return address
    if not control & PE:
        if control & PGC:
            raise Refused(GCV)
        return address
    base, end = limits(rig, PPBAH)
    place = base + 64 * liodn
    if place + 64 > end:
        raise Refused(LAV_NOT_IN_PPAACT)
    first = entry = words(rig, place)
    if first[1] & 3 != 1:
        raise Refused(LAV_INVALID)
    size = 2 << (first[1] >> 6 & 0x3F)
    count = 2 << (first[3] >> 4 & 0xF) if first[1] & 0x20 else 1
    if count > 256 or size // count < PAGE:
        raise Refused(OPERATION, place)
    start = (first[0] << 32 | first[1] & 0xFFFFF000) // size * size
    if not start <= address < start + size:
        raise Refused(WAV_OUTSIDE)
    part = size // count
    number, offset = divmod(address - start, part)
    if number:
        base, end = limits(rig, SPBAH)
        place = base + 64 * (first[6] + number - 1)
        if place + 64 > end:
            raise Refused(WAV_NOT_IN_SPAACT)
        entry = words(rig, place)
        if entry[1] & 3 != 3:
            raise Refused(WAV_INVALID)
        if entry[1] >> 16 != liodn:
            raise Refused(WAV_LIODN)
    if not entry[1] >> 3 & (2 if write else 1):
        raise Refused(APV_WRITE if write else APV_READ)
    used = min(part, 2 << (entry[5] >> 6 & 0x3F)) if count > 1 else part
    if entry[3] >> 2 & 2 or entry[3] & 3 == 3 or used < PAGE:
        raise Refused(OPERATION, place)
    if entry[3] & 3 == INDEXED:
        check_mapping(rig, entry[7] & 0xFFFF, write)
    if offset >= used:
        raise Refused(WAV_OUTSIDE)
    if entry[3] >> 2 & 3:
        return (entry[4] << 32 | entry[5] & 0xFFFFF000) // used * used + offset
    return address


def check_mapping(rig: Rig, index: int, write: bool) -> None:
    base, end = limits(rig, OBAH)
    place = base + 128 * index
    if place + 128 > end:
        raise Refused(OTV_NOT_IN_OMT)
    check_memory(rig, place, 128)
    if not rig.memory.peek(place, 2)[write] & 0x80:
        raise Refused(OTV_INVALID)


class Fuzzer:
    """Random steps on one part with one PAMU; the tables are mostly good."""

    def __init__(self, choice: random.Random) -> None:
        self.choice = choice
        self.rig = Rig(units=1, unit=0)
        self.rig.start()
        self.dmas = {liodn: self.rig.attach(liodn).dma for liodn in (*LIODNS, 0x600)}
        self.passed = self.refused = 0

    def target(self) -> int | None:
        choice = self.choice
        return choice.choice((None, choice.randrange(1 << 20) * PAGE, choice.getrandbits(36)))

    def tables(self) -> None:
        """Write an entry, or disturb one."""
        choice, rig = self.choice, self.rig
        kind = choice.random()
        liodn = choice.choice(LIODNS)
        size = PAGE << choice.randrange(8)
        options: dict[str, Any] = {
            "ap": choice.choice((0, 1, 2, 3, 3, 3)),
            "target": self.target(),
            "swse": size_code(PAGE << choice.randrange(7)),
            "valid": choice.random() < 0.9,
            "omi": choice.choice((None, None, 0, 3, 20)),
        }
        if kind < 0.35:
            count = choice.choice((0, 0, 2, 4, 8, 512))
            fspi = choice.choice((0, 3, ENTRIES - 4, 0x7FD, 1 << 31))
            base = choice.choice((0, 0, size, choice.getrandbits(37)))
            rig.entry(primary(base, size, count=count, fspi=fspi, **options), liodn)
        elif kind < 0.8:
            rig.second(choice.randrange(ENTRIES), secondary(liodn, **options))
        elif kind < 0.9:
            table = choice.choice((PRIMARY + liodn * 64, SECONDARY + choice.randrange(9) * 64))
            where = table + choice.randrange(32)
            byte = rig.memory.peek(where, 1)[0] ^ 1 << choice.randrange(8)
            rig.memory.poke(where, bytes([byte]))
        else:
            rig.memory.poke(MAPPINGS + choice.choice((0, 3)) * 128, choice.randbytes(2))

    def registers(self) -> None:
        choice, rig = self.choice, self.rig
        kind = choice.random()
        if kind < 0.4:
            rig.start()
        elif kind < 0.5:
            rig.put(PC, choice.choice((0, PE, PGC, PE | PGC, choice.getrandbits(32))))
        elif kind < 0.6:
            rig.config.write(0, 0x604, 4, choice.choice((0, 0, 0x80000000)))
        elif kind < 0.8:
            rig.acknowledge()
        else:
            offset, size = choice.randrange(0x1000), choice.choice((1, 2, 4, 4, 4, 8))
            try:
                if choice.random() < 0.5:
                    rig.pamu.write(0, offset, size, choice.getrandbits(8 * size))
                else:
                    assert 0 <= rig.pamu.read(0, offset, size) < 1 << 8 * size
            except BusError:
                assert offset + size > 0x1000

    def memory(self) -> None:
        choice = self.choice
        table = choice.choice((PRIMARY, SECONDARY, MAPPINGS)) + choice.randrange(9) * 64
        refused = [range(table, table + 64)] if choice.random() < 0.3 else []
        self.rig.memory.refused = refused

    def transfer(self) -> None:
        """One piece, compared with what the tables say of its first and its other bytes."""
        choice, rig = self.choice, self.rig
        liodn, dma = choice.choice(list(self.dmas.items()))
        size = choice.choice((1, 16, 100, PAGE, 3 * PAGE))
        address = choice.choice(
            (choice.randrange(64 * PAGE), choice.randrange(64) * PAGE - 8, choice.getrandbits(37))
        )
        address = max(0, address)
        write = choice.random() < 0.5
        before = self.captured()
        try:
            places = [
                expected(rig, liodn, address + n, write)
                for n in sorted({*range(0, size, 256), *self.edges(address, size), size - 1})
            ]
        except Refused as reason:
            self.refused += 1
            self.check_refused(dma, address, size, write)
            self.check_capture(before, liodn, reason.args)
            return
        self.passed += 1
        if any(place + size > 1 << 64 for place in places):
            return
        self.check_passed(dma, liodn, address, size, write)
        assert self.captured() == before

    @staticmethod
    def edges(address: int, size: int) -> list[int]:
        """Where pages begin: nothing changes in between."""
        return list(range(-address % PAGE, size, PAGE))

    def check_refused(self, dma: Dma, address: int, size: int, write: bool) -> None:
        memory = self.rig.memory
        memory.log.clear()
        try:
            if write:
                dma.write(address, bytes(size))
            else:
                dma.read(address, size)
        except BusError:
            assert [verb for verb, _, _ in memory.log if verb == "write"] == []
            return
        raise AssertionError(f"{size} bytes at {address:#x} were not refused")

    def check_passed(self, dma: Dma, liodn: int, address: int, size: int, write: bool) -> None:
        rig, data = self.rig, self.choice.randbytes(size)
        samples = sorted({0, size - 1, *self.edges(address, size), self.choice.randrange(size)})
        places = {n: expected(rig, liodn, address + n, write) for n in samples}
        tables = [range(at - size, at + 0x20000) for at in (PRIMARY, SECONDARY, MAPPINGS)]
        if write and any(place in table for place in places.values() for table in tables):
            return
        if write:
            dma.write(address, data)
        else:
            for n, place in places.items():
                rig.memory.poke(place, data[n : n + 1])
            data = dma.read(address, size)
        for n, place in places.items():
            assert (
                rig.memory.peek(place, 1) == data[n : n + 1]
                or list(places.values()).count(place) > 1
            )

    def captured(self) -> tuple[int, ...]:
        return tuple(self.rig.get(r) for r in (AVS1, POES1, POEAH, POEAL, PICS))

    def check_capture(self, before: tuple[int, ...], liodn: int, reason: tuple[Any, ...]) -> None:
        avs1, poes1, high, low, pics = self.captured()
        if reason[0] == OPERATION:
            assert pics == before[4] | 2
            assert poes1 == 1
            assert before[1] or high << 32 | low == reason[1]
            assert avs1 == before[0]
        else:
            assert pics == before[4] | 8
            assert avs1 == (before[0] if before[0] & AV else liodn << 16 | reason[0] | AV)
            assert poes1 == before[1]

    def step(self) -> None:
        kind = self.choice.random()
        if kind < 0.35:
            self.tables()
        elif kind < 0.42:
            self.registers()
        elif kind < 0.45:
            self.memory()
        else:
            self.transfer()
        pics = self.rig.get(PICS)
        assert self.rig.irq == (pics & 12 == 12)
        assert self.rig.error_irq == (pics & 3 == 3)


def test_random_use(capsys: pytest.CaptureFixture[str]) -> None:
    choice = seeded()
    passed = refused = 0
    for _ in range(60):
        fuzzer = Fuzzer(choice)
        for _ in range(400):
            fuzzer.step()
        state = json.loads(json.dumps(fuzzer.rig.pamu.save()))
        other = Rig(units=1)
        other.pamu.load(state)
        assert other.pamu.save() == state
        passed += fuzzer.passed
        refused += fuzzer.refused
    assert passed > 500
    assert refused > 500
    with capsys.disabled():
        print(f"\npamu: 24000 random steps, {passed} transfers passed, {refused} refused")


def test_random_tables(capsys: pytest.CaptureFixture[str]) -> None:
    """Entries of random bytes: whatever comes of it, it is what the plain reading says."""
    choice = seeded()
    fuzzer = Fuzzer(choice)
    for _ in range(4000):
        entry = bytearray(choice.randbytes(64))
        entry[7] = entry[7] & ~3 | 1
        if choice.random() < 0.7:
            entry[0:4] = bytes(4)
            entry[4] = entry[5] = 0
        if choice.random() < 0.8:
            entry[15] &= 0x74
        fuzzer.rig.entry(bytes(entry), choice.choice(LIODNS))
        second = bytearray(choice.randbytes(64))
        second[4:6] = choice.choice(LIODNS).to_bytes(2, "big")
        second[7] |= 3
        fuzzer.rig.second(choice.randrange(ENTRIES), bytes(second))
        fuzzer.transfer()
        if choice.random() < 0.3:
            fuzzer.rig.acknowledge()
    assert fuzzer.passed > 100
    assert fuzzer.refused > 100
    with capsys.disabled():
        print(f"\npamu: 4000 random entries, {fuzzer.passed} passed, {fuzzer.refused} refused")


def test_any_state_is_taken_whole_or_refused_whole(capsys: pytest.CaptureFixture[str]) -> None:
    choice = seeded()
    taken = refused = 0
    junk = (None, True, 0, 1, -1, "x", 1.5, [], {}, 1 << 32)
    for _ in range(3000):
        rig = Rig(units=2)
        rig.start()
        state = json.loads(json.dumps(rig.pamu.save()))
        for _ in range(choice.randrange(1, 3)):
            place = choice.choice((state, *[u for u in state["units"] if isinstance(u, dict)] * 4))
            value = choice.choice((*junk, choice.getrandbits(choice.choice((4, 16, 32)))))
            if place is not state or choice.random() < 0.1:
                place[choice.choice(sorted(place))] = value
            if not isinstance(state["units"], list):
                break
        before = rig.pamu.save()
        error = refusal(rig.pamu, state)
        if error is not None:
            refused += 1
            assert error.startswith("iommu: field ")
            assert rig.pamu.save() == before
        else:
            taken += 1
            assert json.loads(json.dumps(rig.pamu.save())) == state
    assert taken > 300
    assert refused > 300
    with capsys.disabled():
        print(f"\npamu: {taken} mutated states taken, {refused} refused")
