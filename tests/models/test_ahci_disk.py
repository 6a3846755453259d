# SPDX-License-Identifier: MIT
"""AHCI with the real disk behind it: data, faults, recovery, saved state."""

from __future__ import annotations

import json
from collections.abc import Sequence

import pytest
from ahci_rig import (
    BUFFER,
    CI,
    CLO,
    CMD,
    CR,
    DHRS,
    FRE,
    IFS,
    PIS,
    PSS,
    SACT,
    SCTL,
    SDBS,
    SERR,
    SERR_C,
    SIG,
    ST,
    TFD,
    TFES,
    Rig,
)
from sata_rig import IDENTIFY, READ_DMA, READ_FPDMA, WRITE_FPDMA, dma, queued, seeded

from models.ata import AtaDisk, Media, RandomOrder
from models.ata.transport import RegisterH2D
from testbed.remoteport.device import Dma

SECTORS = 1 << 16
READ_LOG_EXT = 0x2F


@pytest.fixture
def rig() -> Rig:
    choice = seeded()
    rig = Rig(AtaDisk(Media(SECTORS * 512), order=RandomOrder(choice.getrandbits(32))))
    rig.start()
    return rig


def restart(rig: Rig) -> None:
    rig.write(CMD, FRE)
    rig.clear()
    if rig.read(TFD) & 0x88:
        rig.write(CMD, FRE | CLO)
    rig.write(CMD, FRE | ST)
    assert rig.read(CMD) & CR


def hardreset(rig: Rig) -> None:
    rig.write(CMD, FRE)
    rig.write(SCTL, 0x301)
    rig.write(SCTL, 0x300)
    rig.work()
    rig.clear()
    assert not rig.read(TFD) & 0x88
    rig.write(CMD, FRE | ST)


def test_signature_and_identify(rig: Rig) -> None:
    assert rig.read(SIG) == 0x00000101
    rig.slot(0, RegisterH2D(IDENTIFY, device=0xA0), [(BUFFER, 512)])
    rig.issue(1)
    assert rig.read(PIS) == PSS
    words = rig.memory.peek(BUFFER, 512)
    assert int.from_bytes(words[200:208], "little") == SECTORS
    assert words[75 * 2] == 31, "queue depth"


def test_random_traffic_reaches_the_media(rig: Rig) -> None:
    choice = seeded()
    shadow = bytearray(512 * 4096)
    for _ in range(40):
        tags = choice.sample(range(32), choice.randrange(1, 33))
        reads = []
        for place, tag in enumerate(tags):
            lba, count = place * 128 + choice.randrange(64), choice.randrange(1, 64)
            address = BUFFER + (tag << 16)
            if choice.random() < 0.5:
                data = choice.randbytes(count * 512)
                shadow[lba * 512 : (lba + count) * 512] = data
                rig.memory.poke(address, data)
                rig.slot(
                    tag, queued(WRITE_FPDMA, lba, count, tag), [(address, count * 512)], write=True
                )
            else:
                reads.append((address, lba, count))
                rig.slot(tag, queued(READ_FPDMA, lba, count, tag), [(address, count * 512)])
        rig.issue(sum(1 << tag for tag in tags), queued=True)
        assert (rig.read(SACT), rig.clear()) == (0, SDBS)
        for address, lba, count in reads:
            expected = shadow[lba * 512 : (lba + count) * 512]
            assert rig.memory.peek(address, count * 512) == expected
    assert rig.disk.media.read_bytes(0, len(shadow)) == shadow


def test_uncorrectable_sector_in_a_queue(rig: Rig) -> None:
    fault = rig.disk.faults.uncorrectable(lba=100)
    for tag in range(8):
        rig.slot(tag, queued(READ_FPDMA, 98 + tag, 1, tag), [(BUFFER + tag * 512, 512)])
    rig.issue(0xFF, queued=True)
    assert fault.struck == 1
    assert rig.read(PIS) == SDBS | TFES
    left = rig.read(SACT)
    assert left & 4
    restart(rig)
    rig.slot(0, RegisterH2D(READ_LOG_EXT, device=0xA0, lba=0x10, count=1), [(BUFFER, 512)])
    rig.issue(1)
    assert rig.read(CI) == 0
    log = rig.memory.peek(BUFFER, 512)
    assert log[0] & 0x9F == 2, "the tag that failed"
    assert log[4] == 100
    assert sum(log) & 0xFF == 0
    for tag in range(8):
        rig.slot(tag, queued(READ_FPDMA, 300 + tag, 1, tag), [(BUFFER + tag * 512, 512)])
    rig.clear()
    rig.issue(0xFB, queued=True)
    assert (rig.read(SACT), rig.read(PIS)) == (0, SDBS)


def test_uncorrectable_sector_without_a_queue(rig: Rig) -> None:
    rig.disk.faults.uncorrectable(lba=100)
    rig.slot(0, dma(READ_DMA, 96, 8), [(BUFFER, 4096)])
    rig.issue(1)
    assert rig.read(PIS) == DHRS | TFES
    assert rig.read(TFD) == 0x4051
    assert rig.read(CI) == 1


