# SPDX-License-Identifier: MIT
"""Launching scenario processes: stand-ins for all but one, which takes the real way."""

from __future__ import annotations

import os
import sys
from collections.abc import Callable
from pathlib import Path
from queue import SimpleQueue
from typing import Any

import pytest

from testbed.errors import Stage, TestbedError
from testbed.options import Options
from testbed.runner.discover import ScenarioFile
from testbed.runner.launch import Launch
from testbed.scenario.verdict import Outcome, Verdict

Start = Callable[..., Launch]

# What the stand-ins begin with; `emit` is how a run tells of its stages.
PREAMBLE = """
import json, os, signal, sys, time
options = json.loads(os.environ["TESTBED_OPTIONS"])
def emit(**event):
    os.write(options["events"], (json.dumps(event) + "\\n").encode())
def leave(**verdict):
    with open(options["directory"] + "/verdict.json", "w") as stream:
        json.dump({"name": "x", "board": options["board"], "excerpt": [], **verdict}, stream)
"""

# Ends in order when it is asked to.
OBEDIENT = """
def down(*_):
    leave(verdict="ERROR", stage="test", message="ended by SIGTERM")
    sys.exit()
signal.signal(signal.SIGTERM, down)
emit(event="begin")
signal.pause()
"""


@pytest.fixture
def events() -> SimpleQueue[dict[str, Any]]:
    return SimpleQueue()


@pytest.fixture
def start(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, events: SimpleQueue[dict[str, Any]]
) -> Start:
    """Starts a program in place of a scenario's process."""
    python = tmp_path / "python"
    python.write_text(f'#!/bin/sh\nexec {sys.executable} -S "$3"\n')  # -m MODULE FILE
    python.chmod(0o755)
    monkeypatch.setattr(sys, "executable", str(python))

    def launch(program: str, options: Options | None = None) -> Launch:
        path = tmp_path / "stand_in.py"
        path.write_text(PREAMBLE + program)
        options = options or Options(results=tmp_path / "results")
        return Launch(ScenarioFile("stand-in", path), options, events.put)

    return launch


def test_the_verdict_is_the_one_the_scenario_left(start: Start, tmp_path: Path) -> None:
    options = Options(board="other", seed=5, results=tmp_path / "elsewhere")
    launch = start('leave(verdict="FAIL", message="no", seed=options["seed"])', options)
    assert launch.directory.parent == tmp_path / "elsewhere"
    assert launch.wait() == Verdict(
        name="x", board="other", verdict=Outcome.FAIL, message="no", seed=5
    )


def test_events_come_while_the_scenario_runs(
    start: Start, events: SimpleQueue[dict[str, Any]]
) -> None:
    launch = start('emit(event="begin", what="x")\nsignal.pause()')
    assert events.get(timeout=10) == {"event": "begin", "what": "x"}
    launch.end()
    launch.wait()


def test_a_process_that_ends_without_a_verdict_is_an_error_with_its_last_words(
    start: Start,
) -> None:
    launch = start('print("first")\nsys.exit("out of memory")')
    verdict = launch.wait()
    assert verdict.verdict is Outcome.ERROR
    assert verdict.stage == Stage.INFRASTRUCTURE
    assert verdict.message == "the scenario's process exited with status 1 and left no verdict"
    assert verdict.excerpt == ("first", "out of memory")
    assert verdict.evidence == str(launch.directory / "scenario.log")
    assert Verdict.read(launch.directory) == verdict


def test_a_killed_process_is_an_error_that_names_the_signal(start: Start) -> None:
    verdict = start("os.kill(os.getpid(), signal.SIGKILL)").wait()
    assert verdict.message == "the scenario's process was killed by signal 9 and left no verdict"


def test_half_a_verdict_is_none(start: Start) -> None:
    program = 'open(options["directory"] + "/verdict.json", "w").write("{\\"name\\": ")'
    verdict = start(program).wait()
    assert verdict.message == "the scenario's process exited with status 0 and left no verdict"


def test_end_lets_the_scenario_take_its_machines_down(
    start: Start, events: SimpleQueue[dict[str, Any]]
) -> None:
    launch = start(OBEDIENT)
    events.get(timeout=10)
    launch.end()
    assert launch.wait().message == "ended by SIGTERM"
    launch.end()


def test_an_interruption_ends_the_scenario_first(
    start: Start, events: SimpleQueue[dict[str, Any]], monkeypatch: pytest.MonkeyPatch
) -> None:
    launch = start(OBEDIENT)
    events.get(timeout=10)
    wait, interruptions = launch.wait, [KeyboardInterrupt()]

    def interrupted() -> Verdict:
        if interruptions:
            raise interruptions.pop()
        return wait()

    monkeypatch.setattr(launch, "wait", interrupted)
    with pytest.raises(KeyboardInterrupt):
        launch.wait_or_end()
    left = Verdict.read(launch.directory)
    assert left is not None
    assert left.message == "ended by SIGTERM"


def test_a_folder_that_takes_no_more_is_told(
    start: Start, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    launch = start('os.mkdir(options["directory"] + "/verdict.tmp")')
    assert launch.wait().message.endswith("exited with status 0 and left no verdict")
    assert f"testbed: cannot write to {launch.directory}: Is a directory" in capsys.readouterr().err
    monkeypatch.setattr("testbed.runner.invocation.FILE", "none/run.json")
    with pytest.raises(TestbedError, match="cannot write to the results folder") as caught:
        start("")
    assert caught.value.stage is Stage.INFRASTRUCTURE


def test_end_kills_a_scenario_that_does_not_end(
    start: Start, events: SimpleQueue[dict[str, Any]], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("testbed.runner.launch._GRACE_SECONDS", 0.05)
    launch = start(
        'signal.signal(signal.SIGTERM, signal.SIG_IGN)\nemit(event="begin")\n'
        "while True: signal.pause()"
    )
    events.get(timeout=10)
    launch.end()
    assert "killed by signal 9" in launch.wait().message


def test_a_scenario_is_out_of_reach_of_the_terminals_signals(
    start: Start, events: SimpleQueue[dict[str, Any]]
) -> None:
    launch = start("emit(session=os.getsid(0), input=os.read(0, 1).decode())")
    assert events.get(timeout=10)["input"] == ""
    launch.wait()
    launch = start("emit(session=os.getsid(0))")
    assert events.get(timeout=10)["session"] != os.getsid(0)
    launch.wait()


def test_the_real_process_leaves_a_verdict_about_a_broken_file(tmp_path: Path) -> None:
    path = tmp_path / "my_broken.py"
    path.write_text("import no_such_module\n")
    launch = Launch(
        ScenarioFile("my-broken", path), Options(results=tmp_path / "results"), lambda event: None
    )
    verdict = launch.wait()
    assert (verdict.name, verdict.verdict) == ("my-broken", Outcome.ERROR)
    assert verdict.evidence == str(path)
    assert verdict.message == (
        f"loading {path} failed: ModuleNotFoundError: No module named 'no_such_module'"
    )


def test_nothing_of_a_launch_stays_open(start: Start) -> None:
    before = len(list(Path("/proc/self/fd").iterdir()))
    start('leave(verdict="PASS")').wait()
    assert len(list(Path("/proc/self/fd").iterdir())) == before
