# SPDX-License-Identifier: MIT
"""What `testbed replay` makes of a bundle's options and of those it is given."""

from __future__ import annotations

import dataclasses
import json
from pathlib import Path

import pytest
from launch_rig import Log

from testbed.bundle.pack import pack
from testbed.cli import main, run
from testbed.options import Options
from tests.bundle.bundle_rig import SEED, make_run

BUNDLED = Options(board="e500", timeout_scale=2, keep=True, gdb="host", nested_qemu="built")


@pytest.fixture
def log(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Log:
    """In a folder with run.tar.gz, of a run with the options above that failed."""
    monkeypatch.chdir(tmp_path)
    pack(make_run(tmp_path / "there", BUNDLED), tmp_path / "run.tar.gz")
    log = Log()
    monkeypatch.setattr(run, "parts_for", log.parts_for)
    monkeypatch.setattr(run, "Launch", log.launch)
    return log


def replay(*words: str) -> int:
    try:
        return main.main(["replay", "run.tar.gz", *words])
    except SystemExit as end:
        return int(end.code or 0)


def test_the_person_who_replays_is_another(log: Log, tmp_path: Path) -> None:
    """Seed, deadlines and parts are the run's; its machines are nobody's to keep or to stop."""
    assert replay() == 0
    (folder,) = (tmp_path / "testbed-results").iterdir()
    assert log.options == [
        dataclasses.replace(
            BUNDLED,
            seed=SEED,
            keep=False,
            gdb=None,
            results=tmp_path / "testbed-results",
            manifest=folder / "run" / "manifest.json",
        )
    ]


@pytest.mark.parametrize(
    ("words", "fields"),
    [
        (("--timeout-scale", "3"), {"timeout_scale": 6}),
        (("--seed", "7"), {"seed": 7}),
        (("--seed", "0"), {"seed": 0}),
        (("--gdb", "host"), {"gdb": "host"}),
        (("--cold",), {"cold": True}),
    ],
)
def test_what_the_command_line_says_counts(
    log: Log, words: tuple[str, ...], fields: dict[str, object]
) -> None:
    assert replay(*words) == 0
    (options,) = log.options
    assert {name: getattr(options, name) for name in fields} == fields


def test_it_is_repeated_until_it_fails(log: Log, capfd: pytest.CaptureFixture[str]) -> None:
    log.fails_at = 3
    assert replay("--until-fail", "-j1", "--json", "verdicts.json") == 1
    assert [options.seed for options in log.options] == [SEED] * 3
    assert len(json.loads(Path("verdicts.json").read_text())["scenarios"]) == 3
    said = capfd.readouterr().out
    assert "mine, 3 times: 2 PASS, 1 FAIL, 0 ERROR; " in said
    assert said.endswith("the bundle's verdict was FAIL: no; 0 of 3 runs had it\n")


def test_parts_that_cannot_be_had_are_the_verdict(
    log: Log, capfd: pytest.CaptureFixture[str]
) -> None:
    log.broken = ("built",)
    assert replay("--json", "verdicts.json") == 2
    assert log.options == []
    (verdict,) = json.loads(Path("verdicts.json").read_text())["scenarios"]
    assert (verdict["verdict"], verdict["stage"]) == ("ERROR", "artifacts")
    assert "ERROR (artifacts)" in capfd.readouterr().out


@pytest.mark.usefixtures("log")
@pytest.mark.parametrize(
    ("words", "status", "said"),
    [
        (("--keep", "-j2"), 3, "--keep is for one scenario at a time, not for -j 2"),
        (("--shell",), 2, "testbed replay --shell needs a terminal on its standard input"),
    ],
)
def test_what_cannot_be_done_leaves_nothing(
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
    words: tuple[str, ...],
    status: int,
    said: str,
) -> None:
    monkeypatch.setattr("sys.stdin", (tmp_path / "run.tar.gz").open())
    assert replay(*words) == status
    assert said in capsys.readouterr().err
    assert not (tmp_path / "testbed-results").exists()
