# SPDX-License-Identifier: MIT
"""The errors a disk remembers, with the commands that led to them (ACS-3, 9.5, 9.6 and 9.22)."""

from __future__ import annotations

import struct
from collections import deque
from dataclasses import dataclass
from typing import Any

from models.ata.counters import Lifetime
from models.ata.identify import BLOCK, checksummed
from models.ata.registers import FAILED, ICRC, IDNF, UNC
from models.ata.transport import RegisterH2D
from models.saved_state import Fields

KEPT = 20  # errors, in 4 sectors of 5 or 5 sectors of 4
COMPREHENSIVE_SECTORS = 4
EXTENDED_SECTORS = 5

_COMMANDS = 5  # before each error, its own included
_LOGGED = UNC | IDNF | ICRC
_STATE_ACTIVE = 3

_COMMAND = struct.Struct("<BBBBBBBBI")
_ERROR = struct.Struct("<xBBBBBBB19xBH")
_EXTENDED_COMMAND = struct.Struct("<BHH6sBBxI")
_EXTENDED_ERROR = struct.Struct("<xBH6sBB19xBH")


@dataclass(frozen=True, slots=True)
class Issued:
    """A command, and milliseconds since power-on when it arrived."""

    fis: RegisterH2D
    time: int


@dataclass(frozen=True, slots=True)
class LoggedError:
    """One error. `device` and `lba` are the registers it ended with, `hours` the disk's age."""

    commands: tuple[Issued, ...]
    error: int
    device: int
    lba: int
    count: int
    hours: int


class ErrorLog:
    """Keeps the last errors that concern data; a refused command is none."""

    def __init__(self, lifetime: Lifetime) -> None:
        self._lifetime = lifetime
        self._history: deque[tuple[RegisterH2D, int]] = deque(maxlen=_COMMANDS)
        self._errors: deque[LoggedError] = deque(maxlen=KEPT)
        self.total = 0

    def arrived(self, fis: RegisterH2D) -> None:
        """A command arrived."""
        self._history.append((fis, self._lifetime.milliseconds))

    def failed(self, error: int, device: int, lba: int, count: int) -> None:
        """A command failed."""
        if error & _LOGGED:
            commands = tuple(Issued(fis, time) for fis, time in self._history)
            hours = self._lifetime.hours & 0xFFFF
            self._errors.append(LoggedError(commands, error, device, lba, count, hours))
            self.total += 1

    def power_on(self) -> None:
        """Forget the commands before this; the errors stay."""
        self._history.clear()

    def summary(self) -> bytes:
        """SMART log 01h."""
        return self._sector(0, 5)

    def comprehensive(self) -> bytes:
        """SMART log 02h."""
        return b"".join(self._sector(n, KEPT) for n in range(COMPREHENSIVE_SECTORS))

    def extended(self) -> bytes:
        """Log 03h."""
        return b"".join(self._extended_sector(n) for n in range(EXTENDED_SECTORS))

    def to_json(self) -> dict[str, Any]:
        return {
            "total": self.total,
            "history": [[fis.to_bytes().hex(), time] for fis, time in self._history],
            "errors": [
                {
                    "commands": [[c.fis.to_bytes().hex(), c.time] for c in entry.commands],
                    "error": entry.error,
                    "device": entry.device,
                    "lba": entry.lba,
                    "count": entry.count,
                    "hours": entry.hours,
                }
                for entry in self._errors
            ],
        }

    @classmethod
    def from_json(cls, state: Any, lifetime: Lifetime) -> ErrorLog:
        check = Fields("disk", state, ("total", "history", "errors"), "errors")
        log = cls(lifetime)
        entries = check.items("errors", KEPT)
        log.total = check.number("total", (1 << 64) - 1, minimum=len(entries))
        log._history.extend((c.fis, c.time) for c in _issued(check, "history"))
        for index, entry in enumerate(entries):
            inner = check.part(
                f"errors[{index}]",
                entry,
                ("commands", "error", "device", "lba", "count", "hours"),
            )
            log._errors.append(
                LoggedError(
                    _issued(inner, "commands"),
                    inner.number("error", 0xFF),
                    inner.number("device", 0xFF),
                    inner.number("lba", (1 << 48) - 1),
                    inner.number("count", 0xFFFF),
                    inner.number("hours", 0xFFFF),
                )
            )
        return log

    def _slots(self, capacity: int) -> dict[int, LoggedError]:
        """The newest errors by their place in a ring of `capacity`."""
        newest = list(self._errors)[-capacity:]
        first = self.total - len(newest)
        return {(first + n) % capacity: entry for n, entry in enumerate(newest)}

    def _index(self, capacity: int) -> int:
        return (self.total - 1) % capacity + 1 if self.total else 0

    def _sector(self, number: int, capacity: int) -> bytes:
        sector = bytearray(BLOCK)
        sector[0] = 1
        if number == 0:
            sector[1] = self._index(capacity)
            struct.pack_into("<H", sector, 452, min(self.total, 0xFFFF))
        for slot, entry in self._slots(capacity).items():
            if slot // 5 == number:
                start = 2 + slot % 5 * 90
                sector[start : start + 90] = _entry(entry)
        return checksummed(sector)

    def _extended_sector(self, number: int) -> bytes:
        sector = bytearray(BLOCK)
        sector[0] = 1
        if number == 0:
            struct.pack_into("<H", sector, 2, self._index(KEPT))
            struct.pack_into("<H", sector, 500, min(self.total, 0xFFFF))
        for slot, entry in self._slots(KEPT).items():
            if slot // 4 == number:
                start = 4 + slot % 4 * 124
                sector[start : start + 124] = _extended_entry(entry)
        return checksummed(sector)


