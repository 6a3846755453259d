# SPDX-License-Identifier: MIT
"""What a checklist says: of each device that a guest could be given, and of what it could not."""

from __future__ import annotations

import json
from collections.abc import Iterable
from dataclasses import asdict, dataclass, field
from enum import StrEnum
from pathlib import Path
from typing import Any


class Outcome(StrEnum):
    """`MISSING`: something has to be written first; the check says what."""

    PASS = "PASS"
    FAIL = "FAIL"
    ERROR = "ERROR"
    MISSING = "MISSING"


@dataclass(frozen=True)
class Check:
    """One line of a device's list. `text` is what was found, or what to write."""

    name: str
    outcome: Outcome
    text: str
    evidence: str = ""


@dataclass(frozen=True)
class Entry:
    """A device of the tree: `path` there, `address` as its CPUs see it, `kind` where one is known.

    `place` is its path in the emulated host, "" if it is not there. `notes` are what the part
    itself has against assigning it, `writing` is a proposal of a file that is missing.
    """

    path: str
    compatible: tuple[str, ...]
    address: int
    kind: str
    place: str
    notes: tuple[str, ...]
    checks: tuple[Check, ...]
    writing: str = ""

    def row(self, columns: Iterable[str]) -> list[Check | None]:
        """Its check of each of these names; None where none was made."""
        by_name = {check.name: check for check in self.checks}
        return [by_name.get(name) for name in columns]

    def worst(self) -> Outcome:
        found = {check.outcome for check in self.checks}
        order = (Outcome.ERROR, Outcome.FAIL, Outcome.MISSING)
        return next((outcome for outcome in order if outcome in found), Outcome.PASS)


@dataclass(frozen=True)
class Excused:
    """A node that nobody would assign, and why."""

    path: str
    compatible: tuple[str, ...]
    reason: str


@dataclass(frozen=True)
class Checklist:
    """The whole of it. `run` is the folder of the run that tested the devices, "" without one."""

    tree: str
    model: str
    board: str
    entries: tuple[Entry, ...]
    excused: tuple[Excused, ...]
    run: str = ""
    columns: tuple[str, ...] = field(default=())

    def counts(self) -> dict[Outcome, int]:
        """How many devices come to each outcome."""
        worst = [entry.worst() for entry in self.entries]
        return {outcome: worst.count(outcome) for outcome in Outcome}

    def exit_status(self) -> int:
        """0 when nothing that could be tested went wrong, 1 for a FAIL, 2 for an ERROR."""
        worst = {check.outcome for entry in self.entries for check in entry.checks}
        return 2 if Outcome.ERROR in worst else 1 if Outcome.FAIL in worst else 0

    def to_json(self) -> str:
        return json.dumps(asdict(self), indent=1) + "\n"


def groups(entries: Iterable[Entry]) -> list[list[Entry]]:
    """Devices without a model, those of one binding together."""
    found: dict[tuple[str, ...], list[Entry]] = {}
    for entry in entries:
        if not entry.kind:
            found.setdefault(entry.compatible, []).append(entry)
    return list(found.values())


def by_reason(excused: Iterable[Excused]) -> list[tuple[str, list[Excused]]]:
    """The nodes that nobody assigns, those with the same reason together."""
    found: dict[str, list[Excused]] = {}
    for node in excused:
        found.setdefault(node.reason, []).append(node)
    return list(found.items())


def save_checks(path: Path, checks: dict[str, list[Check]]) -> None:
    """Write the checks made so far, by place in the host; whole or not at all."""
    text = json.dumps({place: [asdict(check) for check in made] for place, made in checks.items()})
    temporary = path.with_suffix(".tmp")
    temporary.write_text(text + "\n")
    temporary.rename(path)


def load_checks(path: Path) -> dict[str, list[Check]]:
    """What `save_checks` wrote; nothing when the run ended before it did."""
    try:
        found: dict[str, list[dict[str, Any]]] = json.loads(path.read_text())
    except OSError:
        return {}
    return {place: list(_checks(made)) for place, made in found.items()}


def _checks(made: Iterable[dict[str, Any]]) -> Iterable[Check]:
    for fields in made:
        yield Check(**{**fields, "outcome": Outcome(fields["outcome"])})
