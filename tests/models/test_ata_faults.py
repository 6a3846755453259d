# SPDX-License-Identifier: MIT
"""Faults that a scenario injects, and what the disk keeps of them in its logs."""

from __future__ import annotations

import threading

import pytest
from ata_rig import (
    ABRT,
    ERR,
    FLUSH_EXT,
    ICRC,
    IDENTIFY,
    IDNF,
    MIB,
    READ_DMA,
    READ_DMA_EXT,
    READ_FPDMA,
    READ_MULTI_EXT,
    READ_PIO,
    READ_PIO_EXT,
    VERIFY_EXT,
    WRITE_DMA_EXT,
    WRITE_FPDMA,
    WRITE_PIO_EXT,
    Rig,
    seeded,
)
from test_ata_transfers import trim_list

from models.ata import Fault, LinkErrors, Media

UNC = 0x40


@pytest.mark.parametrize("command", [READ_PIO_EXT, READ_MULTI_EXT, READ_DMA_EXT, READ_FPDMA])
def test_uncorrectable_delivers_what_precedes_it(command: int) -> None:
    choice = seeded()
    content = choice.randbytes(4 * MIB)
    rig = Rig(Media.of_bytes(content))
    start, bad = 1000, 1000 + choice.choice((0, 1, 17, 3000))
    fault = rig.disk.faults.uncorrectable(bad, 3)
    if command == READ_FPDMA:
        rig.queue(command, 6, lba=start, sectors=3100)
        (bits,) = rig.run()
        data = bytes(rig.got.get(6, b""))
        assert (bits.status & ERR, bits.error, bits.sactive) == (ERR, UNC, 0)
        log = rig.log(0x10)
        assert int.from_bytes(log[4:7] + log[8:11], "little") == bad
    else:
        answer = rig.issue(command, lba=start, count=3100)
        data = answer.data
        assert (answer.status & ERR, answer.error, answer.lba) == (ERR, UNC, bad)
    assert data == content[start * 512 : bad * 512]
    assert fault.struck == 1
    assert rig.issue(READ_DMA_EXT, lba=bad + 3, count=1).good
    answer = rig.issue(VERIFY_EXT, lba=0, count=8000)
    assert (answer.error, answer.lba) == (UNC, bad)
    assert fault.struck == 2
    assert rig.disk.counters.uncorrectable == 2


def test_28_bit_error_address_reaches_into_the_device_register() -> None:
    rig = Rig(Media(16 << 30))
    bad = 0x01234567
    rig.disk.faults.uncorrectable(bad)
    answer = rig.issue(READ_DMA, lba=bad - 3 & 0xFFFFFF, device=0x40 | bad >> 24, count=8)
    assert answer.error == UNC
    assert answer.lba | (answer.device & 0xF) << 24 == bad
    assert answer.device & 0x40


@pytest.mark.parametrize("command", [WRITE_PIO_EXT, WRITE_DMA_EXT, WRITE_FPDMA])
def test_rewriting_cures_exactly_what_it_covers(command: int) -> None:
    rig = Rig()
    fault = rig.disk.faults.uncorrectable(100, 10)
    rig.out[0] = bytes(2 * 512)
    if command == WRITE_FPDMA:
        rig.queue(command, 0, lba=103, sectors=2)
        rig.run()
    else:
        assert rig.issue(command, lba=103, count=2, out=bytes(1024)).good
    readable = [
        lba for lba in range(98, 113) if rig.issue(READ_DMA_EXT, lba=lba, count=1).error != UNC
    ]
    assert readable == [98, 99, 103, 104, 110, 111, 112]
    assert fault.struck == 8
    assert fault.pending
    assert rig.issue(WRITE_DMA_EXT, lba=90, count=30, out=bytes(30 * 512)).good
    assert rig.issue(READ_DMA_EXT, lba=90, count=30).good
    assert not fault.pending
    assert not rig.disk.faults.armed


def test_trimming_cures() -> None:
    rig = Rig()
    rig.disk.faults.uncorrectable(5)
    assert rig.issue(0x06, features=1, count=1, out=trim_list((0, 8))).good
    assert rig.issue(READ_DMA_EXT, lba=0, count=8).good


def test_limited_times_and_the_nearest_first() -> None:
    rig = Rig()
    far = rig.disk.faults.uncorrectable(20)
    near = rig.disk.faults.uncorrectable(10, times=2)
    errors = [rig.issue(READ_DMA_EXT, lba=0, count=100).lba for _ in range(3)]
    assert errors == [10, 10, 20]
    assert (near.struck, far.struck) == (2, 1)
    far.cancel()
    assert rig.issue(READ_DMA_EXT, lba=0, count=100).good


