# SPDX-License-Identifier: MIT
"""Reading back what `testbed.remoteport.trace` wrote."""

from __future__ import annotations

import os
from collections.abc import Iterator
from dataclasses import dataclass, field
from enum import StrEnum
from pathlib import Path


class Kind(StrEnum):
    """What a line of a trace is. A refused access or transfer is `REFUSED`, whatever it was."""

    READ = "R"
    WRITE = "W"
    DMA = "DMA"
    WIRE = "wire"
    EVENT = "event"
    REFUSED = "refused"


@dataclass(frozen=True)
class Entry:
    """A line without its time and its device: `text` is as the trace has it."""

    kind: Kind
    text: str

    @classmethod
    def parse(cls, text: str) -> Entry:
        word, _, rest = text.partition(" ")
        if word in (Kind.READ, Kind.WRITE, Kind.DMA):
            return cls(Kind.REFUSED if " refused: " in rest else Kind(word), text)
        levels = word == Kind.WIRE and rest.endswith(("=0", "=1"))
        return cls(Kind.WIRE if levels else Kind.EVENT, text)

    def wire(self) -> tuple[str, int]:
        """The name of the wire and its new level; only of a `WIRE`."""
        name, _, level = self.text.removeprefix("wire ").rpartition("=")
        return name, int(level)


@dataclass(frozen=True)
class Gap:
    """Part of a trace that was not read: `size` bytes between two times in microseconds."""

    begin: int
    end: int
    size: int


@dataclass
class Activity:
    """The trace of one device: entry `entries[codes[i]]` came at microsecond `times[i]`.

    Lines of a trace repeat each other, so each different one is an entry once. `file` is the
    trace's path relative to the run.
    """

    device: str
    file: str
    times: list[int] = field(default_factory=list)
    codes: list[int] = field(default_factory=list)
    entries: list[Entry] = field(default_factory=list)
    gap: Gap | None = None

    def lines(self) -> Iterator[tuple[int, Entry]]:
        """Each line, with its time in microseconds."""
        for at, code in zip(self.times, self.codes, strict=True):
            yield at, self.entries[code]

    @property
    def idle(self) -> bool:
        """No access, no DMA, and no wire was ever raised."""
        return not any(
            entry.wire()[1] if entry.kind is Kind.WIRE else entry.kind is not Kind.EVENT
            for entry in self.entries
        )


def read_trace(path: Path, run: Path, *, head: int = -1, tail: int = 0) -> Activity:
    """The trace at `path`, a file of the folder `run`. Raises OSError.

    With `head` not negative, only about that many bytes at its beginning and `tail` at its end are
    read of a longer one, in whole lines. A line that is not one of a trace is left out: the last
    may be cut where a run was killed.
    """
    found = Activity(path.stem, str(path.relative_to(run)))
    codes: dict[bytes, int] = {}
    with path.open("rb") as stream:
        size = os.fstat(stream.fileno()).st_size
        if head < 0 or size <= head + tail:
            _parse(stream.read(), found, codes)
            return found
        begin = stream.read(head)
        begin = begin[: begin.rfind(b"\n") + 1]
        _parse(begin, found, codes)
        split = len(found.times)
        stream.seek(size - tail)
        end = stream.read()
        end = end[end.find(b"\n") + 1 :]
        _parse(end, found, codes)
    last = found.times[split - 1] if split else 0
    first = found.times[split] if split < len(found.times) else last
    found.gap = Gap(last, first, size - len(begin) - len(end))
    return found


def _parse(text: bytes, found: Activity, codes: dict[bytes, int]) -> None:
    times, order, entries = found.times, found.codes, found.entries
    for line in text.split(b"\n"):
        at, _, rest = line.lstrip().partition(b" ")
        try:
            time = round(float(at) * 1e6)
        except (ValueError, OverflowError):
            continue
        code = codes.get(rest)
        if code is None:
            device, _, what = rest.decode(errors="replace").partition(" ")
            if not what:
                continue
            found.device = device
            code = codes[rest] = len(entries)
            entries.append(Entry.parse(what))
        times.append(time)
        order.append(code)
