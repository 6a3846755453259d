# SPDX-License-Identifier: MIT
"""SMART, and the logs with and without it."""

from __future__ import annotations

import pytest
from ata_rig import (
    ABRT,
    READ_DMA_EXT,
    READ_LOG,
    READ_LOG_DMA,
    SMART,
    WRITE_LOG,
    WRITE_LOG_DMA,
    Rig,
    seeded,
)


def test_smart_needs_its_key_and_to_be_enabled() -> None:
    rig = Rig()
    assert rig.issue(SMART, features=0xDA, lba=0).error == ABRT
    assert rig.smart(0xDA).good
    assert rig.smart(0xD9).good
    assert rig.words()[85] & 1 == 0
    for feature in (0xD0, 0xD1, 0xD2, 0xD4, 0xD5, 0xD9, 0xDA):
        assert rig.smart(feature, count=1).error == ABRT
    assert rig.issue(READ_LOG, lba=0x03, count=1).error == ABRT
    assert rig.issue(READ_LOG, lba=0x30, count=1).good
    assert rig.smart(0xD8).good
    assert rig.words()[85] & 1
    for feature in (0xD7, 0xDC, 0xDF, 0x00):
        assert rig.smart(feature).error == ABRT
    for feature, good in ((0xD2, (0x00, 0xF1)), (0xDB, (0x00, 0xF8))):
        for count in (0x00, 0xF1, 0xF8, 5):
            assert rig.smart(feature, count=count).good == (count in good)
    assert rig.smart(0xD3).good


def test_smart_data_and_thresholds() -> None:
    rig = Rig()
    rig.clock.time += 7 * 3600 + 5
    rig.issue(0x35, lba=0, count=9, out=bytes(9 * 512))
    data, thresholds = rig.smart(0xD0).data, rig.smart(0xD1).data
    assert sum(data) & 0xFF == sum(thresholds) & 0xFF == 0
    raw, limits = {}, {}
    for at in range(2, 362, 12):
        assert data[at] == thresholds[at]
        if data[at]:
            raw[data[at]] = int.from_bytes(data[at + 5 : at + 11], "little")
            limits[data[at]] = thresholds[at + 1]
            assert data[at + 3] > thresholds[at + 1]
    assert raw[9] == 7
    assert raw[241] == 9
    assert raw[12] == 1
    rig.disk.faults.uncorrectable(0, 5)
    data = rig.smart(0xD0).data
    pending = next(at for at in range(2, 362, 12) if data[at] == 197)
    assert data[pending + 5] == 5
    assert rig.smart(0xDA).lba == 0xC24F00
    rig.disk.smart.set_value(5, limits[5])
    assert rig.smart(0xDA).lba == 0x2CF400
    rig.disk.smart.set_value(5, 100)
    assert rig.smart(0xDA).lba == 0xC24F00
    rig.disk.smart.set_value(197, 1)
    assert rig.smart(0xDA).lba == 0xC24F00, "advisory attributes fail nothing"
    with pytest.raises(ValueError, match="1 to 253"):
        rig.disk.smart.set_value(5, 0)


def test_self_tests() -> None:
    rig = Rig()
    assert rig.smart(0xD4, low=0).good
    assert rig.smart(0xD0).data[362] == 0x02
    for number in range(30):
        rig.clock.time += 3600
        assert rig.smart(0xD4, low=(1, 2, 0x81, 0x82)[number % 4]).good
    rig.disk.faults.uncorrectable(0x1234)
    assert rig.smart(0xD4, low=2).good
    answer = rig.smart(0xD4, low=0x81)
    assert answer.error == ABRT
    assert answer.lba >> 8 & 0xFFFF == 0x2CF4
    assert rig.smart(0xD4, low=0x7F).good
    for low in (3, 4, 5, 0x83, 0x40, 0xFF):
        assert rig.smart(0xD4, low=low).error == ABRT
    assert rig.smart(0xD0).data[363] == 0x70
    short, extended = rig.smart(0xD5, low=6, count=1).data, rig.log(0x07)
    for page, index, first, size, slots in (
        (short, short[508], 2, 24, 21),
        (extended, int.from_bytes(extended[2:4], "little"), 4, 26, 19),
    ):
        assert sum(page) & 0xFF == 0
        assert index == (32 - 1) % slots + 1
        newest = first + (index - 1) * size
        entry = page[newest : newest + size]
        assert (entry[0], entry[1]) == (0x81, 0x70)
        assert int.from_bytes(entry[5:9], "little") == 0x1234
        assert int.from_bytes(entry[2:4], "little") == 30
        older = first + (index - 3) % slots * size  # the last that passed
        assert (page[older], page[older + 1]) == (0x02, 0x00)