@pytest.mark.parametrize("fatal", [True, False])
@pytest.mark.parametrize("command", [READ_PIO_EXT, READ_DMA_EXT, WRITE_PIO_EXT, WRITE_DMA_EXT])
def test_crc_error(command: int, fatal: bool) -> None:
    rig = Rig(Media.of_bytes(b"\1" * MIB))
    fault = rig.disk.faults.crc_error(fatal=fatal)
    assert rig.issue(IDENTIFY).good, "only access to the medium is struck"
    answer = rig.issue(command, lba=4, count=2, out=b"\2" * 1024)
    assert (answer.status & ERR, answer.error) == (ERR, ICRC | ABRT)
    reads = command in (READ_PIO_EXT, READ_DMA_EXT)
    assert rig.errors == [(LinkErrors.CRC if reads else LinkErrors.HANDSHAKE, fatal)]
    assert answer.data == b""
    assert rig.disk.media.snapshot() == b"\1" * MIB
    assert fault.struck == 1
    assert rig.issue(command, lba=4, count=2, out=b"\2" * 1024).good
    events = rig.log(0x11)
    assert sum(events) & 0xFF == 0
    assert events[4:8] == bytes.fromhex("01100100")
    kind = 0x03 if reads else 0x04
    counts = {events[n]: events[n + 2] for n in range(4, 60, 4) if events[n + 1] == 0x10}
    assert counts[0x02] == counts[kind] == 1
    assert rig.issue(0x2F, lba=0x11, count=1, features=1).good
    assert rig.log(0x11)[6] == 0, "the counters start over"


@pytest.mark.parametrize("command", [READ_FPDMA, WRITE_FPDMA])
def test_crc_error_in_the_queue(command: int) -> None:
    rig = Rig(Media.of_bytes(b"\1" * MIB))
    rig.disk.faults.crc_error()
    rig.out[3] = b"\2" * 512
    rig.queue(command, 3, lba=8, sectors=1)
    (bits,) = rig.run()
    assert (bits.status & ERR, bits.error) == (ERR, ICRC | ABRT)
    assert len(rig.errors) == 1
    assert rig.log(0x10)[3] == ICRC | ABRT
    assert rig.disk.media.snapshot() == b"\1" * MIB


@pytest.mark.parametrize("command", [READ_PIO_EXT, WRITE_DMA_EXT, VERIFY_EXT, FLUSH_EXT, 0x06])
def test_hang_lasts_until_a_reset(command: int) -> None:
    rig = Rig()
    fault = rig.disk.faults.hang()
    answer = rig.issue(command, features=1, lba=0, count=1, out=trim_list((0, 1)))
    assert not answer.ended
    assert fault.struck == 1
    rig.frames.clear()
    rig.software_reset()
    (signature,) = rig.answer().frames
    assert rig.answer().good, signature
    assert rig.disk.counters.interrupted == 1
    assert rig.issue(command, features=1, lba=0, count=1, out=trim_list((0, 1))).good


def test_hang_in_the_queue_holds_its_tag_only() -> None:
    rig = Rig()
    fault = rig.disk.faults.hang(times=2)
    for tag in range(5):
        rig.queue(READ_FPDMA, tag, lba=tag, sectors=1)
    assert [bits.sactive for bits in rig.run()] == [4, 8, 16]
    assert rig.disk.outstanding == 3
    assert fault.struck == 2
    rig.disk.comreset()
    assert rig.disk.outstanding == 0


@pytest.mark.parametrize("reported", [True, False])
@pytest.mark.parametrize("command", [READ_PIO_EXT, READ_DMA_EXT, READ_FPDMA])
@pytest.mark.parametrize("size", [0, 700, 1024, 10_000])
def test_short_read(command: int, reported: bool, size: int) -> None:
    rig = Rig(Media.of_bytes(b"\1" * MIB))
    fault = rig.disk.faults.short_transfer(size, reported=reported)
    if command == READ_FPDMA:
        rig.queue(command, 0, lba=0, sectors=4)
        (bits,) = rig.run()
        data, failed, error = bytes(rig.got.get(0, b"")), bits.status & ERR, bits.error
    else:
        answer = rig.issue(command, lba=0, count=4)
        assert answer.ended
        data, failed, error = answer.data, answer.status & ERR, answer.error
    assert data == b"\1" * min(size, 2048)
    assert (failed, error) == ((ERR, ABRT) if reported else (0, 0))
    assert fault.struck == 1


@pytest.mark.parametrize("command", [WRITE_PIO_EXT, WRITE_DMA_EXT, WRITE_FPDMA])
def test_short_write_stores_whole_sectors(command: int) -> None:
    rig = Rig(Media.of_bytes(b"\1" * MIB))
    rig.disk.faults.short_transfer(1100)
    rig.out[0] = b"\2" * 2048
    if command == WRITE_FPDMA:
        rig.queue(command, 0, lba=8, sectors=4)
        assert rig.run()[0].error == ABRT
    else:
        assert rig.issue(command, lba=8, count=4, out=b"\2" * 2048).error == ABRT
    assert rig.disk.media.read(7, 4) == b"\1" * 512 + b"\2" * 1024 + b"\1" * 512


