# SPDX-License-Identifier: MIT
"""Non-queued reads, writes, verifies, flushes and trims, frame by frame."""

from __future__ import annotations

import random

import pytest
from ata_rig import (
    ABRT,
    BSY,
    DRQ,
    DSM,
    ERR,
    FLUSH,
    FLUSH_EXT,
    IDNF,
    LBA,
    MIB,
    READ_DMA,
    READ_DMA_EXT,
    READ_MULTI,
    READ_MULTI_EXT,
    READ_PIO,
    READ_PIO_EXT,
    VERIFY,
    VERIFY_EXT,
    WRITE_DMA,
    WRITE_DMA_EXT,
    WRITE_MULTI,
    WRITE_MULTI_EXT,
    WRITE_PIO,
    WRITE_PIO_EXT,
    Rig,
    lost,
    seeded,
)

from models.ata import Media
from models.ata.transport import PioSetup, RegisterD2H

SHORT_READS = (READ_PIO, READ_MULTI, READ_DMA)
LONG_READS = (READ_PIO_EXT, READ_MULTI_EXT, READ_DMA_EXT)
SHORT_WRITES = (WRITE_PIO, WRITE_MULTI, WRITE_DMA)
LONG_WRITES = (WRITE_PIO_EXT, WRITE_MULTI_EXT, WRITE_DMA_EXT, 0x3D, 0xCE)


def address(command: int, lba: int, count: int) -> dict[str, int]:
    """LBA, Device and Count of a 28- or 48-bit command."""
    if command in SHORT_READS + SHORT_WRITES + (VERIFY,):
        return {"lba": lba & 0xFFFFFF, "device": LBA | lba >> 24, "count": count & 0xFF}
    return {"lba": lba, "count": count & 0xFFFF}


