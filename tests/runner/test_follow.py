# SPDX-License-Identifier: MIT
from __future__ import annotations

from pathlib import Path

import pytest

from testbed.runner.follow import RunLogs


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    for machine in ("host", "guest0"):
        (tmp_path / machine).mkdir()
    return tmp_path


def add(path: Path, content: bytes) -> None:
    with path.open("ab") as stream:
        stream.write(content)


def test_each_whole_line_is_told_once_and_whose_it_is(folder: Path) -> None:
    logs = RunLogs(folder, own=False)
    assert list(logs.new_lines()) == []
    add(folder / "host/console.log", b"one\r\ntwo\r\nth")
    assert list(logs.new_lines()) == [("host", "one"), ("host", "two")]
    assert list(logs.new_lines()) == []
    add(folder / "guest0/console.log", b"a\n")
    add(folder / "host/console.log", b"ree\n")
    assert list(logs.new_lines()) == [("guest0", "a"), ("host", "three")]


def test_an_unfinished_line_is_told_at_the_end(folder: Path) -> None:
    add(folder / "host/console.log", b"one\n# ")
    logs = RunLogs(folder, own=False)
    assert list(logs.rest()) == [("host", "one"), ("host", "# ")]


def test_a_line_without_end_is_told_in_pieces(folder: Path) -> None:
    logs = RunLogs(folder, own=False)
    add(folder / "host/console.log", b"x" * 5000)
    assert list(logs.new_lines()) == [("host", "x" * 5000)]
    add(folder / "host/console.log", b"y\n")
    assert list(logs.new_lines()) == [("host", "y")]


def test_bytes_that_are_no_text_are_told_all_the_same(folder: Path) -> None:
    add(folder / "host/console.log", b"\xff\xfe\n")
    assert list(RunLogs(folder, own=False).rest()) == [("host", "\ufffd\ufffd")]


@pytest.mark.parametrize("own", [True, False])
def test_the_runs_own_log_is_told_if_asked_for(folder: Path, own: bool) -> None:
    add(folder / "testbed.log", b"   0.001 seed 1\n")
    told = [("testbed", "   0.001 seed 1")] if own else []
    assert list(RunLogs(folder, own=own).rest()) == told