@pytest.mark.parametrize("command", [READ_DMA, READ_FPDMA])
def test_crc_error_on_the_link(rig: Rig, command: int) -> None:
    tagged = command == READ_FPDMA
    fault = rig.disk.faults.crc_error()
    rig.slot(0, queued(command, 0, 8, 0) if tagged else dma(command, 0, 8), [(BUFFER, 4096)])
    rig.issue(1, queued=tagged)
    assert fault.struck == 1
    assert rig.read(PIS) & (IFS | SDBS | DHRS) & ~DHRS == IFS
    assert rig.read(SERR) & SERR_C
    assert rig.read(SACT if tagged else CI) == 1
    hardreset(rig)
    rig.issue(1, queued=tagged)
    assert (rig.read(SACT), rig.read(CI)) == (0, 0)


@pytest.mark.parametrize("command", [READ_DMA, READ_FPDMA])
def test_command_that_never_completes(rig: Rig, command: int) -> None:
    tagged = command == READ_FPDMA
    rig.disk.faults.hang()
    rig.slot(0, queued(command, 0, 8, 0) if tagged else dma(command, 0, 8), [(BUFFER, 4096)])
    rig.issue(1, queued=tagged)
    assert rig.read(SACT if tagged else CI) == 1
    assert rig.read(PIS) == 0
    hardreset(rig)
    rig.issue(1, queued=tagged)
    assert (rig.read(SACT), rig.read(CI)) == (0, 0)


def test_short_transfer(rig: Rig) -> None:
    data = seeded().randbytes(4096)
    rig.disk.media.write(0, data)
    rig.disk.faults.short_transfer(1024, reported=False)
    rig.slot(0, dma(READ_DMA, 0, 8), [(BUFFER, 4096)])
    rig.issue(1)
    assert rig.read(CI) == 0
    assert rig.prdbc(0) == 1024
    assert rig.memory.peek(BUFFER, 4096) == data[:1024] + bytes(3072)


def test_software_reset(rig: Rig) -> None:
    rig.slot(0, RegisterH2D(control=4, is_command=False), flags=1 << 8 | 1 << 10)
    rig.issue(1)
    assert rig.read(CI) == 0
    rig.slot(0, RegisterH2D(is_command=False))
    rig.issue(1)
    assert (rig.read(CI), rig.read(TFD), rig.read(SIG)) == (0, 0x150, 0x101)


def test_disk_aborts_packet(rig: Rig) -> None:
    rig.slot(0, RegisterH2D(0xA0), [(BUFFER, 512)], flags=1 << 5)
    rig.issue(1)
    assert (rig.read(PIS), rig.read(TFD)) == (DHRS | TFES, 0x0451)


def test_state_with_disk_and_queue(rig: Rig) -> None:
    data = seeded().randbytes(32 * 512)
    rig.memory.poke(BUFFER, data)
    for tag in range(32):
        rig.slot(tag, queued(WRITE_FPDMA, tag, 1, tag), [(BUFFER + tag * 512, 512)], write=True)
    rig.issue(0xFFFFFFFF, queued=True, work=False)
    other = Rig(AtaDisk(Media(SECTORS * 512)))
    other.memory.pages = {number: bytearray(page) for number, page in rig.memory.pages.items()}
    other.ahci.load(json.loads(json.dumps(rig.ahci.save())))
    other.work()
    assert other.read(SACT) == 0
    assert other.disk.media.read_bytes(0, len(data)) == data
    assert rig.disk.media.read_bytes(0, len(data)) == bytes(len(data)), "only the copy wrote"


def test_hot_plug(rig: Rig) -> None:
    disk = rig.port.unplug()
    assert disk is rig.disk
    rig.port.plug(AtaDisk(Media(1 << 20)))
    rig.work()
    restart(rig)
    rig.slot(0, RegisterH2D(IDENTIFY, device=0xA0), [(BUFFER, 512)])
    rig.issue(1)
    assert int.from_bytes(rig.memory.peek(BUFFER + 200, 8), "little") == (1 << 20) // 512


def test_a_dma_put_in_place_of_the_controllers_moves_everything(rig: Rig) -> None:
    class Watched(Dma):
        reads, writes = 0, 0

        def read_many(self, pieces: Sequence[tuple[int, int]]) -> list[bytes]:
            self.reads += 1
            return super().read_many(pieces)

        def write_many(self, pieces: Sequence[tuple[int, bytes]]) -> None:
            self.writes += 1
            super().write_many(pieces)

    watched = Watched()
    watched.link, rig.ahci.dma = rig.ahci.dma.link, watched
    rig.slot(0, queued(READ_FPDMA, 0, 1, 0), [(BUFFER, 512)])
    rig.issue(1, queued=True)
    assert rig.read(SACT) == 0
    assert watched.reads
    assert watched.writes
