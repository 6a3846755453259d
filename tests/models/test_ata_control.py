# SPDX-License-Identifier: MIT
"""Resets, settings, power, SMART, logs, and what the disk refuses."""

from __future__ import annotations

import pytest
from ata_rig import (
    ABRT,
    CHECK_POWER,
    DRQ,
    ERR,
    IDENTIFY,
    MIB,
    READ_DMA,
    READ_MULTI,
    Rig,
    seeded,
)

from models.ata import Media
from models.ata.transport import RegisterD2H, RegisterH2D

SLEEP, IDLE, STANDBY, IDLE_NOW, STANDBY_NOW = 0xE6, 0xE3, 0xE2, 0xE1, 0xE0


def signature(rig: Rig) -> None:
    """The one frame sent is that of an ATA disk after a reset."""
    (fis,) = rig.frames
    assert isinstance(fis, RegisterD2H)
    assert (fis.count, fis.lba, fis.device, fis.error) == (1, 1, 0, 1)
    assert fis.status & (0x80 | DRQ | ERR) == 0
    assert not fis.interrupt


def mode(rig: Rig) -> int:
    answer = rig.issue(CHECK_POWER)
    assert answer.good
    return answer.count


def test_comreset_sends_the_signature() -> None:
    rig = Rig()
    rig.frames.clear()
    rig.disk.comreset()
    signature(rig)


def test_software_reset_sends_the_signature_when_released() -> None:
    rig = Rig()
    rig.frames.clear()
    rig.disk.control(RegisterH2D(control=0x04, is_command=False))
    assert rig.frames == []
    rig.disk.command(rig.fis(IDENTIFY))
    assert rig.frames == [], "commands are not heard while SRST is set"
    rig.disk.control(RegisterH2D(control=0x06, is_command=False))
    rig.disk.control(RegisterH2D(control=0x02, is_command=False))
    signature(rig)
    rig.frames.clear()
    rig.disk.control(RegisterH2D(control=0x00, is_command=False))
    assert rig.frames == []
    assert rig.disk.counters.software_resets == 1
    assert rig.issue(IDENTIFY).good


def test_comreset_ends_a_software_reset() -> None:
    rig = Rig()
    rig.disk.control(RegisterH2D(control=0x04, is_command=False))
    rig.disk.comreset()
    assert rig.issue(IDENTIFY).good


def test_execute_device_diagnostic() -> None:
    answer = Rig().issue(0x90)
    assert (answer.count, answer.lba, answer.error) == (1, 1, 1)
    (fis,) = answer.frames
    assert isinstance(fis, RegisterD2H)
    assert fis.interrupt


@pytest.mark.parametrize(
    ("feature", "count", "word", "bit", "after"),
    [
        (0x82, 0, 85, 5, False),
        (0x02, 0, 85, 5, True),
        (0x55, 0, 85, 6, False),
        (0xAA, 0, 85, 6, True),
        (0x05, 0x40, 86, 3, True),
        (0x85, 0, 86, 3, False),
        (0x10, 2, 79, 2, True),
        (0x90, 2, 79, 2, False),
        (0x90, 6, 79, 6, False),
        (0x10, 6, 79, 6, True),
        (0x03, 0x45, 88, 13, True),
        (0x03, 0x22, 63, 10, True),
        (0x03, 0x22, 88, 14, False),
        (0x03, 0x0C, 88, 14, True),
        (0x03, 0x00, 88, 14, True),
    ],
)
def test_set_features(feature: int, count: int, word: int, bit: int, after: bool) -> None:
    rig = Rig()
    rig.feature(*{0x02: (0x82,), 0xAA: (0x55,), 0x85: (0x05, 1)}.get(feature, (0x77,)))
    assert rig.feature(feature, count).good
    assert bool(rig.words()[word] >> bit & 1) == after


@pytest.mark.parametrize(
    ("feature", "count"),
    [(0x03, 0x47), (0x03, 0x23), (0x03, 0x0D), (0x03, 0x10), (0x03, 0x02), (0x05, 0), (0x05, 0xFF)]
    + [(0x10, n) for n in (0, 1, 3, 4, 5, 7, 9)]
    + [(f, 0) for f in (0x00, 0x01, 0x06, 0x07, 0x0B, 0x5D, 0x86, 0xC3, 0xFF)],
)
def test_features_that_are_not_there_are_aborted(feature: int, count: int) -> None:
    rig = Rig()
    before = rig.words()
    assert rig.feature(feature, count).error == ABRT
    assert rig.words() == before


def test_apm_level() -> None:
    rig = Rig()
    rig.feature(0x05, 0xFE)
    assert rig.words()[91] == 0xFE
    assert rig.log(0x30, 4)[17] == 0xFE


