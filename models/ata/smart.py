# SPDX-License-Identifier: MIT
"""SMART: attributes, thresholds, self-tests (ACS-3, 4.19 and 7.48).

The attribute layout, which ACS-3 leaves to the vendor, is the one every tool reads (SFF-8035i).
"""

from __future__ import annotations

import struct
from collections.abc import Callable
from dataclasses import asdict, dataclass
from typing import Any

from models.ata.identify import BLOCK, checksummed
from models.saved_state import Fields

PREFAIL = 0x0001
ONLINE = 0x0002
SHORT, EXTENDED = 0x01, 0x02
CAPTIVE = 0x80

_FIRST_ATTRIBUTE = 2
_ENTRY = 12
_SELF_TESTS = 21  # as many as log 06h holds; log 07h has room for 19
_READ_FAILURE = 7
_OFFLINE_COMPLETED = 0x02


@dataclass(slots=True)
class Attribute:
    """One attribute: normalized `value` and `worst` (253 best), failing at `threshold` or below.

    `raw` gives the 48-bit raw value.
    """

    number: int
    flags: int
    threshold: int
    raw: Callable[[], int]
    value: int = 100
    worst: int = 100


@dataclass(frozen=True, slots=True)
class SelfTest:
    """A finished self-test: `status` 0x00 passed, 0x70 failed to read `lba`."""

    kind: int
    status: int
    hours: int
    lba: int