def _entry(entry: LoggedError) -> bytes:
    """5 commands, oldest first, and the error; 90 bytes."""
    commands = b"".join(
        _COMMAND.pack(
            c.fis.control,
            c.fis.features & 0xFF,
            c.fis.count & 0xFF,
            *(c.fis.lba & 0xFFFFFF).to_bytes(3, "little"),
            c.fis.device,
            c.fis.command,
            c.time,
        )
        for c in entry.commands
    )
    error = _ERROR.pack(
        entry.error,
        entry.count & 0xFF,
        *(entry.lba & 0xFFFFFF).to_bytes(3, "little"),
        entry.device,
        FAILED,
        _STATE_ACTIVE,
        entry.hours,
    )
    return commands.rjust(60, b"\0") + error


def _extended_entry(entry: LoggedError) -> bytes:
    """5 commands, oldest first, and the error; 124 bytes."""
    commands = b"".join(
        _EXTENDED_COMMAND.pack(
            c.fis.control,
            c.fis.features,
            c.fis.count,
            _paired(c.fis.lba),
            c.fis.device,
            c.fis.command,
            c.time,
        )
        for c in entry.commands
    )
    error = _EXTENDED_ERROR.pack(
        entry.error,
        entry.count,
        _paired(entry.lba),
        entry.device,
        FAILED,
        _STATE_ACTIVE,
        entry.hours,
    )
    return commands.rjust(90, b"\0") + error


def _paired(lba: int) -> bytes:
    """An LBA as the registers hold it: each of three with its current and previous byte."""
    raw = lba.to_bytes(6, "little")
    return bytes((raw[0], raw[3], raw[1], raw[4], raw[2], raw[5]))


def _issued(check: Fields, field: str) -> tuple[Issued, ...]:
    result = []
    for text, time in check.pairs(field, _COMMANDS):
        result.append(Issued(fis_of(check, field, text), check.item(field, time, 0xFFFFFFFF)))
    return tuple(result)


def fis_of(check: Fields, field: str, text: Any) -> RegisterH2D:
    """A saved FIS; StateError when it is none."""
    try:
        return RegisterH2D.from_bytes(bytes.fromhex(text))
    except (TypeError, ValueError) as error:
        raise check.error(field, f"{text!r:.50} is no FIS ({error})") from None
