# SPDX-License-Identifier: MIT
"""What runs cost, from what they left, and what a number of them a day takes.

CPU seconds and peaks of memory are those that verdicts have (testbed.scenario.usage).
"""

from __future__ import annotations

import statistics
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path

from testbed.scenario.verdict import VERDICT_FILE, Outcome, Verdict

_DAY = 86_400.0
_MIB_PER_GIB = 1024
_MB, _GB = 10**6, 10**9


@dataclass(frozen=True)
class Spread:
    """Of one figure over several runs."""

    low: float
    median: float
    high: float
    mean: float

    @classmethod
    def of(cls, values: Sequence[float]) -> Spread:
        return cls(min(values), statistics.median(values), max(values), statistics.fmean(values))


@dataclass(frozen=True)
class PassedRun:
    """One run. `memory` in MiB resident at its peak, `disk` in MB of what it left."""

    name: str
    board: str
    seconds: float
    cpu_seconds: float
    memory: float
    disk: float


@dataclass(frozen=True)
class Cost:
    """Of a scenario on a board: `runs` of them; units as in PassedRun."""

    name: str
    board: str
    runs: int
    seconds: Spread
    cpu_seconds: Spread
    memory: Spread
    disk: Spread


@dataclass(frozen=True)
class Demand:
    """What so many `runs` a day take, spread evenly over the day.

    `cores` are busy all the time, `at_once` runs under way at any, `memory` is in GiB if each of
    those needs what the largest does, `disk` in GB that a day leaves.
    """

    runs: int
    cores: float
    at_once: float
    memory: float
    disk: float


def passed_runs(folders: Iterable[Path]) -> tuple[list[PassedRun], int]:
    """The runs below `folders` that passed, and how many others there are.

    One that did not pass ended early or waited for a deadline, so its figures are no measure.
    """
    passed, others = [], 0
    for path in sorted({path for folder in folders for path in folder.rglob(VERDICT_FILE)}):
        verdict = Verdict.read(path.parent)
        run = _passed(verdict, path.parent) if verdict is not None else None
        if run is None:
            others += 1
        else:
            passed.append(run)
    return passed, others


def _passed(verdict: Verdict, folder: Path) -> PassedRun | None:
    seconds = verdict.seconds.get("total")
    cpu_seconds, memory = verdict.cpu_seconds, verdict.peak_memory
    if verdict.verdict is not Outcome.PASS:
        return None
    if seconds is None or cpu_seconds is None or memory is None:
        return None
    return PassedRun(
        name=verdict.name,
        board=verdict.board,
        seconds=seconds,
        cpu_seconds=cpu_seconds,
        memory=memory,
        disk=sum(file.stat().st_size for file in folder.rglob("*") if file.is_file()) / _MB,
    )


def costs(runs: Iterable[PassedRun]) -> list[Cost]:
    """Of each scenario on each board, by name."""
    groups: dict[tuple[str, str], list[PassedRun]] = {}
    for run in runs:
        groups.setdefault((run.name, run.board), []).append(run)
    return [
        Cost(
            name,
            board,
            len(group),
            seconds=Spread.of([run.seconds for run in group]),
            cpu_seconds=Spread.of([run.cpu_seconds for run in group]),
            memory=Spread.of([run.memory for run in group]),
            disk=Spread.of([run.disk for run in group]),
        )
        for (name, board), group in sorted(groups.items())
    ]


def demand(costs: Sequence[Cost], runs: int) -> Demand:
    """Of `runs` a day, each scenario as often as any other however often it was measured."""
    seconds = statistics.fmean(cost.seconds.mean for cost in costs)
    cpu_seconds = statistics.fmean(cost.cpu_seconds.mean for cost in costs)
    at_once = runs * seconds / _DAY
    return Demand(
        runs,
        cores=runs * cpu_seconds / _DAY,
        at_once=at_once,
        memory=at_once * max(cost.memory.high for cost in costs) / _MIB_PER_GIB,
        disk=runs * statistics.fmean(cost.disk.mean for cost in costs) * _MB / _GB,
    )
