# SPDX-License-Identifier: MIT
"""Timing whole runs: what is counted, and what is said of a run that does not pass."""

from __future__ import annotations

import sys
from pathlib import Path

import pytest

from testbed.bench import beside_qemu
from testbed.errors import Stage, TestbedError
from testbed.options import Options

# Stands in for `testbed run SCENARIO ...`: a verdict by the scenario's name.
COMMAND = """
import json, sys
from pathlib import Path
scenario = sys.argv[4]
folder = Path(sys.argv[sys.argv.index("--results") + 1], "run")
print("ran", scenario, *sys.argv[sys.argv.index("--timeout-scale") + 2 :])
if {leaves}:
    folder.mkdir()
    seconds = {{"bind": 20.0 if "reference" in scenario else 10.0, "total": 30.0}}
    verdict = {{"name": "x", "board": "b", "verdict": {verdict!r}, "excerpt": []}}
    (folder / "verdict.json").write_text(json.dumps(verdict | {{"seconds": seconds}}))
"""


def stand_in(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, *, verdict: str = "PASS", leaves: bool = True
) -> Options:
    program = tmp_path / "program.py"
    program.write_text(COMMAND.format(verdict=verdict, leaves=leaves))
    python = tmp_path / "python"
    python.write_text(f'#!/bin/sh\nexec {sys.executable} -S {program} "$@"\n')
    python.chmod(0o755)
    monkeypatch.setattr(sys, "executable", str(python))
    return Options(results=tmp_path / "results")


def test_both_ways_and_their_ratio(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    figures = {f.name: f for f in beside_qemu.measure_beside_qemu(stand_in(tmp_path, monkeypatch))}
    reference = "uart as QEMU's own nested test"
    assert list(figures) == [
        "uart: command to verdict",
        "uart: bind",
        f"{reference}: command to verdict",
        f"{reference}: bind",
        f"{reference} / uart: command to verdict",
    ]
    assert figures["uart: bind"].median == 10
    assert figures[f"{reference}: bind"].median == 20
    ours, theirs = (figures[f"{name}: command to verdict"] for name in ("uart", reference))
    ratio = figures[f"{reference} / uart: command to verdict"]
    assert ratio.median == theirs.median / ours.median
    runs = list((tmp_path / "results").glob("*-bench/*-uart*"))
    assert len(runs) == 4, "one that warms up and three that count"


def test_a_board_without_9p_has_no_reference(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    options = stand_in(tmp_path, monkeypatch)
    options = Options(board="e500", results=options.results)
    names = [figure.name for figure in beside_qemu.measure_beside_qemu(options)]
    assert names == ["uart: command to verdict", "uart: bind"]


def test_what_was_chosen_is_what_is_timed(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    options = stand_in(tmp_path, monkeypatch)
    chosen = Options(results=options.results, nested_qemu="stock", kernel_series="6.1")
    list(beside_qemu.measure_beside_qemu(chosen))
    said = {path.read_text() for path in (tmp_path / "results").glob("*/*/output.log")}
    assert len(said) == 2
    assert all(text.endswith(" --kernel 6.1 --guest-qemu stock\n") for text in said)


@pytest.mark.parametrize(
    ("left", "came"),
    [({"verdict": "FAIL"}, "FAIL"), ({"leaves": False}, "no verdict")],
    ids=["fails", "breaks"],
)
def test_a_run_that_does_not_pass_is_no_figure(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, left: dict[str, object], came: str
) -> None:
    options = stand_in(tmp_path, monkeypatch, **left)  # type: ignore[arg-type]
    with pytest.raises(TestbedError) as caught:
        list(beside_qemu.measure_beside_qemu(options))
    assert caught.value.stage is Stage.TEST
    assert caught.value.message.startswith(f"timing 'testbed run uart': {came} came")
    assert caught.value.evidence is not None
    assert caught.value.evidence.read_text() == "ran uart\n"