@pytest.mark.parametrize("sector", [512, 4096])
def test_every_protocol_moves_the_same_bytes(sector: int) -> None:
    choice = seeded()
    size = 16 * MIB
    rig = Rig(Media(size, sector_size=sector))
    model = bytearray(size)
    for _ in range(300):
        command = choice.choice(SHORT_READS + LONG_READS + SHORT_WRITES + LONG_WRITES)
        count = choice.choice((1, 2, 3, 15, 16, 17, 33, 200))
        lba = choice.randrange(size // sector - count + 1)
        at, end = lba * sector, (lba + count) * sector
        if command in SHORT_READS + LONG_READS:
            answer = rig.issue(command, **address(command, lba, count))
            assert answer.good
            assert answer.data == model[at:end]
        else:
            data = choice.randbytes(count * sector)
            model[at:end] = data
            assert rig.issue(command, out=data, **address(command, lba, count)).good
    assert rig.disk.media.snapshot() == model


def test_counts_of_zero_mean_the_most() -> None:
    choice = seeded()
    content = choice.randbytes(40 * MIB)
    rig = Rig(Media.of_bytes(content))
    assert rig.issue(READ_DMA, count=0, lba=3).data == content[1536 : 1536 + 256 * 512]
    assert rig.issue(READ_DMA_EXT, count=0, lba=3).data == content[1536 : 1536 + 65536 * 512]
    data = choice.randbytes(65536 * 512)
    assert rig.issue(WRITE_DMA_EXT, count=0, lba=9, out=data).good
    assert rig.disk.media.read_bytes(9 * 512, len(data)) == data


def test_large_disk_addresses_are_whole() -> None:
    choice = seeded()
    rig = Rig(Media(2 << 40))
    last = (2 << 31) - 1
    data = choice.randbytes(512)
    assert rig.issue(WRITE_DMA_EXT, lba=last, count=1, out=data).good
    assert rig.issue(READ_PIO_EXT, lba=last, count=1).data == data
    lba = 0x0FEDCBA9
    assert rig.issue(WRITE_DMA, out=data, **address(WRITE_DMA, lba, 1)).good
    assert rig.disk.media.read(lba, 1) == data
    assert rig.issue(READ_PIO, **address(READ_PIO, lba, 1)).data == data


def test_pio_read_ends_with_its_last_block() -> None:
    rig = Rig()
    answer = rig.issue(READ_PIO, lba=0, count=3)
    assert answer.frames[1::2] == ["in 512"] * 3
    setups = answer.frames[0::2]
    for setup in setups:
        assert isinstance(setup, PioSetup)
        assert setup.direction_in
        assert setup.interrupt
        assert setup.status & (BSY | DRQ) == DRQ
        assert setup.transfer_count == 512
    ends = [setup.end_status & BSY for setup in setups if isinstance(setup, PioSetup)]
    assert ends == [BSY, BSY, 0]


def test_pio_read_that_fails_ends_with_a_register() -> None:
    rig = Rig()
    rig.disk.faults.uncorrectable(2)
    *_, block, _, end = rig.issue(READ_PIO, lba=0, count=3).frames
    assert isinstance(block, PioSetup)
    assert isinstance(end, RegisterD2H)
    assert block.end_status & BSY, "the command is not over with its last good block"
    assert end.interrupt


def test_pio_write_ends_with_a_register() -> None:
    rig = Rig()
    answer = rig.issue(WRITE_PIO, lba=0, count=2, out=bytes(1024))
    first, _, second, _, end = answer.frames
    assert isinstance(first, PioSetup)
    assert isinstance(second, PioSetup)
    assert isinstance(end, RegisterD2H)
    assert (first.interrupt, second.interrupt, end.interrupt) == (False, True, True)
    assert first.end_status & second.end_status & BSY
    assert not first.direction_in


def test_multiple_moves_blocks() -> None:
    rig = Rig()
    assert rig.issue(READ_MULTI, lba=0, count=20).frames[1::2] == ["in 8192", "in 2048"]
    assert rig.issue(0xC6, count=4).good
    assert rig.words()[59] == 0x0104
    assert rig.issue(READ_MULTI_EXT, lba=0, count=6).frames[1::2] == ["in 2048", "in 1024"]
    for bad in (3, 32, 17):
        assert rig.issue(0xC6, count=bad).error == ABRT
    assert rig.issue(0xC6, count=0).good
    assert rig.words()[59] == 0
    assert rig.issue(READ_MULTI, lba=0, count=1).error == ABRT
    assert rig.issue(WRITE_MULTI, lba=0, count=1, out=bytes(512)).error == ABRT
    assert rig.issue(READ_PIO, lba=0, count=1).good


def test_dma_is_cut_in_bounded_pieces() -> None:
    rig = Rig()
    frames = rig.issue(READ_DMA_EXT, lba=0, count=5000).frames
    assert frames[:-1] == ["in 1048576", "in 1048576", "in 462848"]
    frames = rig.issue(WRITE_DMA_EXT, lba=0, count=2049, out=bytes(2049 * 512)).frames
    assert frames[:-1] == ["activate", "out 1048576", "activate", "out 512"]


@pytest.mark.parametrize("command", [*SHORT_READS, *LONG_READS, *SHORT_WRITES, *LONG_WRITES])
@pytest.mark.parametrize("beyond", [0, 3, 1000])
def test_address_beyond_the_end(command: int, beyond: int) -> None:
    rig = Rig(Media(16 << 30))
    last = (16 << 30) // 512
    lba = last - 4 + beyond
    before = rig.disk.counters.sectors_written
    answer = rig.issue(command, out=b"\1" * 4096, **address(command, lba, 8))
    assert (answer.status & ERR, answer.error) == (ERR, IDNF)
    assert answer.data == b""
    low = answer.device & 0xF if command in SHORT_READS + SHORT_WRITES else 0
    assert answer.lba | low << 24 == max(lba, last)
    assert rig.disk.counters.sectors_written == before


@pytest.mark.parametrize("command", [*SHORT_READS, *SHORT_WRITES, VERIFY])
def test_chs_address_is_aborted(command: int) -> None:
    answer = Rig().issue(command, device=0, lba=1, count=1, out=bytes(512))
    assert (answer.error, answer.status & ERR) == (ABRT, ERR)


def test_verify_checks_addresses_and_moves_nothing() -> None:
    rig = Rig()
    last = rig.disk.media.sectors
    for command in (VERIFY, VERIFY_EXT):
        assert rig.issue(command, lba=last - 1, count=1).good
        answer = rig.issue(command, lba=last - 1, count=2)
        assert (answer.error, answer.lba) == (IDNF, last)
        assert len(answer.frames) == 1


def test_flush() -> None:
    rig = Rig()
    assert rig.issue(FLUSH).good
    assert rig.issue(FLUSH_EXT).good
    assert rig.disk.counters.flushes == 2


def trim_list(*ranges: tuple[int, int]) -> bytes:
    packed = b"".join((lba | count << 48).to_bytes(8, "little") for lba, count in ranges)
    return packed.ljust(-(-len(packed) // 512) * 512, b"\0")


def test_trim_zeroes_what_it_names_and_nothing_else() -> None:
    choice = seeded()
    content = choice.randbytes(32 * MIB)
    rig, model = Rig(Media.of_bytes(content)), bytearray(content)
    ranges = [(choice.randrange(50000), choice.randrange(1, 3000)) for _ in range(100)]
    ranges += [(60000, 0)]  # an entry without sectors
    for lba, count in ranges:
        model[lba * 512 : (lba + count) * 512] = bytes(count * 512)
    blocks = trim_list(*ranges)
    assert rig.issue(DSM, features=1, count=len(blocks) // 512, out=blocks).good
    assert rig.disk.media.snapshot() == model


def test_trim_with_a_bad_range_discards_nothing() -> None:
    rig = Rig(Media.of_bytes(b"\1" * MIB))
    blocks = trim_list((0, 100), (2000, 49))
    answer = rig.issue(DSM, features=1, count=1, out=blocks)
    assert (answer.error, answer.lba) == (IDNF, 2048)
    assert rig.disk.media.snapshot() == b"\1" * MIB


@pytest.mark.parametrize(("features", "count"), [(0, 1), (2, 1), (1, 0), (1, 9)])
def test_trim_that_was_not_announced_is_aborted(features: int, count: int) -> None:
    answer = Rig().issue(DSM, features=features, count=count, out=bytes(9 * 512))
    assert answer.error == ABRT
    assert len(answer.frames) == 1


@pytest.mark.parametrize(
    "command", [WRITE_PIO_EXT, WRITE_MULTI_EXT, WRITE_DMA_EXT, DSM, 0xE8, 0x57]
)
def test_host_that_ends_early_is_waited_for(command: int) -> None:
    rig = Rig(Media.of_bytes(b"\1" * MIB))
    answer = rig.issue(command, features=1, lba=0x80, count=2, out=b"\2" * 300)
    assert not answer.ended
    assert rig.disk.media.snapshot() == b"\1" * MIB
    assert rig.issue(READ_DMA, lba=0, count=1).good, "a new command replaces the stuck one"


def test_host_that_takes_less_ends_well() -> None:
    rig = Rig(Media.of_bytes(b"\1" * MIB))
    rig.room = 700
    answer = rig.issue(READ_DMA, lba=0, count=4)
    assert answer.good
    assert answer.data == b"\1" * 700


@pytest.mark.parametrize("reset", ["comreset", "software_reset"])
@pytest.mark.parametrize("command", [READ_PIO_EXT, READ_DMA_EXT, WRITE_PIO_EXT, WRITE_DMA_EXT])
def test_reset_inside_a_transfer_ends_it(reset: str, command: int) -> None:
    rig = Rig(Media.of_bytes(b"\1" * MIB))
    rig.during = rig.disk.comreset if reset == "comreset" else rig.software_reset
    rig.issue(command, lba=0, count=4, out=b"\2" * 2048)
    *_, moved, signature = rig.frames
    assert isinstance(moved, str)
    assert isinstance(signature, RegisterD2H)
    assert (signature.lba, signature.count, signature.error) == (1, 1, 1)
    assert rig.disk.media.snapshot() == b"\1" * MIB
    assert rig.disk.counters.interrupted == 1


def test_link_lost_drops_the_command(monkeypatch: pytest.MonkeyPatch) -> None:
    choice = seeded()
    for method in ("send_register", "send_pio_setup", "send_data", "receive_data"):
        rig = Rig()
        with monkeypatch.context() as patch:
            patch.setattr(rig, method, lost)
            rig.issue(
                choice.choice((READ_DMA, WRITE_DMA, READ_PIO, WRITE_PIO)), count=2, out=bytes(999)
            )
            rig.disk.comreset()
        rig.disk.attach(None)
        rig.issue(READ_DMA, count=1)
        assert rig.frames == []
        rig.disk.attach(rig)
        assert rig.issue(READ_DMA, count=1).good


def test_counters() -> None:
    rig = Rig()
    rng = random.Random(1)
    rig.issue(READ_DMA, lba=0, count=7)
    rig.issue(WRITE_PIO, lba=0, count=3, out=rng.randbytes(1536))
    rig.issue(0x77)
    counters = rig.disk.counters
    assert (counters.reads, counters.sectors_read) == (1, 7)
    assert (counters.writes, counters.sectors_written) == (1, 3)
    assert counters.commands == {"READ_DMA": 1, "WRITE_SECTORS": 1, "0x77": 1}
    assert counters.of(READ_DMA) == 1
