# SPDX-License-Identifier: MIT
"""What a SEC says of itself, as the stock driver reads it: eras, accelerators, algorithms, and the
stand-in for the controller page."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable
from dataclasses import replace

import pytest
from sec_ring_rig import SecRig

from models.sec.config import (
    IMX8MM,
    LS1021A,
    LS1028A,
    LS1046A,
    P4080,
    PKHA_MISC_NO_CRYPT,
    PRESETS,
    T4240,
    Cha,
    SecConfig,
)
from models.sec.standin import STANDIN_PAGE, standin_page, standin_words
from testbed.boards import BOARDS
from testbed.scenario.caam_algorithms import expected_algorithms
from testbed.scenario.sec_devices import sec_of

Read = Callable[[int], int]

ALL = list(PRESETS.values())
BOARD_SECS = [sec_of(board.devices) for board in BOARDS.values()]
# Parts that differ in one respect each, to see that the driver would notice.
VARIANTS = [
    *ALL,
    *(replace(part, des=Cha()) for part in (LS1046A, LS1028A)),
    *(replace(part, aes=Cha()) for part in (LS1046A, LS1028A)),
    *(replace(part, md=Cha()) for part in (LS1046A, LS1028A)),
    *(replace(part, pk=Cha()) for part in (LS1046A, LS1028A)),
    *(replace(part, rng=Cha()) for part in (LS1046A, LS1028A)),
    replace(LS1028A, ccha=Cha()),
    replace(LS1028A, ptha=Cha()),
    replace(LS1028A, pk=Cha(1, misc=PKHA_MISC_NO_CRYPT)),
    replace(LS1028A, aes=Cha(1, 4)),
    replace(LS1028A, md=Cha(1, 0)),
    replace(IMX8MM, aes=Cha(1, 3, 7)),
    replace(IMX8MM, aes=Cha(1, 4, 0)),
]


def era_of(read: Read) -> int:
    """caam_get_era_from_hw."""
    table = {
        (0x0A10, 1): 1,
        (0x0A10, 2): 2,
        (0x0A12, 1): 3,
        (0x0A14, 1): 3,
        (0x0A14, 2): 4,
        (0x0A16, 1): 4,
        (0x0A10, 3): 4,
        (0x0A11, 1): 4,
        (0x0A18, 1): 4,
        (0x0A11, 2): 5,
        (0x0A12, 2): 5,
        (0x0A13, 1): 5,
        (0x0A1C, 1): 5,
    }
    identity = read(0xFF8)
    return read(0xFE4) >> 24 or table[identity >> 16, identity >> 8 & 0xFF]


def features(read: Read, era: int) -> dict[str, object]:
    """What caam_algapi_init, caam_algapi_hash_init, caam_pkc_init and caam_rng_init find out."""
    if era < 10:
        versions, numbers = read(0xFEC), read(0xFF4)
        aes_version, md_version = versions & 0xF, versions >> 12 & 0xF
        revision = read(0xFA4) & 0xF
        gcm = not (aes_version == 3 and revision < 8)
        counts = {name: numbers >> low & 0xF for name, low in _NUMBERS.items()}
        chacha = poly = 0
    else:
        aes, md, pk = read(0xE90), read(0xE94), read(0xE8C)
        aes_version, md_version = aes >> 24, md >> 24
        gcm = bool(aes >> 9 & 1)
        counts = {
            "aes": aes & 0xFF,
            "des": read(0xE98) & 0xFF,
            "md": md & 0xFF,
            "pk": 0 if pk >> 15 & 1 else pk & 0xFF,
            "rng": read(0xEB4) & 0xFF,
        }
        chacha, poly = read(0xEAC) & 0xFF, read(0xEB0) & 0xFF
    return {
        **{name: bool(count) for name, count in counts.items()},
        "xts": bool(counts["aes"]) and aes_version != 3,
        "gcm": bool(counts["aes"]) and gcm,
        "chacha-poly": bool(chacha) and bool(poly),
        "digest": 0 if not counts["md"] else 32 if md_version == 0 else 64,
    }


_NUMBERS = {"aes": 0, "des": 4, "md": 12, "rng": 16, "pk": 28}


@pytest.mark.parametrize("config", VARIANTS, ids=lambda config: config.name)
def test_the_driver_finds_the_features_that_the_algorithm_table_counts_on(
    config: SecConfig,
) -> None:
    rig = SecRig(config)
    era = era_of(rig.read)
    assert era == config.era
    found = features(rig.read, era)
    names = set(expected_algorithms(config))
    assert found == {
        "aes": "cbc-aes-caam" in names,
        "des": "cbc-3des-caam" in names,
        "md": "md5-caam" in names,
        "pk": "rsa-caam" in names,
        "rng": "prng-caam" in names,
        "xts": "xts-aes-caam" in names,
        "gcm": "gcm-aes-caam" in names,
        "chacha-poly": "rfc7539-chacha20-poly1305-caam" in names,
        "digest": 64 if "sha512-caam" in names else 32 if "sha256-caam" in names else 0,
    }


# Counted in the tables of caamalg.c and caamhash.c by hand: ciphers without and with XTS, GCM,
# ChaCha20-Poly1305, authenc pairs (9 for each digest), hashes, RSA and the generator.
COUNTS = {
    "P4080": 8 + 1 + 3 + 0 + 9 * 6 + 14 + 1 + 1,
    "T4240": 8 + 1 + 3 + 0 + 9 * 6 + 14 + 1 + 1,
    "LS1021A": 8 + 1 + 3 + 0 + 9 * 6 + 14 + 1 + 1,
    "LS1046A": 8 + 1 + 3 + 0 + 9 * 6 + 14 + 1 + 1,
    "LS1028A": 8 + 1 + 3 + 2 + 9 * 6 + 14 + 1 + 1,
    "i.MX8MM": 8 + 0 + 3 + 0 + 9 * 4 + 10 + 1 + 1,
}


@pytest.mark.parametrize("config", ALL, ids=lambda config: config.name)
def test_how_many_algorithms_silicon_registers(config: SecConfig) -> None:
    algorithms = expected_algorithms(config)
    assert len(algorithms) == COUNTS[config.name]
    assert all(name.endswith("-caam") for name in algorithms)
    assert max(Counter(algorithms.values()).values()) == 1


@pytest.mark.parametrize("config", ALL, ids=lambda config: config.name)
def test_every_page_says_the_same(config: SecConfig) -> None:
    rig = SecRig(config)
    page = [rig.read(offset) for offset in range(0xE80, 0x1000, 4)]
    assert page == [rig.control(offset) for offset in range(0xE80, 0x1000, 4)]
    assert page == [rig.block(8, offset) for offset in range(0xE80, 0x1000, 4)]
    assert page == [rig.block(6, offset) for offset in range(0xE80, 0x1000, 4)]
    assert any(page[:32]) == (config.era >= 10)


@pytest.mark.parametrize(
    ("config", "offset", "value"),
    [
        (P4080, 0xFF8, 0x0A100200),
        (P4080, 0xFA8, 0x00120000),  # no state handles before RNG4
        (T4240, 0xFE4, 0),  # no era in CCBVID before era 6
        (T4240, 0xFF0, 0x4A000024 | 2 << 8 | 2 << 12),  # 4 rings, 10 DECOs
        (LS1046A, 0xFE4, 0x08000000),
        (LS1046A, 0xFA8, 0x00120210),  # 64 KiB pages, long pointers, two state handles
        (LS1021A, 0xFD4, 0x6),  # little-endian, idle
        (LS1046A, 0xFD4, 0x406),
        (LS1028A, 0xE90, 0x04040201),
        (IMX8MM, 0xFA8, 0x00100200),
        (IMX8MM, 0xFEC, 0x00040003),
    ],
)
def test_words_worked_out_by_hand(config: SecConfig, offset: int, value: int) -> None:
    assert SecRig(config).read(offset) == value


def test_the_wrong_byte_order_is_seen_in_the_status() -> None:
    """The driver finds the order by looking for PLEND in its place and in the mirrored one."""
    for config in ALL:
        value = SecRig(config).read(0xFD4)
        mirrored = int.from_bytes(value.to_bytes(4, "little"), "big")
        big = config.byteorder == "big"
        assert bool(value & 1 << 10) == big
        assert bool(mirrored & (1 << 18)) == big
        assert bool((value | mirrored) & (1 << 10 | 1 << 18)) == big


@pytest.mark.parametrize(
    ("field", "value"),
    [
        ("era", 0),
        ("pointer_bits", 24),
        ("page_size", 8192),
        ("rings", 5),
        ("rings", 0),
        ("byteorder", "middle"),
        ("high_word_first", True),
        ("ccha", Cha(1)),
        ("aes", Cha(16)),
        ("decos", 16),
    ],
)
def test_a_part_that_cannot_be_is_refused_by_name(field: str, value: object) -> None:
    with pytest.raises(ValueError, match=field):
        replace(LS1046A, **{field: value})  # type: ignore[arg-type]


# The stand-in


class StockDriver:
    """caam_probe and the algorithm registration of Linux, over memory that stands in for the
    controller; it notes every word it reads and fails when it would need a DECO.

    `monitor` is where it reads the monitor registers: Linux 6.12 at the ring, 6.1 at 0."""

    def __init__(self, page: bytes, monitor: int, *, era_in_tree: int | None = None) -> None:
        self.page = bytearray(page)
        self.monitor = monitor
        self.order = "big"
        self.was_read: set[int] = set()
        big = self.monitored(0xFD4) & (1 << 10 | 1 << 18)
        self.order = "big" if big else "little"
        self.pointer_size = 8 if self.monitored(0xFA8) & 1 << 17 and self.read(4) & 1 << 16 else 4
        parameters = self.monitored(0xFA8)
        assert not parameters & (1 << 25 | 1 << 13)  # no queue interface, no DPAA2
        self.write(4, self.read(4) | 0x40000304)
        self.read(0xC)
        if parameters & 3:
            self.write(0x5C, self.read(0x5C) | 0xF)
        self.era = era_of(self.monitored) if era_in_tree is None else era_in_tree
        self.blob = bool(self.monitored(0xFAC) & 2) and bool(
            self.monitored(0xFF4) & 0xF if self.era < 10 else self.monitored(0xE90) & 0xFF
        )
        version = (
            self.monitored(0xFEC) >> 16 & 0xF if self.era < 10 else self.monitored(0xEB4) >> 24
        )
        if version >= 4:
            assert self.read(0x6C0) & 0x40000033 == 0x40000033
            self.write(0xC, self.read(0xC) | 0x400)
        self.identity = self.monitored(0xFF8) << 32 | self.monitored(0xFFC)
        self.features = features(self.monitored, self.era)

    def read(self, offset: int) -> int:
        self.was_read.add(offset)
        return int.from_bytes(self.page[offset : offset + 4], self.order)  # type: ignore[arg-type]

    def write(self, offset: int, value: int) -> None:
        self.page[offset : offset + 4] = value.to_bytes(4, self.order)  # type: ignore[arg-type]

    def monitored(self, offset: int) -> int:
        return self.read(self.monitor + offset)


@pytest.mark.parametrize("ring_offset", [0, 0x1000, 0x10000])
@pytest.mark.parametrize("config", VARIANTS, ids=lambda config: config.name)
def test_the_stock_driver_takes_the_stand_in_for_the_real_part(
    config: SecConfig, ring_offset: int
) -> None:
    page = standin_page(config, ring_offset)
    assert len(page) == ring_offset + STANDIN_PAGE
    rig = SecRig(config)
    was_read: set[int] = set()
    for monitor in (0, ring_offset):
        driver = StockDriver(page, monitor)
        assert driver.era == config.era
        assert driver.order == config.byteorder
        assert driver.features == features(rig.read, config.era)
        assert driver.blob == (config.blob and bool(config.aes))
        assert driver.identity >> 32 == rig.read(0xFF8)
        for offset in driver.was_read - {0x4, 0xC, 0x5C, 0x6C0, monitor + 0xFD4}:
            assert int.from_bytes(page[offset : offset + 4], config.byteorder) == rig.read(
                offset - monitor
            ), hex(offset)
        was_read |= driver.was_read
    # Nothing but what the drivers read.
    assert set(standin_words(config, ring_offset)) <= was_read


def test_the_stand_in_follows_the_host_in_the_size_of_pointers() -> None:
    for config in (T4240, replace(T4240, long_pointers=True)):
        assert StockDriver(standin_page(config), 0).pointer_size == 4 + 4 * config.long_pointers
    page = standin_page(T4240, long_pointers=True)
    assert StockDriver(page, 0).pointer_size == 8


@pytest.mark.parametrize("part", BOARD_SECS, ids=lambda part: part.name)
def test_the_stand_in_of_each_boards_sec_is_the_part_to_the_driver(part: SecConfig) -> None:
    driver = StockDriver(standin_page(part, STANDIN_PAGE), STANDIN_PAGE)
    assert driver.order == part.byteorder
    assert driver.era == part.era
    assert driver.pointer_size == 8  # as firmware leaves it on both boards


@pytest.mark.parametrize("ring_offset", [-4096, 4, 0x1800])
def test_a_stand_in_is_whole_pages(ring_offset: int) -> None:
    with pytest.raises(ValueError, match="ring_offset"):
        standin_page(LS1046A, ring_offset)
