# SPDX-License-Identifier: MIT
from __future__ import annotations

from pathlib import Path

import pytest

from testbed.bench.sizing import Cost, PassedRun, Spread, costs, demand, passed_runs
from testbed.scenario.verdict import Outcome, Verdict


def leave(
    folder: Path,
    name: str,
    outcome: Outcome = Outcome.PASS,
    cpu_seconds: float | None = 3.0,
    peak_memory: int | None = 300,
) -> None:
    """A run's folder with its verdict and two megabytes beside it."""
    folder.mkdir(parents=True)
    Verdict(
        name,
        "e500",
        outcome,
        seconds={"total": 4.0},
        results=str(folder),
        cpu_seconds=cpu_seconds,
        peak_memory=peak_memory,
    ).write()
    (folder / "host").mkdir()
    (folder / "host" / "uart.trace").write_bytes(bytes(2_000_000))


def test_runs_that_passed_are_found_at_any_depth_and_once(tmp_path: Path) -> None:
    leave(tmp_path / "1-uart", "uart")
    leave(tmp_path / "fleet" / "7", "sata")
    leave(tmp_path / "failed", "uart", Outcome.FAIL)
    leave(tmp_path / "untold", "uart", cpu_seconds=None, peak_memory=None)
    (tmp_path / "broken").mkdir()
    (tmp_path / "broken" / "verdict.json").write_text("{")
    runs, others = passed_runs([tmp_path, tmp_path / "fleet"])
    assert [(run.name, run.board) for run in runs] == [("uart", "e500"), ("sata", "e500")]
    assert others == 3
    assert (runs[0].seconds, runs[0].cpu_seconds, runs[0].memory) == (4.0, 3.0, 300)
    assert runs[0].disk == pytest.approx(2.0, abs=0.01)


def run(name: str, cpu_seconds: float, seconds: float, memory: float = 512) -> PassedRun:
    return PassedRun(name, "x", seconds, cpu_seconds, memory, disk=1.0)


def test_a_scenario_costs_what_its_runs_did_on_each_board() -> None:
    first, second = costs([run("b", 1, 2), run("a", 5, 6), run("b", 3, 4), run("b", 8, 9)])
    assert (first.name, first.runs) == ("a", 1)
    assert second == Cost(
        "b",
        "x",
        3,
        seconds=Spread(2, 4, 9, 5),
        cpu_seconds=Spread(1, 3, 8, 4),
        memory=Spread(512, 512, 512, 512),
        disk=Spread(1, 1, 1, 1),
    )


def test_a_day_of_runs_is_each_scenario_as_often() -> None:
    """Though one was measured three times: 4 and 8 CPU seconds come to 6 each."""
    measured = costs([run("a", 8, 10, memory=1024), *[run("b", 4, 5)] * 3])
    wanted = demand(measured, 14_400)
    assert wanted.cores == pytest.approx(1.0)
    assert wanted.at_once == pytest.approx(1.25)
    assert wanted.memory == pytest.approx(1.25)
    assert wanted.disk == pytest.approx(14.4)
