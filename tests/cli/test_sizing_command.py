# SPDX-License-Identifier: MIT
from __future__ import annotations

import json
from pathlib import Path

import pytest

from testbed.cli import main
from testbed.scenario.verdict import Outcome, Verdict


@pytest.fixture
def results(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.chdir(tmp_path)
    folder = tmp_path / "testbed-results"
    for number, outcome in enumerate((Outcome.PASS, Outcome.PASS, Outcome.FAIL)):
        (folder / str(number)).mkdir(parents=True)
        Verdict(
            "uart",
            "arm-virt",
            outcome,
            seconds={"total": 10.0 + number},
            results=str(folder / str(number)),
            cpu_seconds=8.64,
            peak_memory=400,
        ).write()
    return folder


def test_it_prints_the_figures_and_what_a_day_takes(
    results: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main.main(["sizing", "--json", "sizing.json"]) == 0
    printed = capsys.readouterr().out
    assert "uart      arm-virt     2   10.0  10.5  11.0    8.6   8.6   8.6" in printed
    assert "1 more did not pass and are left out\n" in printed
    assert "10,000 runs a day, each scenario as often as any other" in printed
    assert "  1.0 cores busy all the time\n" in printed
    document = json.loads((results.parent / "sizing.json").read_text())
    assert document["scenarios"][0]["seconds"]["median"] == 10.5
    assert document["a day"]["cores"] == pytest.approx(1.0)


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (["none"], "testbed: none: no such folder; give one below which runs left theirs\n"),
        (
            ["empty"],
            "testbed: no run below empty has passed and says what it took; 'testbed run' some"
            " first\n",
        ),
    ],
)
def test_without_runs_it_says_so(
    results: Path, capsys: pytest.CaptureFixture[str], words: list[str], said: str
) -> None:
    Path("empty").mkdir()
    assert main.main(["sizing", *words]) == 3
    assert capsys.readouterr().err == said


def test_a_name_is_no_markup(results: Path, capsys: pytest.CaptureFixture[str]) -> None:
    Verdict(
        "odd[/x]",
        "e500",
        Outcome.PASS,
        seconds={"total": 1.0},
        results=str(results / "0"),
        cpu_seconds=1.0,
        peak_memory=100,
    ).write()
    assert main.main(["sizing"]) == 0
    assert "odd[/x]" in capsys.readouterr().out
