# SPDX-License-Identifier: MIT
"""A run as a trace for Perfetto and other viewers of Chrome's trace events.

Source: the "Trace Event Format" of the Chromium project, JSON object form. Times are microseconds.
"""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from testbed.report.console_file import plain
from testbed.report.recording import Recording
from testbed.report.trace_file import Activity, Kind

Event = dict[str, Any]

_STEPS, _CONSOLES, _FIRST_DEVICE = 1, 2, 3
"""Processes of the trace, in the order of which viewers show them."""
_REGISTERS, _DMA, _EVENTS = 1, 2, 3
_THREADS = {_REGISTERS: "registers", _DMA: "DMA", _EVENTS: "events"}
_OF_KIND = {Kind.READ: _REGISTERS, Kind.WRITE: _REGISTERS, Kind.DMA: _DMA, Kind.EVENT: _EVENTS}


def write_perfetto(path: Path, recording: Recording) -> None:
    """Write the trace of a run, whose activities should be whole. Raises OSError."""
    with path.open("w") as stream:
        stream.write('{"displayTimeUnit": "ms", "traceEvents": [\n')
        for number, event in enumerate(events(recording)):
            stream.write((",\n" if number else "") + json.dumps(event))
        stream.write("\n]}\n")


def events(recording: Recording) -> Iterator[Event]:
    """Steps as slices, lines and accesses as instants, wires as counters."""
    yield from _steps(recording)
    yield from _consoles(recording)
    for process, activity in enumerate(recording.activities, _FIRST_DEVICE):
        yield from _device(activity, process)


def _steps(recording: Recording) -> Iterator[Event]:
    yield _name("process", "stages", _STEPS)
    levels = list(dict.fromkeys(step.level for step in recording.steps))
    for thread, level in enumerate(levels, 1):
        yield _name("thread", level, _STEPS, thread)
    for step in recording.steps:
        yield {
            "ph": "X",
            "pid": _STEPS,
            "tid": levels.index(step.level) + 1,
            "ts": step.begin * 1e6,
            "dur": (step.end - step.begin) * 1e6,
            "cat": step.stage,
            "name": plain(step.what),
            "args": {"stage": step.stage, "outcome": step.outcome},
        }


def _consoles(recording: Recording) -> Iterator[Event]:
    yield _name("process", "consoles", _CONSOLES)
    for thread, console in enumerate(recording.consoles, 1):
        yield _name("thread", console.name, _CONSOLES, thread)
        for at, text in console.lines:
            if at is not None and text:
                yield _instant(text, "console", round(at * 1e6), _CONSOLES, thread)


def _device(activity: Activity, process: int) -> Iterator[Event]:
    yield _name("process", plain(activity.device), process)
    for thread, name in _THREADS.items():
        yield _name("thread", name, process, thread)
    for at, entry in activity.lines():
        if entry.kind is Kind.WIRE:
            wire, level = entry.wire()
            yield {
                "ph": "C",
                "pid": process,
                "ts": at,
                "name": f"wire {wire}",
                "args": {"level": level},
            }
            continue
        thread = _OF_KIND.get(entry.kind, _DMA if entry.text.startswith("DMA ") else _REGISTERS)
        yield _instant(plain(entry.text), entry.kind, at, process, thread)


def _instant(name: str, category: str, at: int, process: int, thread: int) -> Event:
    return {
        "ph": "i",
        "s": "t",
        "pid": process,
        "tid": thread,
        "ts": at,
        "cat": str(category),
        "name": name,
    }


def _name(of: str, name: str, process: int, thread: int = 0) -> Event:
    return {
        "ph": "M",
        "pid": process,
        "tid": thread,
        "name": f"{of}_name",
        "args": {"name": name},
    }
