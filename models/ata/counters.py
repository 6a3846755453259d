# SPDX-License-Identifier: MIT
"""What a disk counts: for its logs, and for the scenario."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from models.ata.registers import Command
from models.saved_state import Fields

_MOST = (1 << 64) - 1
_NAMES = (
    "reads",
    "sectors_read",
    "writes",
    "sectors_written",
    "flushes",
    "sectors_trimmed",
    "queued",
    "deepest_queue",
    "uncorrectable",
    "interface_crc",
    "data_errors_in",
    "data_errors_out",
    "hardware_resets",
    "software_resets",
    "interrupted",
    "power_cycles",
)


class Counters:
    """Counts since the disk was made. Reading one needs no lock; they may lag by a command.

    `reads` and `writes` are commands, `queued` those of native command queuing, `deepest_queue`
    the most of them outstanding at once. `data_errors_in` and `data_errors_out` are Data FISes
    with a bad CRC to and from the host, `interrupted` the resets that ended a command.
    """

    __slots__ = (*_NAMES, "_codes")

    reads: int
    sectors_read: int
    writes: int
    sectors_written: int
    flushes: int
    sectors_trimmed: int
    queued: int
    deepest_queue: int
    uncorrectable: int
    interface_crc: int
    data_errors_in: int
    data_errors_out: int
    hardware_resets: int
    software_resets: int
    interrupted: int
    power_cycles: int

    def __init__(self) -> None:
        for name in _NAMES:
            setattr(self, name, 0)
        self._codes = [0] * 256

    def of(self, command: int) -> int:
        """How many commands with this code arrived, whatever became of them."""
        return self._codes[command & 0xFF]

    @property
    def commands(self) -> dict[str, int]:
        """Those that arrived, by name; unknown ones by their code in hexadecimal."""
        known = {int(command): command.name for command in Command}
        return {
            known.get(code, f"{code:#04x}"): count
            for code, count in enumerate(self._codes)
            if count
        }

    @property
    def codes(self) -> list[int]:
        """The count of each command code, to be added to."""
        return self._codes

    def to_json(self) -> dict[str, Any]:
        return {"codes": list(self._codes), **{name: getattr(self, name) for name in _NAMES}}

    @classmethod
    def from_json(cls, state: Any) -> Counters:
        check = Fields("disk", state, ("codes", *_NAMES), "counters")
        counters = cls()
        counters._codes = check.numbers("codes", 256, _MOST)
        for name in _NAMES:
            setattr(counters, name, check.number(name, _MOST))
        return counters


class Lifetime:
    """How long a disk has been powered. `clock` gives seconds."""

    def __init__(self, clock: Callable[[], float]) -> None:
        self._clock = clock
        self._start = clock()
        self._power_on = self._start

    @property
    def seconds(self) -> float:
        """Powered, over all of its life."""
        return self._clock() - self._start

    @property
    def hours(self) -> int:
        """As `seconds`, the way logs want it."""
        return int(self.seconds // 3600)

    @property
    def milliseconds(self) -> int:
        """Since power-on, 32 bits."""
        return int((self._clock() - self._power_on) * 1000) & 0xFFFFFFFF

    def power_on(self) -> None:
        """Count `milliseconds` from here."""
        self._power_on = self._clock()

    def set(self, seconds: float) -> None:
        """Make the disk this old, as after power-on."""
        self._power_on = self._clock()
        self._start = self._power_on - seconds
