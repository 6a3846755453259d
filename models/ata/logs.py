# SPDX-License-Identifier: MIT
"""The logs a disk offers, by address (ACS-3, section 9; Serial ATA 3.x, section 13.7)."""

from __future__ import annotations

import struct
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from models.ata import ncq_log
from models.ata.counters import Counters, Lifetime
from models.ata.error_log import COMPREHENSIVE_SECTORS, EXTENDED_SECTORS, ErrorLog
from models.ata.identify import BLOCK, Identity, checksummed, qwords
from models.ata.identify_log import PAGES, identify_log
from models.ata.link import CommandError
from models.ata.registers import ABRT, Log
from models.ata.settings import Settings
from models.ata.smart import Smart
from models.saved_state import Fields, pack

HOST_SECTORS = 16
STATISTICS_PAGES = 8
TEMPERATURE = 30  # degrees Celsius, always

_PHY_EVENTS = 6
_STATISTIC = 1 << 63 | 1 << 62  # supported and valid
_SMART_LOGS = frozenset(
    {
        Log.SUMMARY_ERROR,
        Log.COMPREHENSIVE_ERROR,
        Log.EXTENDED_COMPREHENSIVE_ERROR,
        Log.SELF_TEST,
        Log.EXTENDED_SELF_TEST,
    }
)


@dataclass(frozen=True)
class LogSource:
    """One log: its size in sectors, its content from `page` on, and which commands reach it."""

    sectors: int
    read: Callable[[], bytes]
    general: bool
    smart: bool


