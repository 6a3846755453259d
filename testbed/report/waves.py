# SPDX-License-Identifier: MIT
"""The interrupt wires of a run as a value change dump (IEEE 1364), for GTKWave and its like."""

from __future__ import annotations

import re
from collections.abc import Sequence
from pathlib import Path

from vcd import VCDWriter

from testbed.report.trace_file import Activity, Kind


def write_vcd(path: Path, activities: Sequence[Activity]) -> None:
    """Write a scope for each device that has wires; before its first level a wire is 'x'.

    Times are microseconds since the run began. Raises OSError.
    """
    changes: list[tuple[int, int, str, int]] = []
    for number, activity in enumerate(activities):
        changes += [
            (at, number, *entry.wire()) for at, entry in activity.lines() if entry.kind is Kind.WIRE
        ]
    # In order within each trace; sorting keeps the order of what came in the same microsecond.
    changes.sort(key=lambda change: change[0])
    with path.open("w") as stream, VCDWriter(stream, timescale="1 us", date="", version="") as vcd:
        scopes = _identifiers([activity.device for activity in activities])
        wires = {}
        for number, scope in enumerate(scopes):
            names = list(dict.fromkeys(wire for _, of, wire, _ in changes if of == number))
            for name, identifier in zip(names, _identifiers(names), strict=True):
                wires[number, name] = vcd.register_var(scope, identifier, "wire", size=1)
        for at, number, wire, level in changes:
            vcd.change(wires[number, wire], at, level)


def _identifiers(names: Sequence[str]) -> list[str]:
    """The names as identifiers, which dumps and viewers want, no two of them the same."""
    found: list[str] = []
    for name in names:
        base = identifier = re.sub(r"[^A-Za-z0-9_]", "_", name) or "_"
        number = 2
        while identifier in found:
            identifier, number = f"{base}_{number}", number + 1
        found.append(identifier)
    return found
