# SPDX-License-Identifier: MIT
"""The way of every command to the medium: address check, faults, wake-up and counting.

Queued and non-queued commands share it; how the bytes cross the link is theirs.
"""

from __future__ import annotations

import struct
from dataclasses import dataclass

from models.ata.counters import Counters
from models.ata.faults import Fault, Faults, Kind
from models.ata.identify import BLOCK, TRIM_BLOCKS
from models.ata.link import CommandError, NeverCompletes
from models.ata.media import Media
from models.ata.power import Power
from models.ata.registers import ABRT, ICRC, IDNF, UNC

_TRIM_RANGES = struct.Struct("<64Q")


@dataclass(slots=True)
class Transfer:
    """What becomes of a read or write: `size` bytes move, then `error` (0: none) at `lba`.

    `broken` is the CRC error that spoils the data on the link; none of it arrives then.
    """

    size: int
    error: int = 0
    lba: int | None = None
    broken: Fault | None = None


class Medium:
    """One disk's medium with its faults."""

    def __init__(self, media: Media, faults: Faults, power: Power, counters: Counters) -> None:
        self.media = media
        self.faults = faults
        self.power = power
        self.counters = counters
        self.sectors = media.sectors
        self.sector_size = media.sector_size

    def check(self, lba: int, count: int) -> None:
        """CommandError IDNF, with the first address that is not there."""
        if lba + count > self.sectors:
            raise CommandError(IDNF, max(lba, self.sectors))

    def begin(self, lba: int, count: int, reading: bool) -> Transfer:
        """Start a read or write of sectors that are there."""
        if self.power.watched:
            self.power.access()
        size = count * self.sector_size
        if self.faults.armed:
            return self._struck(lba, count, size, reading)
        return Transfer(size)

    def read(self, lba: int, count: int) -> bytes:
        counters = self.counters
        counters.sectors_read += count
        return self.media.read(lba, count)

    def write(self, lba: int, data: bytes) -> None:
        count = len(data) // self.sector_size
        self.counters.sectors_written += count
        self.media.write(lba, data)
        if self.faults.armed:
            self.faults.rewritten(lba, count)

    def verify(self, lba: int, count: int) -> None:
        """READ VERIFY: as a read, without the data."""
        self.check(lba, count)
        self._wake()
        bad = self.faults.unreadable(lba, count) if self.faults.armed else None
        if bad is not None:
            self.counters.uncorrectable += 1
            raise CommandError(UNC, bad)

    def flush(self) -> None:
        self._wake()
        self.counters.flushes += 1
        self.media.flush()

    def trim(self, ranges: bytes) -> None:
        """Discard what a list of 512-byte blocks names, all of it or, with an error, nothing."""
        self._wake()
        entries = []
        for offset in range(0, len(ranges), BLOCK):
            for entry in _TRIM_RANGES.unpack_from(ranges, offset):
                lba, count = entry & 0xFFFFFFFFFFFF, entry >> 48
                if count:
                    self.check(lba, count)
                    entries.append((lba, count))
        for lba, count in entries:
            self.media.discard(lba, count)
            self.counters.sectors_trimmed += count
            if self.faults.armed:
                self.faults.rewritten(lba, count)

    @staticmethod
    def check_trim(blocks: int) -> None:
        """CommandError ABRT when the list is longer than the disk says it takes."""
        if not 1 <= blocks <= TRIM_BLOCKS:
            raise CommandError(ABRT)

    def broken_link(self, outward: bool) -> None:
        """Count a Data FIS with a bad CRC; `outward`: to the host."""
        self.counters.interface_crc += 1
        if outward:
            self.counters.data_errors_in += 1
        else:
            self.counters.data_errors_out += 1

    def _wake(self) -> None:
        if self.power.watched:
            self.power.access()
        if self.faults.armed and self.faults.strike(Kind.HANG):
            raise NeverCompletes

    def _struck(self, lba: int, count: int, size: int, reading: bool) -> Transfer:
        fault = self.faults.strike(Kind.HANG, Kind.CRC_ERROR, Kind.SHORT_TRANSFER)
        if fault is not None:
            if fault.kind is Kind.HANG:
                raise NeverCompletes
            if fault.kind is Kind.CRC_ERROR:
                return Transfer(size, ICRC | ABRT, lba, fault)
            return Transfer(min(size, fault.size), ABRT if fault.reported else 0, lba)
        if reading:
            bad = self.faults.unreadable(lba, count)
            if bad is not None:
                self.counters.uncorrectable += 1
                return Transfer((bad - lba) * self.sector_size, UNC, bad)
        return Transfer(size)