class Logs:
    """All logs of one disk. `settings` is asked each time, since a reset replaces it."""

    def __init__(
        self,
        identity: Identity,
        settings: Callable[[], Settings],
        counters: Callable[[], Counters],
        lifetime: Lifetime,
        smart: Smart,
        errors: Callable[[], ErrorLog],
        ncq_error: Callable[[], bytes],
    ) -> None:
        self._identity = identity
        self._settings = settings
        self._counters = counters
        self._lifetime = lifetime
        self._smart = smart
        self._host: dict[int, bytearray] = {}
        self._phy_base = [0] * _PHY_EVENTS
        sources: dict[int, LogSource] = {
            Log.DIRECTORY: LogSource(1, bytes, True, True),
            Log.SUMMARY_ERROR: LogSource(1, lambda: errors().summary(), False, True),
            Log.COMPREHENSIVE_ERROR: LogSource(
                COMPREHENSIVE_SECTORS, lambda: errors().comprehensive(), False, True
            ),
            Log.EXTENDED_COMPREHENSIVE_ERROR: LogSource(
                EXTENDED_SECTORS, lambda: errors().extended(), True, False
            ),
            Log.DEVICE_STATISTICS: LogSource(STATISTICS_PAGES, self._statistics, True, True),
            Log.SELF_TEST: LogSource(1, smart.self_test_log, False, True),
            Log.EXTENDED_SELF_TEST: LogSource(1, smart.extended_self_test_log, True, False),
            Log.PHY_EVENT_COUNTERS: LogSource(1, self._phy_events, True, False),
            Log.IDENTIFY_DEVICE_DATA: LogSource(PAGES, self._identify, True, True),
        }
        if identity.ncq_depth:
            sources[Log.NCQ_COMMAND_ERROR] = LogSource(1, ncq_error, True, False)
            sources[Log.NCQ_NON_DATA] = LogSource(1, ncq_log.non_data, True, False)
            sources[Log.NCQ_SEND_RECEIVE] = LogSource(1, ncq_log.send_receive, True, False)
        self._sources = sources

    def read(self, address: int, page: int, count: int, *, general: bool = True) -> bytes:
        """`count` sectors from `page`; CommandError when the log has not as many.

        `general`: by READ LOG EXT and its like, else by SMART READ LOG.
        """
        if address in _SMART_LOGS and not self._smart.enabled:
            raise CommandError(ABRT)
        size = self._size(address, general)
        if count == 0 or page + count > size:
            raise CommandError(ABRT)
        if address == Log.DIRECTORY:
            return self._directory(general)
        if address >= Log.HOST_FIRST:
            content = bytes(self._host.get(address, bytes(HOST_SECTORS * BLOCK)))
        else:
            content = self._sources[address].read()
        return content[page * BLOCK : (page + count) * BLOCK]

    def check_write(self, address: int, page: int, count: int) -> None:
        """CommandError unless these sectors can be written: the host's own logs."""
        if not Log.HOST_FIRST <= address <= Log.HOST_LAST or count == 0:
            raise CommandError(ABRT)
        if page + count > HOST_SECTORS:
            raise CommandError(ABRT)

    def write(self, address: int, page: int, data: bytes) -> None:
        """What `check_write` allowed."""
        log = self._host.setdefault(address, bytearray(HOST_SECTORS * BLOCK))
        log[page * BLOCK : page * BLOCK + len(data)] = data

    def to_json(self) -> dict[str, Any]:
        return {
            "host": {str(address): pack(content) for address, content in self._host.items()},
            "phy_base": list(self._phy_base),
        }

    @staticmethod
    def checked(state: Any) -> tuple[dict[int, bytearray], list[int]]:
        """A saved state unpacked, for `take`; StateError when it is bad."""
        check = Fields("disk", state, ("host", "phy_base"), "logs")
        host = {}
        for address, content in check.mapping("host", Log.HOST_LAST + 1).items():
            if address < Log.HOST_FIRST:
                raise check.error("host", f"but {address:#x} is no host log")
            host[address] = bytearray(check.unpack("host", content, HOST_SECTORS * BLOCK))
        return host, check.numbers("phy_base", _PHY_EVENTS, (1 << 65) - 1)

    def take(self, checked: tuple[dict[int, bytearray], list[int]]) -> None:
        """Hold what `checked` gave."""
        self._host, self._phy_base = checked

    def _size(self, address: int, general: bool) -> int:
        if Log.HOST_FIRST <= address <= Log.HOST_LAST:
            return HOST_SECTORS
        source = self._sources.get(address)
        if source is None or not (source.general if general else source.smart):
            return 0
        return source.sectors

    def _directory(self, general: bool) -> bytes:
        sizes = [self._size(address, general) for address in range(256)]
        sizes[0] = 1  # the version of the directory
        return struct.pack("<256H", *sizes)

    def _identify(self) -> bytes:
        return b"".join(
            identify_log(page, self._identity, self._settings(), self._smart.enabled)
            for page in range(PAGES)
        )

    def _statistics(self) -> bytes:
        counters = self._counters()
        pages: dict[int, list[tuple[int, int]]] = {
            1: [
                (8, counters.power_cycles & 0xFFFFFFFF),
                (16, self._lifetime.hours & 0xFFFFFFFF),
                (24, counters.sectors_written & 0xFFFFFFFFFFFF),
                (32, counters.writes & 0xFFFFFFFFFFFF),
                (40, counters.sectors_read & 0xFFFFFFFFFFFF),
                (48, counters.reads & 0xFFFFFFFFFFFF),
            ],
            4: [
                (8, counters.uncorrectable & 0xFFFFFFFF),
                (16, counters.interrupted & 0xFFFFFFFF),
            ],
            5: [(8, TEMPERATURE), (32, TEMPERATURE), (40, TEMPERATURE)],
            6: [
                (8, counters.hardware_resets & 0xFFFFFFFF),
                (24, counters.interface_crc & 0xFFFFFFFF),
            ],
            7: [(8, 0)],  # percentage used endurance
        }
        if not self._identity.solid_state:
            del pages[7]
        blocks = []
        for number in range(STATISTICS_PAGES):
            page = qwords([(0, number << 16 | 1 if number in pages or number == 0 else 0)])
            for offset, value in pages.get(number, ()):
                struct.pack_into("<Q", page, offset, _STATISTIC | value)
            if number == 0:
                numbers = [0, *pages]
                page[8] = len(numbers)
                page[9 : 9 + len(numbers)] = bytes(numbers)
            blocks.append(bytes(page))
        return b"".join(blocks)

    def reset_phy_events(self) -> None:
        """Count the events of log 11h from zero again."""
        self._phy_base = [count for _, count in self._phy_counts()]

    def _phy_counts(self) -> tuple[tuple[int, int], ...]:
        counters = self._counters()
        inward, outward = counters.data_errors_in, counters.data_errors_out
        return (
            (0x001, counters.interface_crc),
            (0x002, inward + outward),  # Data FISes that were refused, by either side
            (0x003, inward),  # by the host
            (0x004, outward),  # by the disk
            (0x00A, counters.hardware_resets),
            (0x00B, outward),  # FISes from the host with a bad CRC
        )

    def _phy_events(self) -> bytes:
        page = bytearray(BLOCK)
        for place, (event, count) in enumerate(self._phy_counts()):
            shown = min(max(count - self._phy_base[place], 0), 0xFFFF)
            struct.pack_into("<HH", page, 4 + 4 * place, 0x1000 | event, shown)
        return checksummed(page)