def test_faults_are_checked_and_cleared() -> None:
    faults = Rig().disk.faults
    for make in (
        lambda: faults.uncorrectable(-1),
        lambda: faults.uncorrectable(0, 0),
        lambda: faults.uncorrectable(0, times=0),
        lambda: faults.hang(0),
        lambda: faults.short_transfer(-1),
    ):
        with pytest.raises(ValueError, match=r"-1|0"):
            make()
    assert not faults.armed
    one = faults.hang()
    assert faults.pending == (one,)
    assert faults.armed
    faults.clear()
    assert not faults.armed
    assert not one.pending
    one.cancel()


def test_faults_from_other_threads_count_right() -> None:
    """Four threads inject while the disk works; no fault is lost, none strikes too often."""
    rig = Rig()
    threads, each = 4, 500
    made: list[Fault] = []

    def inject() -> None:
        for _ in range(each):
            made.append(rig.disk.faults.short_transfer(0, times=2))  # noqa: PERF401

    workers = [threading.Thread(target=inject) for _ in range(threads)]
    for worker in workers:
        worker.start()
    failed = 0
    while any(worker.is_alive() for worker in workers) or rig.disk.faults.armed:
        failed += bool(rig.issue(READ_DMA_EXT, lba=0, count=1).error)
    assert [fault.struck for fault in made] == [2] * threads * each
    assert failed == 2 * threads * each


def test_error_logs_hold_the_last_errors_with_their_commands() -> None:
    choice = seeded()
    rig = Rig(Media(4 << 40))
    rig.disk.faults.uncorrectable(0x1_2345_6789)
    total = choice.randrange(1, 60)
    for number in range(total):
        rig.clock.time += 0.5
        rig.issue(VERIFY_EXT, lba=number, count=1)
        assert rig.issue(0x77).error == ABRT, "a refused command is no error to log"
        if number % 2:
            assert rig.issue(READ_DMA_EXT, lba=0x1_2345_6780, count=0x123).error == UNC
        else:
            assert rig.issue(READ_DMA_EXT, lba=1 << 40, count=7).error == IDNF
    extended = rig.log(0x03, 0, 5)
    assert int.from_bytes(extended[500:502], "little") == total
    newest = int.from_bytes(extended[2:4], "little") - 1
    assert newest == (total - 1) % 20
    for age in range(min(total, 20)):
        slot = (newest - age) % 20
        start = slot // 4 * 512 + 4 + slot % 4 * 124
        commands = [extended[start + 18 * n : start + 18 * n + 18] for n in range(5)]
        error = extended[start + 90 : start + 124]
        number = total - 1 - age
        assert [c[12] for c in commands[2:]] == [0x42, 0x77, 0x25]
        assert commands[2][5] == number & 0xFF
        assert error[1] == (UNC if number % 2 else IDNF)
        lba = bytes(error[n] for n in (4, 6, 8, 5, 7, 9))
        failing = 0x1_2345_6789 if number % 2 else 1 << 40
        assert int.from_bytes(lba, "little") == failing
        assert error[11] & ERR
        times = [int.from_bytes(c[14:18], "little") for c in commands]
        assert times[2] == times[3] == times[4] == (number + 1) * 500
    for page in range(5):
        assert sum(extended[512 * page : 512 * page + 512]) & 0xFF == 0
    rig.smart(0xD5, low=0x01, count=1)
    summary = rig.answer().data
    assert summary[1] == (total - 1) % 5 + 1
    assert int.from_bytes(summary[452:454], "little") == total
    assert sum(summary) & 0xFF == 0
    start = 2 + (summary[1] - 1) * 90
    entry = summary[start : start + 90]
    assert entry[48 + 7] == 0x25
    assert entry[61] == (IDNF if total % 2 else UNC)
    comprehensive = rig.smart(0xD5, low=0x02, count=4).data
    assert comprehensive[1] == (total - 1) % 20 + 1
    slot = comprehensive[1] - 1
    start = slot // 5 * 512 + 2 + slot % 5 * 90
    assert comprehensive[start : start + 90] == entry


@pytest.mark.parametrize(("event", "kept"), [("reset", [0xE7, 0x25]), ("power", [0x00, 0x25])])
def test_commands_before_power_on_are_not_blamed(event: str, kept: list[int]) -> None:
    rig = Rig()
    rig.issue(0xE7)
    if event == "reset":
        rig.disk.comreset()
        rig.software_reset()
    else:
        rig.disk.attach(rig)
    rig.issue(READ_DMA_EXT, lba=1 << 40, count=1)
    log = rig.log(0x03)
    assert [log[4 + 18 * n + 12] for n in (3, 4)] == kept


def test_pio_command_of_28_bits_fails_alike() -> None:
    rig = Rig()
    rig.disk.faults.uncorrectable(2)
    answer = rig.issue(READ_PIO, lba=0, count=4)
    assert (answer.error, answer.lba, len(answer.data)) == (UNC, 2, 1024)