def change_everything(rig: Rig) -> None:
    for feature, count in ((0x82, 0), (0x55, 0), (0x05, 9), (0x03, 0x42), (0x10, 2)):
        assert rig.feature(feature, count).good
    assert rig.issue(0xC6, count=2).good


def test_settings_over_resets() -> None:
    fresh = Rig().words()
    rig = Rig()
    change_everything(rig)
    changed = rig.words()
    rig.disk.comreset()
    assert rig.words() == changed, "software settings preservation"
    rig.software_reset()
    reverted = rig.words()
    assert [reverted[n] for n in (59, 85, 86, 91)] == [fresh[n] for n in (59, 85, 86, 91)]
    assert [reverted[n] for n in (79, 88)] == [changed[n] for n in (79, 88)]
    change_everything(rig)
    rig.feature(0x66)
    rig.software_reset()
    assert rig.words() == changed, "reverting is disabled"
    rig.feature(0x90, 6)
    rig.disk.comreset()
    assert rig.words() == fresh
    change_everything(rig)
    rig.disk.attach(rig)
    assert rig.words() == fresh, "power-on"


def test_power_modes() -> None:
    rig = Rig()
    assert mode(rig) == 0xFF
    for command, expected in ((STANDBY_NOW, 0x00), (IDLE_NOW, 0x80), (STANDBY, 0x00), (IDLE, 0x80)):
        assert rig.issue(command).good
        assert mode(rig) == expected
        rig.disk.comreset()
        assert mode(rig) == expected
        assert rig.issue(IDENTIFY).good
        assert mode(rig) == expected, "needs no medium"
        assert rig.issue(READ_DMA, count=1).good
        assert mode(rig) == 0xFF


@pytest.mark.parametrize(
    ("count", "seconds"),
    [(1, 5), (240, 1200), (241, 1800), (251, 19800), (252, 1260), (253, 28800), (255, 1275)],
)
def test_standby_timer(count: int, seconds: int) -> None:
    rig = Rig()
    assert rig.issue(IDLE, count=count).good
    rig.clock.time += seconds - 1
    assert rig.issue(READ_DMA, count=1).good
    rig.clock.time += seconds - 1
    assert mode(rig) == 0xFF
    rig.clock.time += 1
    assert mode(rig) == 0x00
    rig.queue(0x60, 0, lba=0, sectors=1)
    rig.run()
    assert mode(rig) == 0xFF
    assert rig.issue(STANDBY, count=0).good
    rig.issue(READ_DMA, count=1)
    rig.clock.time += 10**6
    assert mode(rig) == 0xFF, "the timer is off"


def test_sleep_hears_nothing_but_a_reset() -> None:
    rig = Rig()
    assert rig.issue(SLEEP).good
    assert not rig.issue(IDENTIFY).ended
    assert not rig.issue(CHECK_POWER).ended
    rig.queue(0x60, 0, lba=0, sectors=1)
    assert rig.run() == []
    rig.frames.clear()
    rig.disk.comreset()
    signature(rig)
    assert mode(rig) == 0x00
    rig.issue(SLEEP)
    rig.software_reset()
    assert mode(rig) == 0x00


def test_unload() -> None:
    rig = Rig()
    answer = rig.issue(IDLE_NOW, features=0x44, lba=0x554E4C)
    assert answer.good
    assert answer.lba & 0xFF == 0xC4
    assert mode(rig) == 0x80
    assert rig.issue(IDLE_NOW, features=0x44, lba=0).error == ABRT


def test_buffer() -> None:
    choice = seeded()
    rig = Rig()
    for write, read in ((0xE8, 0xE9), (0xEB, 0xE4)):
        data = choice.randbytes(512)
        assert rig.issue(write, out=data).good
        answer = rig.issue(read)
        assert answer.good
        assert answer.data == data


ABSENT = bytes.fromhex(
    "00 08 0b 10 26 27 37 45 51 5b 5c 62 66 77 91 92 93 a0 a1 b1 b4 f1 f2 f3 f4 f6 f8 f9 ff"
)


@pytest.mark.parametrize("command", ABSENT)
def test_absent_commands_are_aborted(command: int) -> None:
    answer = Rig().issue(command, lba=0xC24F00, count=1, out=bytes(512))
    assert (answer.status & ERR, answer.error) == (ERR, ABRT)
    assert len(answer.frames) == 1


def test_security_freeze_lock_is_accepted() -> None:
    assert Rig().issue(0xF5).good


def test_multiple_default_is_power_of_two_for_every_sector() -> None:
    rig = Rig(Media(MIB, sector_size=4096))
    assert rig.issue(READ_MULTI, lba=0, count=3).frames[1::2] == ["in 8192", "in 4096"]
    assert rig.issue(0xC6, count=4).error == ABRT
