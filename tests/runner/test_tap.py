# SPDX-License-Identifier: MIT
"""TAP, read by a parser that is not the project's."""

from __future__ import annotations

from pathlib import Path

from tap.line import Result
from tap.parser import Parser

from testbed.runner.tap import write_tap
from testbed.scenario.verdict import Outcome, Verdict

NASTY = "\x1b[31m # SKIP \\ \n...\n---\nnot ok 7 - x \ufffe \udc80"
PASS = Verdict("uart", "e500", Outcome.PASS, seconds={"total": 3.6204}, seed=7)
FAIL = Verdict(
    "odd#name\\\nx",
    "arm-virt",
    Outcome.FAIL,
    stage="test",
    message=NASTY,
    evidence="/r/testbed.log",
    excerpt=("line", NASTY),
)
ERROR = Verdict("sata", "arm-virt", Outcome.ERROR, stage="host boot", message="died")


def points(path: Path, verdicts: list[Verdict]) -> list[Result]:
    write_tap(path, verdicts)
    lines = list(Parser().parse_file(str(path)))
    assert [line.category for line in lines[:2]] == ["version", "plan"]
    assert lines[0].version == 14
    assert lines[1].expected_tests == len(verdicts)
    assert {line.category for line in lines[2:]} <= {"test"}
    return lines[2:]


def test_each_verdict_is_a_point(tmp_path: Path) -> None:
    passed, failed, broken = points(tmp_path / "x.tap", [PASS, FAIL, ERROR])
    assert (passed.ok, passed.number, passed.description) == (True, 1, "- e500/uart")
    assert passed.yaml_block == {"duration_ms": 3620, "seed": 7}
    assert (failed.ok, failed.number, failed.skip, failed.todo) == (False, 2, False, False)
    assert "\nnot ok 2 - arm-virt/odd\\#name\\\\ x\n" in (tmp_path / "x.tap").read_text()
    assert failed.yaml_block["severity"] == "fail"
    assert failed.yaml_block["message"] == NASTY
    assert failed.yaml_block["excerpt"] == ["line", NASTY]
    assert (broken.ok, broken.yaml_block["severity"]) == (False, "error")
    assert broken.yaml_block["stage"] == "host boot"


def test_no_verdict_is_a_plan_of_none(tmp_path: Path) -> None:
    assert points(tmp_path / "x.tap", []) == []
