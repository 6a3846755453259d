# SPDX-License-Identifier: MIT
"""PAMUs on the bench: memory, a device behind each LIODN, and tables as software builds them.

Numbers are those of drivers/iommu/fsl_pamu.h of Linux, not the model's, so that a wrong register
map or entry shows.
"""

from __future__ import annotations

import struct
from collections.abc import Mapping
from typing import Any

import sata_rig
from sata_rig import seeded

from models.device_config import DeviceConfig
from models.pamu import Pamu
from testbed.remoteport.device import Device

__all__ = ["Memory", "Rig", "seeded"]

PPBAH, PPBAL, PPLAH, PPLAL, SPBAH, SPBAL, SPLAH, SPLAL, OBAH, OBAL, OLAH, OLAL = range(0, 0x30, 4)
POES1, POES2, POEAH, POEAL, AVS1, AVS2, AVAH, AVAL = range(0x40, 0x60, 4)
PR1, PC2, PC3, PC, PICS = 0xBF8, 0xC04, 0xC08, 0xC10, 0xC1C
PAMUBYPENR = 0x604

PE, PGC, CACHES = 0x40000000, 0x80000000, 0x00001011
AVICS, AVIE, POEICS, POEIE = 8, 4, 2, 1
AV, AV_MASK = 0x1, 0x7FFF
LAV_NOT_IN_PPAACT, LAV_INVALID = 0x400, 0x800
WAV_OUTSIDE, WAV_NOT_IN_SPAACT, WAV_INVALID, WAV_LIODN = 0x080, 0x100, 0x180, 0x200
APV_READ, APV_WRITE = 0x08, 0x10
OTV_NOT_IN_OMT, OTV_INVALID = 0x2, 0x4
GCV = 0x2000

DENIED, QUERY, UPDATE, ALL = range(4)
NO_XLATE, WINDOW_XLATE, PAGE_XLATE = range(3)
INDEXED = 2

PRIMARY, SECONDARY, MAPPINGS = 0x3_0123_4000, 0x2_2345_6000, 0x1_0345_6000
PRIMARY_ENTRIES, SECONDARY_ENTRIES, MAPPING_ENTRIES = 0x500, 0x800, 16
LIODN = 0x7F


class Memory(sata_rig.Memory):
    """The bench's memory, which takes byte enables."""

    def dma_write(self, address: int, data: bytes, byte_enable: bytes | None) -> None:
        if byte_enable is not None:
            old = self.peek(address, len(data))
            data = bytes(
                new if byte_enable[n % len(byte_enable)] else kept
                for n, (new, kept) in enumerate(zip(data, old, strict=True))
            )
        self.dma_write_many([(address, data)])


def size_code(size: int) -> int:
    """WSE or SWSE of a window of `size` bytes."""
    assert size & (size - 1) == 0
    return size.bit_length() - 2


def primary(
    base: int,
    size: int,
    *,
    ap: int = ALL,
    target: int | None = None,
    count: int = 0,
    fspi: int = 0,
    swse: int = 0,
    omi: int | None = None,
    valid: bool = True,
    atm: int | None = None,
) -> bytes:
    """A primary PAACE; `target` None translates nothing, `count` subwindows with the rest from
    `fspi`."""
    w1 = base & 0xFFFFF000 | size_code(size) << 6 | bool(count) << 5 | ap << 3 | valid
    return _entry(base >> 32, w1, count, target, swse, fspi, omi, atm)


def secondary(
    liodn: int,
    *,
    ap: int = ALL,
    target: int | None = None,
    swse: int = 0,
    omi: int | None = None,
    valid: bool = True,
    atm: int | None = None,
) -> bytes:
    """A secondary PAACE."""
    return _entry(0, liodn << 16 | ap << 3 | 1 << 1 | valid, 0, target, swse, 0, omi, atm)


