# SPDX-License-Identifier: MIT
from __future__ import annotations

import json
import os
import subprocess
from pathlib import Path
from typing import Any

import pytest

from testbed import run as run_module
from testbed.errors import Stage, TestbedError
from testbed.run import Run, new_directory


class Clock:
    now = 100.0

    def monotonic(self) -> float:
        return self.now


@pytest.fixture
def clock(monkeypatch: pytest.MonkeyPatch) -> Clock:
    clock = Clock()
    monkeypatch.setattr(run_module, "time", clock)
    return clock


def test_a_stage_is_timed_without_the_steps_inside_it(tmp_path: Path, clock: Clock) -> None:
    run = Run(tmp_path)
    with run.step(Stage.TEST, "the test"):
        clock.now += 1
        with run.step(Stage.BIND, "assigning"):
            clock.now += 2
            with run.step(Stage.HOST_BOOT, "inner"):
                clock.now += 4
            assert run.stage is Stage.BIND
        clock.now += 8
        with run.step(Stage.BIND, "releasing"):
            clock.now += 16
    assert run.seconds == {"test": 9, "bind": 18, "host boot": 4}
    assert run.stage is Stage.INFRASTRUCTURE
    run.close()


def test_a_step_that_breaks_leaves_its_stage(tmp_path: Path) -> None:
    run = Run(tmp_path)
    error = TestbedError(Stage.GUEST_BOOT, "no answer")
    with (
        pytest.raises(TestbedError),
        run.step(Stage.TEST, "the test"),
        run.step(Stage.GUEST_BOOT, "booting"),
    ):
        raise error
    assert run.stage_of(error) is Stage.GUEST_BOOT
    assert run.stage_of(ValueError()) is run.stage is Stage.INFRASTRUCTURE
    assert set(run.seconds) == {Stage.TEST, Stage.GUEST_BOOT}, "the time it took is kept"
    run.close()


def test_events_are_one_object_a_line(tmp_path: Path, clock: Clock) -> None:
    reader, writer = os.pipe()
    run = Run(tmp_path, events=writer)
    with run.step(Stage.BIND, "assigning /soc/serial"):
        clock.now += 1.5
    with pytest.raises(ZeroDivisionError), run.step(Stage.TEST, "the\ntest"):
        raise ZeroDivisionError
    os.close(writer)
    with os.fdopen(reader) as stream:
        events: list[dict[str, Any]] = [json.loads(line) for line in stream]
    assert [(e["event"], e["stage"], e["what"], e["at"]) for e in events] == [
        ("begin", "bind", "assigning /soc/serial", 0),
        ("end", "bind", "assigning /soc/serial", 1.5),
        ("begin", "test", "the\ntest", 1.5),
        ("failed", "test", "the\ntest", 1.5),
    ]
    assert events[1]["seconds"] == 1.5
    run.close()


def test_a_run_goes_on_when_nobody_listens_to_its_events(tmp_path: Path) -> None:
    reader, writer = os.pipe()
    os.close(reader)
    run = Run(tmp_path, events=writer)
    with run.step(Stage.BIND, "assigning"):
        pass
    os.close(writer)
    assert "bind" in run.seconds
    run.close()


def test_notes_are_in_the_log_with_their_times(tmp_path: Path, clock: Clock) -> None:
    run = Run(tmp_path / "new" / "folder")
    clock.now += 1.25
    run.note("one\ntwo")
    run.close()
    log = (tmp_path / "new/folder/testbed.log").read_text()
    assert log == "   1.250 one\n   1.250 two\n"


def test_deadlines_are_scaled(tmp_path: Path) -> None:
    run = Run(tmp_path, timeout_scale=2.5)
    assert run.deadline(10).seconds == 25
    run.close()


def test_a_moment_is_scaled_but_never_long(tmp_path: Path) -> None:
    """A debugger's scale is a thousand."""
    for scale, seconds in ((1, 2), (2.5, 5), (1000, 30)):
        run = Run(tmp_path, timeout_scale=scale)
        assert run.moment(2).seconds == seconds
        run.close()


def test_a_command_line_can_be_run_again_from_anywhere(tmp_path: Path) -> None:
    run = Run(tmp_path)
    run.folder("guest0")
    words = ["printf", "%s|", "two words", "-append", "a='b' $HOME", "-S", "*"]
    script = run.script("guest0/run.sh", words, comment="first\nsecond")
    done = subprocess.run([script], capture_output=True, text=True, check=True, cwd="/")
    assert done.stdout == "two words|-append|a='b' $HOME|-S|*|"
    assert "# first\n# second\n" in script.read_text()
    assert "    -append 'a=" in script.read_text()
    run.close()


def test_a_results_folder_that_cannot_be_written_is_named(tmp_path: Path) -> None:
    (tmp_path / "file").touch()
    with pytest.raises(TestbedError, match=r"cannot write to the results folder .*--results"):
        Run(tmp_path / "file" / "below")
    with pytest.raises(TestbedError, match=r"cannot make a results folder in .*--results"):
        new_directory(tmp_path / "file", "uart")


def test_two_runs_never_share_a_folder(tmp_path: Path) -> None:
    folders = {new_directory(tmp_path / "results", "uart") for _ in range(5)}
    assert len(folders) == 5
    assert all(folder.is_dir() and "-uart" in folder.name for folder in folders)