class Smart:
    """SMART of one disk. `attributes` is what it measures, `find_bad` the first unreadable sector,
    `hours` the disk's age."""

    def __init__(
        self,
        attributes: list[Attribute],
        find_bad: Callable[[], int | None],
        hours: Callable[[], int],
    ) -> None:
        self.enabled = True
        self.autosave = True
        self._attributes = {attribute.number: attribute for attribute in attributes}
        self._find_bad = find_bad
        self._hours = hours
        self._offline = 0
        self._tests: list[SelfTest] = []
        self._started = 0  # self-tests in all; the logs are rings
        self._execution = 0

    def set_value(self, number: int, value: int) -> None:
        """Let an attribute's normalized value be `value` (1 to 253), as wear would.

        At or below its threshold a pre-failure attribute makes SMART RETURN STATUS report a
        failure. KeyError when the disk has no such attribute.
        """
        if not 1 <= value <= 253:
            raise ValueError(f"SMART attribute value {value}; give 1 to 253")
        attribute = self._attributes[number]
        attribute.value = value
        attribute.worst = min(attribute.worst, value)

    @property
    def exceeded(self) -> bool:
        """Whether a pre-failure attribute is at or below its threshold."""
        return any(a.flags & PREFAIL and a.value <= a.threshold for a in self._attributes.values())

    def run(self, kind: int) -> bool:
        """EXECUTE OFF-LINE IMMEDIATE, finished at once. False when a captive test failed."""
        if kind == 0:
            self._offline = _OFFLINE_COMPLETED
            return True
        bad = self._find_bad()
        status = 0 if bad is None else _READ_FAILURE
        self._execution = status << 4
        entry = SelfTest(kind, status << 4, self._hours() & 0xFFFF, 0 if bad is None else bad)
        self._tests = [*self._tests, entry][-_SELF_TESTS:]
        self._started += 1
        return not (kind & CAPTIVE and status)

    def data(self) -> bytes:
        """SMART READ DATA."""
        page = bytearray(BLOCK)
        struct.pack_into("<H", page, 0, 0x0010)
        for place, attribute in enumerate(self._attributes.values()):
            raw = attribute.raw() & 0xFFFFFFFFFFFF
            struct.pack_into(
                "<BHBB6s",
                page,
                _FIRST_ATTRIBUTE + place * _ENTRY,
                attribute.number,
                attribute.flags,
                attribute.value,
                attribute.worst,
                raw.to_bytes(6, "little"),
            )
        page[362] = self._offline
        page[363] = self._execution
        page[367] = 0x11  # EXECUTE OFF-LINE IMMEDIATE, self-tests
        struct.pack_into("<H", page, 368, 0x0003)  # saves attributes, autosave timer
        page[370] = 0x01  # error logging
        page[372], page[373] = 1, 1  # minutes to poll after, short and extended self-test
        return checksummed(page)

    def thresholds(self) -> bytes:
        """SMART READ THRESHOLDS."""
        page = bytearray(BLOCK)
        struct.pack_into("<H", page, 0, 0x0010)
        for place, attribute in enumerate(self._attributes.values()):
            start = _FIRST_ATTRIBUTE + place * _ENTRY
            page[start], page[start + 1] = attribute.number, attribute.threshold
        return checksummed(page)

    def self_test_log(self) -> bytes:
        """SMART log 06h: a ring of 21."""
        page = bytearray(BLOCK)
        page[0] = 1
        for slot, test in self._slots(21):
            address = min(test.lba, 0xFFFFFFFF) if test.status else 0
            struct.pack_into(
                "<BBHBI", page, 2 + slot * 24, test.kind, test.status, test.hours, 0, address
            )
        page[508] = (self._started - 1) % 21 + 1 if self._started else 0
        return checksummed(page)

    def extended_self_test_log(self) -> bytes:
        """Log 07h: a ring of 19."""
        page = bytearray(BLOCK)
        page[0] = 1
        struct.pack_into("<H", page, 2, (self._started - 1) % 19 + 1 if self._started else 0)
        for slot, test in self._slots(19):
            struct.pack_into(
                "<BBHB6s",
                page,
                4 + slot * 26,
                test.kind,
                test.status,
                test.hours,
                0,
                test.lba.to_bytes(6, "little"),
            )
        return checksummed(page)

    def to_json(self) -> dict[str, Any]:
        return {
            "enabled": self.enabled,
            "autosave": self.autosave,
            "offline": self._offline,
            "execution": self._execution,
            "started": self._started,
            "tests": [asdict(test) for test in self._tests],
            "values": {str(a.number): [a.value, a.worst] for a in self._attributes.values()},
        }

    @staticmethod
    def checked(state: Any, numbers: set[int]) -> SmartState:
        """A saved state unpacked, for `take`; StateError when it is bad."""
        fields = ("enabled", "autosave", "offline", "execution", "started", "tests", "values")
        check = Fields("disk", state, fields, "smart")
        tests = []
        for index, item in enumerate(check.items("tests", _SELF_TESTS)):
            inner = check.part(f"tests[{index}]", item, ("kind", "status", "hours", "lba"))
            tests.append(
                SelfTest(
                    inner.number("kind", 0xFF),
                    inner.number("status", 0xFF),
                    inner.number("hours", 0xFFFF),
                    inner.number("lba", (1 << 48) - 1),
                )
            )
        values = check.mapping("values", 256)
        if set(values) != numbers:
            raise check.error("values", "expected the disk's attributes")
        for pair in values.values():
            if not isinstance(pair, list) or len(pair) != 2:
                raise check.error("values", f"expected value and worst, not {pair!r:.40}")
            for value in pair:
                check.item("values", value, 253, minimum=1)
        return SmartState(
            check.flag("enabled"),
            check.flag("autosave"),
            check.number("offline", 0xFF),
            check.number("execution", 0xFF),
            check.number("started", (1 << 64) - 1, minimum=len(tests)),
            tests,
            {number: (pair[0], pair[1]) for number, pair in values.items()},
        )

    @property
    def numbers(self) -> set[int]:
        """The attributes there are."""
        return set(self._attributes)

    def take(self, state: SmartState) -> None:
        """Go on as `checked` says."""
        self.enabled = state.enabled
        self.autosave = state.autosave
        self._offline = state.offline
        self._execution = state.execution
        self._started = state.started
        self._tests = list(state.tests)
        for number, (value, worst) in state.values.items():
            attribute = self._attributes[number]
            attribute.value, attribute.worst = value, worst

    def _slots(self, capacity: int) -> list[tuple[int, SelfTest]]:
        newest = self._tests[-capacity:]
        first = self._started - len(newest)
        return [((first + n) % capacity, test) for n, test in enumerate(newest)]


@dataclass(frozen=True)
class SmartState:
    """A checked saved state."""

    enabled: bool
    autosave: bool
    offline: int
    execution: int
    started: int
    tests: list[SelfTest]
    values: dict[int, tuple[int, int]]