def _entry(
    w0: int,
    w1: int,
    count: int,
    target: int | None,
    swse: int,
    fspi: int,
    omi: int | None,
    atm: int | None,
) -> bytes:
    if atm is None:
        atm = NO_XLATE if target is None else WINDOW_XLATE
    wce = count.bit_length() - 2 if count else 0
    w3 = wce << 4 | atm << 2 | (0 if omi is None else INDEXED)
    to = target or 0
    words = (w0, w1, 0x80, w3, to >> 32, to & 0xFFFFF000 | swse << 6, fspi, omi or 0)
    return struct.pack(">8I32x", *words)


class Rig:
    """A part with `units` PAMUs, and a device with a LIODN behind one of them."""

    def __init__(self, units: int = 2, unit: int = 0, liodn: int = LIODN, **options: Any) -> None:
        self.memory = Memory()
        self.config = DeviceConfig(pamus=units)
        self.pamu = Pamu(units=units, bypassed=self.config.pamu_bypassed, **options)
        self.unit = unit
        self.device = self.attach(liodn, unit)
        self.dma = self.device.dma

    def attach(self, liodn: int, unit: int = 0) -> Device:
        """A device with that number."""
        device = Device(f"device {liodn:#x}")
        device.dma.iommu = self.pamu.port(liodn, unit)
        device.attach(self.memory)
        return device

    # The driver

    def get(self, register: int, unit: int | None = None) -> int:
        return self.pamu.read(0, self._at(register, unit), 4)

    def put(self, register: int, value: int, unit: int | None = None) -> None:
        self.pamu.write(0, self._at(register, unit), 4, value)

    def _at(self, register: int, unit: int | None) -> int:
        return (self.unit if unit is None else unit) * 0x1000 + register

    def put_address(self, high: int, address: int) -> None:
        self.put(high, address >> 32)
        self.put(high + 4, address & 0xFFFFFFFF)

    def start(self) -> None:
        """As Linux does: where the tables are, interrupts of access violations, enable."""
        for register, base, size in (
            (PPBAH, PRIMARY, PRIMARY_ENTRIES * 64),
            (SPBAH, SECONDARY, SECONDARY_ENTRIES * 64),
            (OBAH, MAPPINGS, MAPPING_ENTRIES * 128),
        ):
            self.put_address(register, base)
            self.put_address(register + 8, base + size)
        self.put(PICS, AVIE)
        self.put(PC, PE | CACHES)
        bypass = self.config.read(0, PAMUBYPENR, 4)
        self.config.write(0, PAMUBYPENR, 4, bypass & ~(0x80000000 >> self.unit))

    def entry(self, data: bytes, liodn: int = LIODN) -> None:
        """The primary entry of a LIODN."""
        self.memory.poke(PRIMARY + liodn * 64, data)

    def second(self, index: int, data: bytes) -> None:
        """An entry of the secondary table."""
        self.memory.poke(SECONDARY + index * 64, data)

    def subwindows(
        self,
        base: int,
        size: int,
        targets: Mapping[int, tuple[int, int]],
        count: int,
        *,
        fspi: int = 0,
        liodn: int = LIODN,
    ) -> None:
        """A window in `count` parts, each whole; `targets` has address and AP of those used."""
        part = size // count
        for index in range(count):
            target, ap = targets.get(index, (0, DENIED))
            swse = size_code(part)
            if index:
                self.second(fspi + index - 1, secondary(liodn, ap=ap, target=target, swse=swse))
            else:
                first = primary(base, size, ap=ap, target=target, swse=swse, count=count, fspi=fspi)
                self.entry(first, liodn)

    @property
    def violation(self) -> tuple[int, int, int]:
        """LIODN, kind and address of what was captured."""
        avs1 = self.get(AVS1)
        return avs1 >> 16, avs1 & AV_MASK, self.get(AVAH) << 32 | self.get(AVAL)

    @property
    def irq(self) -> bool:
        return self.pamu.wire_level("interrupt")

    @property
    def error_irq(self) -> bool:
        return self.pamu.wire_level("error")

    def acknowledge(self) -> None:
        """What the handler of Linux writes."""
        pics = self.get(PICS)
        self.put(AVS1, self.get(AVS1) & AV_MASK)
        self.put(PICS, pics)
