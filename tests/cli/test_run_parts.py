# SPDX-License-Identifier: MIT
"""What `testbed run` has ready before the first scenario starts, and for which of them."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
from launch_rig import Log

from testbed.cli import main, run


@pytest.fixture
def log(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Log:
    """In a folder with the scenarios plain.py and typed.py; the latter needs the built QEMU."""
    monkeypatch.chdir(tmp_path)
    for name, line in (("plain", "pass"), ("typed", 'guest_tree = "qemu"')):
        (tmp_path / f"{name}.py").write_text(f'"""Nothing."""\nclass A:\n    {line}\n')
    log = Log()
    monkeypatch.setattr(run, "parts_for", log.parts_for)
    monkeypatch.setattr(run, "Launch", log.launch)
    return log


def status_of(*words: str) -> int:
    return main.main(["run", "--results", "results", *words])


@pytest.mark.parametrize("order", [("plain.py", "typed.py"), ("typed.py", "plain.py")])
def test_both_kinds_of_nested_qemu_are_ready_before_any_scenario(
    log: Log, order: tuple[str, str]
) -> None:
    """The built one first, as then all use it."""
    assert status_of(*order) == 0
    on = {"plain.py": "plain on None", "typed.py": "typed on built"}
    assert log.lines == ["prepare built", "prepare None", *(on[name] for name in order)]


def test_one_kind_is_prepared_once(log: Log) -> None:
    assert status_of("plain.py", "plain.py") == 0
    assert log.lines == ["prepare None", "plain on None", "plain on None"]


def test_trees_by_qemu_need_the_built_one(log: Log) -> None:
    assert status_of("--guest-tree", "qemu", "plain.py") == 0
    assert log.lines == ["prepare built", "plain on built"]


def test_choice_of_the_person_stays(log: Log) -> None:
    assert status_of("--guest-qemu", "stock", "plain.py", "typed.py") == 0
    assert log.lines == ["prepare stock", "plain on stock", "typed on stock"]


def test_what_could_not_be_prepared_is_the_error_of_those_who_need_it(
    log: Log, capfd: pytest.CaptureFixture[Any]
) -> None:
    log.broken = ("built",)
    assert status_of("plain.py", "typed.py") == 2
    assert log.lines == ["prepare built", "prepare None", "plain on None"]
    assert "no built QEMU" in capfd.readouterr().out


def test_what_is_repeated_is_prepared_once_and_summed_up(
    log: Log, capfd: pytest.CaptureFixture[Any]
) -> None:
    assert status_of("--repeat", "2", "-j", "auto", "plain.py") == 0
    assert log.lines == ["prepare None", "plain on None", "plain on None"]
    assert "plain, 2 times: 2 PASS, 0 FAIL, 0 ERROR\n" in capfd.readouterr().out


def test_until_fail_ends_with_the_first_failure(
    log: Log, capfd: pytest.CaptureFixture[Any]
) -> None:
    log.fails_at = 3
    assert status_of("--until-fail", "-j1", "plain.py") == 1
    assert log.lines == ["prepare None", *["plain on None"] * 3]
    said = "plain, 3 times: 2 PASS, 1 FAIL, 0 ERROR; the first not to pass with --seed 3 is /r/3"
    assert said in capfd.readouterr().out
