# SPDX-License-Identifier: MIT
from __future__ import annotations

from contextlib import suppress
from pathlib import Path

import pytest

from testbed.errors import Stage
from testbed.report.steps import read_steps
from testbed.run import STEPS_FILE, Run


def test_steps_are_read_back_as_they_nested(tmp_path: Path) -> None:
    run = Run(tmp_path)
    with run.step(Stage.HOST_BOOT, "booting"):
        pass
    with suppress(ZeroDivisionError), run.step(Stage.TEST, "the\ntest"):
        with run.step(Stage.BIND, "assigning"), run.step(Stage.BIND, "assigning"):
            pass
        with run.step(Stage.GUEST_BOOT, "booting"):
            raise ZeroDivisionError
    run.close()
    steps = read_steps(tmp_path)
    assert [(s.stage, s.what, s.depth, s.outcome, s.level) for s in steps] == [
        ("host boot", "booting", 0, "end", "host"),
        ("test", "the\ntest", 0, "failed", "scenario"),
        ("bind", "assigning", 1, "end", "host"),
        ("bind", "assigning", 2, "end", "host"),
        ("guest boot", "booting", 1, "failed", "guest"),
    ]
    assert all(0 <= step.begin <= step.end <= round(run.elapsed, 3) for step in steps)
    outer, inner = steps[2:4]
    assert outer.begin <= inner.begin <= inner.end <= outer.end


def test_a_killed_run_leaves_steps_open_until_its_last_moment(tmp_path: Path) -> None:
    (tmp_path / STEPS_FILE).write_text(
        '{"at": 1, "event": "begin", "stage": "test", "what": "a"}\n'
        '{"at": 2, "event": "begin", "stage": "bind", "what": "b"}\n'
        '{"at": 4, "event": "end", "stage": "bind", "what": "b"}\n'
        '{"at": 5, "event": "begin", "sta'
    )
    (test, bind) = read_steps(tmp_path)
    assert (test.outcome, test.begin, test.end) == ("open", 1, 4)
    assert (bind.outcome, bind.begin, bind.end) == ("end", 2, 4)


@pytest.mark.parametrize("text", ["", "[]\n", "3\n", "{}\n", '{"at": "x"}\n', "null\n", "\x00"])
def test_what_is_no_event_is_no_step(tmp_path: Path, text: str) -> None:
    (tmp_path / STEPS_FILE).write_text(text)
    assert read_steps(tmp_path) == []


def test_an_end_without_a_begin_is_no_step(tmp_path: Path) -> None:
    (tmp_path / STEPS_FILE).write_text('{"at": 1, "event": "end", "stage": "t", "what": "a"}\n')
    assert read_steps(tmp_path) == []


def test_a_run_without_steps_has_none(tmp_path: Path) -> None:
    assert read_steps(tmp_path) == []
