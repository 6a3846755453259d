# SPDX-License-Identifier: MIT
"""What a disk says of itself: IDENTIFY DEVICE data (ACS-3, 7.12.7)."""

from __future__ import annotations

import struct
from collections.abc import Iterable
from dataclasses import dataclass

from models.ata.settings import HIGHEST_UDMA, MWDMA, UDMA, Settings
from testbed.errors import Stage, TestbedError

BLOCK = 512  # IDENTIFY data, log pages and trim lists are in these, whatever the sector size
TRIM_BLOCKS = 8  # most 512-byte blocks of one DATA SET MANAGEMENT command
LBA28 = 0x0FFFFFFF
BUFFER = 8 << 20  # nominal buffer, bytes
FORM_FACTOR_25 = 3

_CHS_HEADS, _CHS_SECTORS, _CHS_CYLINDERS = 16, 63, 16383


@dataclass(frozen=True)
class Identity:
    """What is fixed in a disk.

    `rotation_rate` is 1 for a solid state disk, else revolutions per minute. `ncq_depth` 0 means
    that the disk has no native command queuing. `wwn` is a 64-bit NAA number.
    """

    model: str
    serial: str
    firmware: str
    sectors: int
    logical_sector_size: int = 512
    physical_sector_size: int = 512
    ncq_depth: int = 32
    rotation_rate: int = 1
    wwn: int = 0

    def __post_init__(self) -> None:
        for name, value, most in (
            ("model", self.model, 40),
            ("serial", self.serial, 20),
            ("firmware", self.firmware, 8),
        ):
            if len(value) > most or not value.isascii() or not value.isprintable():
                raise TestbedError(
                    Stage.MODEL, f"disk {name} {value!r}; give up to {most} ASCII characters"
                )
        if not 0 <= self.ncq_depth <= 32:
            raise TestbedError(Stage.MODEL, f"NCQ depth {self.ncq_depth}; there is 0 to 32")
        ratio, rest = divmod(self.physical_sector_size, self.logical_sector_size)
        if rest or ratio < 1 or ratio & (ratio - 1) or ratio > 1 << 15:
            raise TestbedError(
                Stage.MODEL,
                f"physical sectors of {self.physical_sector_size} bytes over logical ones of"
                f" {self.logical_sector_size}; give a power of two of them",
            )
        if self.rotation_rate != 1 and not 0x401 <= self.rotation_rate <= 0xFFFE:
            raise TestbedError(
                Stage.MODEL,
                f"rotation rate {self.rotation_rate}; give 1 (solid state) or 1025 to 65534 rpm",
            )
        if not 0 < self.sectors < 1 << 48:
            raise TestbedError(Stage.MODEL, f"{self.sectors} sectors; an LBA has 48 bits")
        if not 0 <= self.wwn < 1 << 64:
            raise TestbedError(Stage.MODEL, f"world wide name {self.wwn:#x}; it has 64 bits")

    @property
    def per_physical(self) -> int:
        """log2 of logical sectors per physical sector."""
        return (self.physical_sector_size // self.logical_sector_size).bit_length() - 1

    @property
    def solid_state(self) -> bool:
        return self.rotation_rate == 1


def swapped(text: str, size: int) -> bytes:
    """An ATA string: padded with blanks, the first character in the high byte of each word."""
    raw = bytearray(text.encode("ascii").ljust(size))
    raw[0::2], raw[1::2] = raw[1::2], raw[0::2]
    return bytes(raw)


def checksummed(block: bytes | bytearray) -> bytes:
    """512 bytes with the last one such that all of them add up to zero."""
    body = bytes(block[: BLOCK - 1])
    return body + bytes((-sum(body) & 0xFF,))


def bits(*numbers: int) -> int:
    """A word with these bits set."""
    word = 0
    for number in numbers:
        word |= 1 << number
    return word


def identify_device(identity: Identity, settings: Settings, smart_enabled: bool) -> bytes:
    """The 512 bytes, with the integrity word."""
    words: dict[int, int] = {}
    _geometry(words, identity)
    _transfer(words, settings)
    _serial(words, identity, settings)
    _features(words, settings, smart_enabled)
    _sectors(words, identity)
    data = bytearray(struct.pack("<256H", *(words.get(number, 0) for number in range(256))))
    for word, text, size in (
        (10, identity.serial, 20),
        (23, identity.firmware, 8),
        (27, identity.model, 40),
    ):
        data[2 * word : 2 * word + size] = swapped(text, size)
    data[510] = 0xA5
    return checksummed(data)


def _geometry(words: dict[int, int], identity: Identity) -> None:
    words[0] = 0x0040  # an ATA device, not removable
    words[1] = min(identity.sectors // (_CHS_HEADS * _CHS_SECTORS), _CHS_CYLINDERS)
    words[2] = 0xC837  # needs no SET FEATURES to spin up; this data is complete
    words[3] = _CHS_HEADS
    words[6] = _CHS_SECTORS
    _put(words, 60, min(identity.sectors, LBA28), 2)
    _put(words, 100, identity.sectors, 4)


def _transfer(words: dict[int, int], settings: Settings) -> None:
    words[47] = 0x8000 | settings.most_multiple
    words[48] = 0x4000
    # DMA, LBA, IORDY that can be disabled, standard standby timer values.
    words[49] = bits(8, 9, 10, 11, 13)
    words[50] = 0x4000
    words[53] = bits(1, 2)  # words 64 to 70 and 88 are valid; there is no CHS translation
    if settings.multiple:
        words[59] = 0x0100 | settings.multiple
    mode = 1 << (settings.transfer_mode & 7) + 8
    words[63] = 0x0007 | (mode if settings.transfer_mode & 0xF8 == MWDMA else 0)
    words[64] = 0x0003  # PIO modes 3 and 4
    for word in range(65, 69):
        words[word] = 120  # cycle times, nanoseconds
    supported = (1 << HIGHEST_UDMA + 1) - 1
    words[88] = supported | (mode if settings.transfer_mode & 0xF8 == UDMA else 0)


def _serial(words: dict[int, int], identity: Identity, settings: Settings) -> None:
    words[76] = bits(1, 2, 3, 9, 10)  # three speeds, host power requests, phy event counters
    words[78] = bits(6)
    words[79] = bits(6) if settings.preserve else 0
    if identity.ncq_depth:
        words[75] = identity.ncq_depth - 1
        # NCQ, its priorities, READ LOG DMA EXT for its error recovery.
        words[76] |= bits(8, 12, 15)
        words[77] = bits(5, 6)  # NCQ NON-DATA; SEND and RECEIVE FPDMA QUEUED
        words[78] |= bits(2)
        words[79] |= bits(2) if settings.auto_activate else 0
    words[222] = 0x1000 | bits(*range(7))  # serial, up to SATA 3.1


def _features(words: dict[int, int], settings: Settings, smart_enabled: bool) -> None:
    words[69] = bits(5, 10, 11, 14)  # zeros after trim, buffer DMA commands, deterministic trim
    words[80] = bits(*range(5, 11))  # ATA/ATAPI-5 to ACS-3
    words[81] = 0x006D  # ACS-3 revision 5
    # SMART, security, power management, write cache, look-ahead, WRITE and READ BUFFER, NOP.
    words[82] = bits(0, 1, 3, 5, 6, 12, 13, 14)
    # APM, 48-bit addresses, FLUSH CACHE, FLUSH CACHE EXT.
    words[83] = bits(3, 10, 12, 13, 14)
    # SMART error logging and self-test, logs, FUA writes, world wide name, unload.
    words[84] = bits(0, 1, 5, 6, 8, 13, 14)
    off = 0 if smart_enabled else bits(0)
    off |= 0 if settings.write_cache else bits(5)
    off |= 0 if settings.look_ahead else bits(6)
    words[85] = words[82] & ~bits(1) & ~off  # no password is set, so security is not enabled
    words[86] = bits(10, 12, 13, 15) | (bits(3) if settings.apm_level else 0)
    words[87] = words[84]
    words[91] = settings.apm_level
    words[92] = 0xFFFE  # master password identifier as shipped
    words[119] = bits(3, 14)  # READ and WRITE LOG DMA EXT
    words[120] = bits(3, 14)
    words[128] = bits(0, 3)  # security supported, frozen


def _sectors(words: dict[int, int], identity: Identity) -> None:
    words[105] = TRIM_BLOCKS
    words[106] = 0x4000
    if identity.per_physical:
        words[106] |= bits(13) | identity.per_physical
    if identity.logical_sector_size != BLOCK:
        words[106] |= bits(12)
        _put(words, 117, identity.logical_sector_size // 2, 2)
    for number in range(4):
        words[108 + number] = identity.wwn >> 48 - 16 * number & 0xFFFF
    words[168] = FORM_FACTOR_25
    words[169] = bits(0)  # trim
    words[209] = 0x4000  # logical sector 0 starts a physical one
    words[217] = identity.rotation_rate


def _put(words: dict[int, int], first: int, value: int, count: int) -> None:
    for number in range(count):
        words[first + number] = value >> 16 * number & 0xFFFF


def qwords(values: Iterable[tuple[int, int]]) -> bytearray:
    """A log page from values by byte offset."""
    page = bytearray(BLOCK)
    for offset, value in values:
        struct.pack_into("<Q", page, offset, value)
    return page
