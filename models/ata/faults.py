# SPDX-License-Identifier: MIT
"""Faults that a scenario puts into a disk, from any thread, while it runs.

A fault strikes commands that reach for the medium: reads, writes, verifies, flushes and trims.
IDENTIFY, READ LOG EXT and the like are left alone, so that `times` counts what it means to count
and error recovery is not struck by the fault it recovers from.
"""

from __future__ import annotations

import threading
from dataclasses import dataclass, field
from enum import Enum, auto


class Kind(Enum):
    """What a fault does."""

    UNCORRECTABLE = auto()
    CRC_ERROR = auto()
    HANG = auto()
    SHORT_TRANSFER = auto()


@dataclass(eq=False)
class Fault:
    """One fault, as the scenario holds it. `struck` counts how often it hit a command.

    `left` is how often it will strike yet, None without limit. `ranges` are the uncorrectable
    sectors, from and up to an LBA, `size` how many bytes a short transfer moves, `reported`
    whether it ends in an error, `fatal` whether a CRC error ends the link's transfer.
    """

    kind: Kind
    left: int | None = None
    ranges: list[tuple[int, int]] = field(default_factory=list)
    size: int = 0
    reported: bool = True
    fatal: bool = True
    struck: int = 0
    _faults: Faults | None = field(default=None, repr=False)

    @property
    def pending(self) -> bool:
        """Whether it may still strike."""
        return self._faults is not None

    def cancel(self) -> None:
        """Take it back. What it has struck stays struck."""
        faults = self._faults
        if faults is not None:
            faults._remove(self)


class Faults:
    """The faults of one disk. `armed` is false while there are none: all a fast path looks at."""

    def __init__(self) -> None:
        self.armed = False
        self._lock = threading.RLock()
        self._pending: list[Fault] = []

    def uncorrectable(self, lba: int, count: int = 1, times: int | None = None) -> Fault:
        """Sectors that cannot be read: UNC with the first of them in the LBA field.

        Each sector is good again once it is written or trimmed; with `times`, all of them also
        after so many failed reads.
        """
        if lba < 0 or count < 1:
            raise ValueError(f"{count} uncorrectable sectors at LBA {lba}")
        return self._add(Fault(Kind.UNCORRECTABLE, _times(times), [(lba, lba + count)]))

    def crc_error(self, times: int = 1, *, fatal: bool = True) -> Fault:
        """The next command's data suffers a CRC error on the link; the command ends with ICRC."""
        return self._add(Fault(Kind.CRC_ERROR, _times(times), fatal=fatal))

    def hang(self, times: int = 1) -> Fault:
        """The next command never completes; a reset ends it, or a command that replaces it."""
        return self._add(Fault(Kind.HANG, _times(times)))

    def short_transfer(self, size: int, times: int = 1, *, reported: bool = True) -> Fault:
        """The next command with data moves `size` bytes at most, then ends with ABRT.

        Without `reported` it ends in good status, which no host can tell from a full transfer
        unless it looks at the byte count.
        """
        if size < 0:
            raise ValueError(f"a short transfer of {size} bytes")
        return self._add(Fault(Kind.SHORT_TRANSFER, _times(times), size=size, reported=reported))

    def clear(self) -> None:
        """Take all of them back."""
        with self._lock:
            for fault in list(self._pending):
                self._remove(fault)

    @property
    def pending(self) -> tuple[Fault, ...]:
        """Those that may still strike."""
        with self._lock:
            return tuple(self._pending)

    @property
    def uncorrectable_sectors(self) -> int:
        """How many sectors cannot be read now (counted twice where faults overlap)."""
        with self._lock:
            return sum(end - start for fault in self._pending for start, end in fault.ranges)

    def strike(self, *kinds: Kind) -> Fault | None:
        """The oldest pending fault of one of these kinds; it has struck."""
        with self._lock:
            for fault in self._pending:
                if fault.kind in kinds:
                    self._strike(fault)
                    return fault
            return None

    def unreadable(self, lba: int, count: int, *, strike: bool = True) -> int | None:
        """The first sector of these that cannot be read, or None."""
        stop = lba + count
        with self._lock:
            hits = [
                (max(start, lba), number)
                for number, fault in enumerate(self._pending)
                for start, end in fault.ranges
                if start < stop and lba < end
            ]
            if not hits:
                return None
            where, number = min(hits)
            if strike:
                self._strike(self._pending[number])
            return where

    def rewritten(self, lba: int, count: int) -> None:
        """These sectors are good again."""
        stop = lba + count
        with self._lock:
            for fault in [fault for fault in self._pending if fault.ranges]:
                rest: list[tuple[int, int]] = []
                for start, end in fault.ranges:
                    rest += [(start, min(end, lba)), (max(start, stop), end)]
                fault.ranges = [piece for piece in rest if piece[0] < piece[1]][:_MOST]
                if not fault.ranges:
                    self._remove(fault)

    def _add(self, fault: Fault) -> Fault:
        with self._lock:
            fault._faults = self
            self._pending.append(fault)
            self.armed = True
        return fault

    def _strike(self, fault: Fault) -> None:
        fault.struck += 1
        if fault.left is not None:
            fault.left -= 1
            if fault.left == 0:
                self._remove(fault)

    def _remove(self, fault: Fault) -> None:
        with self._lock:
            if fault in self._pending:
                self._pending.remove(fault)
            fault._faults = None
            self.armed = bool(self._pending)


_MOST = 4096  # pieces that a driver can split a range into by writing into its middle


def _times(times: int | None) -> int | None:
    if times is not None and times < 1:
        raise ValueError(f"a fault that strikes {times} times")
    return times