def test_log_directories_say_what_can_be_read() -> None:
    rig = Rig()
    general, smart = rig.log(0x00), rig.smart(0xD5, low=0, count=1).data
    for address in range(256):
        for directory, through_smart in ((general, False), (smart, True)):
            size = int.from_bytes(directory[2 * address : 2 * address + 2], "little")
            if address == 0:
                assert size == 1
                continue
            for count, good in ((size, True), (size + 1, False)):
                if through_smart:
                    answer = rig.smart(0xD5, low=address, count=count)
                else:
                    answer = rig.issue(READ_LOG, lba=address, count=count)
                expected = good and count > 0
                assert answer.good == expected, f"log {address:#x}, {count} sectors"
                assert len(answer.data) == (count * 512 if expected else 0)
    assert {a for a in range(1, 0x80) if general[2 * a]} == {3, 4, 7, 0x10, 0x11, 0x12, 0x13, 0x30}
    assert {a for a in range(1, 0x80) if smart[2 * a]} == {1, 2, 4, 6, 0x30}


def test_host_logs_keep_what_is_written() -> None:
    choice = seeded()
    rig = Rig()
    model = {address: bytearray(16 * 512) for address in range(0x80, 0xA0)}
    for _ in range(200):
        address, page = choice.randrange(0x80, 0xA0), choice.randrange(16)
        count = choice.randrange(1, 17 - page)
        data = choice.randbytes(count * 512)
        if choice.random() < 0.3:
            page = 0
            assert rig.smart(0xD6, low=address, count=count, out=data).good
        else:
            command = choice.choice((WRITE_LOG, WRITE_LOG_DMA))
            assert rig.issue(command, lba=address | page << 8, count=count, out=data).good
        model[address][page * 512 : (page + count) * 512] = data
        address = choice.randrange(0x80, 0xA0)
        command = choice.choice((READ_LOG, READ_LOG_DMA))
        assert rig.log(address, 0, 16, command) == model[address]
        assert rig.smart(0xD5, low=address, count=16).data == model[address]
    for lba, count in ((0x80 | 1 << 8, 16), (0x30, 1), (0x80, 0), (0xA0, 1), (0x80 | 1 << 32, 1)):
        assert rig.issue(WRITE_LOG, lba=lba, count=count, out=bytes(8192)).error == ABRT
    assert rig.smart(0xD6, low=0x81, count=17).error == ABRT


def test_device_statistics() -> None:
    rig = Rig()
    rig.issue(READ_DMA_EXT, lba=0, count=300)
    rig.issue(0x35, lba=0, count=2, out=bytes(1024))
    rig.disk.faults.crc_error()
    rig.issue(READ_DMA_EXT, lba=0, count=1)
    rig.disk.comreset()
    rig.clock.time += 3600 * 50
    log = rig.log(0x04, 0, 8)
    listed = log[9 : 9 + log[8]]
    assert list(listed) == [0, 1, 4, 5, 6, 7]

    def statistic(page: int, offset: int) -> int:
        at = page * 512
        assert log[at : at + 3] == bytes((1, 0, page))
        value = int.from_bytes(log[at + offset : at + offset + 8], "little")
        assert value >> 62 == 3
        return value & 0xFFFFFFFFFFFF

    assert statistic(1, 8) == 1
    assert statistic(1, 16) == 50
    assert (statistic(1, 24), statistic(1, 32)) == (2, 1)
    assert (statistic(1, 40), statistic(1, 48)) == (300, 2)
    assert (statistic(6, 8), statistic(6, 24)) == (1, 1)
    assert list(Rig(rotation_rate=5400).log(0x04)[9:15]) == [0, 1, 4, 5, 6, 0]
