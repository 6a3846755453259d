# SPDX-License-Identifier: MIT
"""IDENTIFY DEVICE data, and the log that says the same."""

from __future__ import annotations

import pytest
from ata_rig import ABRT, MIB, READ_LOG_DMA, Rig, seeded

from models.ata import Media
from testbed.errors import TestbedError


def text(words: list[int], first: int, count: int) -> str:
    raw = b"".join(word.to_bytes(2, "big") for word in words[first : first + count])
    return raw.decode("ascii")


def number(words: list[int], first: int, count: int) -> int:
    return sum(word << 16 * n for n, word in enumerate(words[first : first + count]))


def qword(page: bytes, offset: int) -> int:
    return int.from_bytes(page[offset : offset + 8], "little")


def test_strings_and_integrity() -> None:
    rig = Rig(model="Odd model", serial="S1", firmware="F.1")
    words = rig.words()
    assert text(words, 27, 20) == "Odd model".ljust(40)
    assert text(words, 10, 10) == "S1".ljust(20)
    assert text(words, 23, 4) == "F.1".ljust(8)
    data = rig.issue(0xEC).data
    assert words[255] & 0xFF == 0xA5
    assert sum(data) & 0xFF == 0


@pytest.mark.parametrize("size", [1 << 20, 128 << 30, (128 << 30) + 512, 2 << 40])
def test_capacity(size: int) -> None:
    rig = Rig(Media(size))
    words = rig.words()
    assert number(words, 100, 4) == size // 512
    assert number(words, 60, 2) == min(size // 512, 0x0FFFFFFF)
    assert words[1] <= 16383
    assert words[1] * words[3] * words[6] <= size // 512
    assert words[53] & 1 == 0
    assert qword(rig.log(0x30, 2), 8) == 1 << 63 | size // 512


def test_what_a_driver_looks_for() -> None:
    """As ata.h of Linux reads it."""
    words = Rig().words()
    assert words[0] & 0x8000 == 0
    assert words[49] & 0x300 == 0x300  # LBA, DMA
    assert words[76] & 0x100  # NCQ
    assert words[75] == 31
    for word in (83, 84, 87, 119, 120):
        assert words[word] & 0xC000 == 0x4000
    assert words[83] & 0x3400 == 0x3400  # flush, flush ext, 48-bit
    assert words[86] & words[83] & 0x3400 == 0x3400
    assert words[84] & 0x40  # FUA
    assert words[86] & 0x8000
    assert words[119] & words[120] & 0x08  # READ LOG DMA EXT
    assert words[169] & 1
    assert words[69] & 0x4020 == 0x4020  # deterministic zeros
    assert words[217] == 1
    assert words[93] == 0
    assert words[80] & 1 << 10
    assert words[80] >> 11 == 0
    assert words[88] & 0x7F == 0x7F
    assert words[88] >> 8 == 0x40  # UDMA mode 6 selected
    assert words[47] & 0xFF == 16
    assert words[128] & 0x0F == 0x09  # security frozen, not enabled, not locked
    assert words[82] & 1 << 10 == 0  # host protected area
    assert words[206] & 1 == 0  # SCT


def test_enabled_bits_are_among_the_supported() -> None:
    words = Rig().words()
    assert words[85] & ~words[82] == 0
    assert words[86] & ~words[83] & 0x7FFF == 0
    assert words[87] & ~words[84] == 0
    assert words[79] & ~words[78] == 0
    assert words[120] & ~words[119] == 0


def test_sector_sizes() -> None:
    words = Rig(Media(MIB)).words()
    assert words[106] == 0x4000
    words = Rig(Media(MIB), physical_sector_size=4096).words()
    assert words[106] == 0x6003
    rig = Rig(Media(MIB, sector_size=4096))
    words = rig.words()
    assert words[106] == 0x5000
    assert number(words, 117, 2) == 2048
    assert words[47] & 0xFF == 2  # a DRQ block of 8 KiB
    assert number(words, 100, 4) == 256
    page = rig.log(0x30, 2)
    assert qword(page, 24) == 1 << 63 | 2048


def test_without_ncq_nothing_of_it_is_announced() -> None:
    rig = Rig(ncq_depth=0)
    words = rig.words()
    assert words[75] == 0
    assert words[76] & 0x9100 == 0
    assert words[77] == 0
    assert words[78] & 4 == 0
    for address in (0x10, 0x12, 0x13):
        assert rig.issue(0x2F, lba=address, count=1).error == ABRT
    assert rig.issue(0x60, features=1).error == ABRT
    assert not rig.disk.step()


def test_depth_and_wwn() -> None:
    assert Rig(ncq_depth=7).words()[75] == 6
    assert number(Rig(wwn=0x5000C500A1B2C3D4).words()[108:112][::-1], 0, 4) == 0x5000C500A1B2C3D4
    one, two = Rig(serial="one").words(), Rig(serial="two").words()
    assert one[108:112] != two[108:112]
    assert one[108] >> 12 == 3


@pytest.mark.parametrize(
    ("parameters", "complaint"),
    [
        ({"model": "x" * 41}, "up to 40 ASCII"),
        ({"serial": "ü"}, "up to 20 ASCII"),
        ({"firmware": "x\n"}, "up to 8 ASCII"),
        ({"ncq_depth": 33}, "NCQ depth 33"),
        ({"physical_sector_size": 1536}, "power of two"),
        ({"physical_sector_size": 256}, "power of two"),
        ({"rotation_rate": 5}, "rotation rate 5"),
        ({"wwn": 1 << 64}, "64 bits"),
    ],
)
def test_bad_identity_is_explained(parameters: dict[str, object], complaint: str) -> None:
    with pytest.raises(TestbedError, match=complaint):
        Rig(**parameters)


def test_log_agrees_with_identify() -> None:
    choice = seeded()
    rig = Rig(rotation_rate=7200, physical_sector_size=4096)
    for feature, count in ((0x82, 0), (0xAA, 0), (0x05, 0x80), (0x10, 2), (0x90, 6), (0x66, 0)):
        if choice.random() < 0.5:
            assert rig.feature(feature, count).good
    words = rig.words()
    listed = rig.log(0x30)
    pages = list(listed[9 : 9 + listed[8]])
    assert pages == [0, 1, 2, 3, 4, 5, 6, 8]
    raw = b"".join(word.to_bytes(2, "little") for word in words)
    assert rig.log(0x30, 1) == raw
    for page in pages[2:]:
        assert qword(rig.log(0x30, page), 0) == 1 << 63 | page << 16 | 1
    assert qword(rig.log(0x30, 2), 16) & 0xF0000 == 3 << 16
    capabilities = rig.log(0x30, 3)
    assert qword(capabilities, 24) == 1 << 63 | 7200
    assert capabilities[56:64] == raw[216:224]
    assert qword(capabilities, 72) & 1 == words[169] & 1
    for bit, word, position in (
        (7, 84, 0), (8, 84, 1), (11, 84, 5), (12, 84, 6), (13, 84, 13), (16, 83, 3), (20, 83, 10),
        (22, 83, 13), (23, 82, 0), (24, 82, 5), (25, 82, 6), (2, 119, 3), (1, 119, 2), (5, 119, 6),
        (31, 69, 5), (39, 69, 14), (35, 69, 10), (36, 69, 11), (17, 83, 5),
    ):  # fmt: skip
        assert qword(capabilities, 8) >> bit & 1 == words[word] >> position & 1, f"bit {bit}"
    current = qword(rig.log(0x30, 4), 8)
    for bit, word, position in ((2, 86, 3), (6, 85, 0), (7, 85, 6), (13, 85, 5)):
        assert current >> bit & 1 == words[word] >> position & 1, f"bit {bit}"
    strings = rig.log(0x30, 5)
    assert strings[8:28] == raw[20:40]
    assert strings[32:40] == raw[46:54]
    assert strings[48:88] == raw[54:94]
    serial = rig.log(0x30, 8)
    for bit, word, position in (
        (0, 76, 1), (1, 76, 2), (2, 76, 3), (7, 76, 8), (8, 76, 9), (9, 76, 10), (10, 76, 11),
        (11, 76, 12), (14, 76, 15), (16, 77, 5), (17, 77, 6), (18, 78, 1), (19, 78, 2), (20, 78, 3),
        (23, 78, 6),
    ):  # fmt: skip
        assert qword(serial, 8) >> bit & 1 == words[word] >> position & 1, f"bit {bit}"
    for bit, position in ((4, 2), (8, 6)):
        assert qword(serial, 16) >> bit & 1 == words[79] >> position & 1, f"bit {bit}"
    assert rig.log(0x30, 1, command=READ_LOG_DMA) == raw
