# SPDX-License-Identifier: MIT
"""Lines of text that a run kept, each with the time when it began: consoles, and the run's log."""

from __future__ import annotations

import re
from bisect import bisect_right
from dataclasses import dataclass, field
from pathlib import Path

_ESCAPES = re.compile(r"\x1b(?:\[[0-?]*[ -/]*[@-~]|\][^\x07\x1b]*(?:\x07|\x1b\\)?|[@-Z\\-_])")
_CONTROLS = re.compile(r"[\x00-\x08\x0b-\x1f\x7f-\x9f]")


@dataclass
class Lines:
    """The lines of one source. A time is None where none was kept.

    `left_out` counts bytes before the first line that were not read.
    """

    name: str
    file: str
    lines: list[tuple[float | None, str]] = field(default_factory=list)
    left_out: int = 0


def read_console(log: Path, run: Path, limit: int) -> Lines:
    """The last `limit` bytes of the console at `log`, in a folder of `run`. Raises OSError."""
    data = log.read_bytes()
    begin = 0
    if len(data) > limit:
        begin = data.find(b"\n", len(data) - limit) + 1 or len(data) - limit
    times, offsets = _times(log.with_suffix(".times"))
    found = Lines(log.parent.name, str(log.relative_to(run)), left_out=begin)
    at = begin
    for line in data[begin:].split(b"\n"):
        piece = bisect_right(offsets, at) - 1
        text = plain(line.decode(errors="replace"))
        if text.strip():
            found.lines.append((times[piece] if piece >= 0 else None, text))
        at += len(line) + 1
    return found


def _times(path: Path) -> tuple[list[float], list[int]]:
    times: list[float] = []
    offsets: list[int] = []
    try:
        text = path.read_text(errors="replace")
    except OSError:
        return times, offsets
    for line in text.splitlines():
        time, _, offset = line.partition(" ")
        try:
            pair = float(time), int(offset)
        except ValueError:
            continue  # the last, cut where the run was killed
        times.append(pair[0])
        offsets.append(pair[1])
    return times, offsets


def read_log(log: Path, limit: int) -> Lines:
    """The last `limit` bytes of a run's log, whose lines begin with their times. Raises OSError."""
    data = log.read_bytes()
    begin = data.find(b"\n", len(data) - limit) + 1 if len(data) > limit else 0
    found = Lines("testbed", log.name, left_out=begin)
    for line in data[begin:].decode(errors="replace").splitlines():
        time, _, text = line.lstrip().partition(" ")
        try:
            found.lines.append((float(time), plain(text)))
        except ValueError:
            found.lines.append((None, plain(line)))
    return found


def plain(text: str) -> str:
    """A line as a terminal would leave it to read: without colours and other control characters."""
    text = _ESCAPES.sub("", text).rstrip("\r").rpartition("\r")[2]
    return _CONTROLS.sub("\ufffd", text)
