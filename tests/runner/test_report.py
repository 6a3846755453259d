# SPDX-License-Identifier: MIT
from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path
from xml.etree import ElementTree

import pytest

from testbed.runner.report import exit_status, write_json, write_junit
from testbed.scenario.verdict import Outcome, Verdict

NASTY = "\x1b[31m\x00 <b>&amp; ]]> \x7f \ufffe \udc80 ümlaut\ttab"
CLEAN = "\ufffd[31m\ufffd <b>&amp; ]]> \ufffd \ufffd \ufffd ümlaut\ttab"

PASS = Verdict("uart", "arm-virt", Outcome.PASS, seconds={"test": 1.5, "total": 12.25}, seed=7)
FAIL = Verdict(
    "uart-kill",
    "arm-virt",
    Outcome.FAIL,
    stage="test",
    message=NASTY,
    seconds={"total": 2.0},
    results="/r/kill",
    evidence="/r/kill/testbed.log",
    excerpt=("line", NASTY),
)
ERROR = replace(
    FAIL, name="odd\x01name", verdict=Outcome.ERROR, stage="host boot", message="[/bold] died"
)
ALL = [PASS, FAIL, ERROR]


def test_json_gives_back_every_verdict(tmp_path: Path) -> None:
    path = tmp_path / "report.json"
    write_json(path, ALL)
    document = json.loads(path.read_text())
    assert list(document) == ["scenarios"]
    assert document["scenarios"][0]["seconds"] == {"test": 1.5, "total": 12.25}
    assert document["scenarios"] == [
        verdict.to_dict() | {"excerpt": list(verdict.excerpt)} for verdict in ALL
    ]


def test_junit_is_xml_whatever_was_printed(tmp_path: Path) -> None:
    path = tmp_path / "report.xml"
    write_junit(path, ALL)
    suite = ElementTree.fromstring(path.read_bytes())
    assert suite.attrib == {
        "name": "testbed",
        "tests": "3",
        "failures": "1",
        "errors": "1",
        "time": "16.250",
    }
    passed, failed, broken = suite.findall("testcase")
    assert passed.attrib == {"classname": "testbed.arm-virt", "name": "uart", "time": "12.250"}
    assert list(passed) == []
    failure = failed[0]
    assert (failure.tag, failure.get("type")) == ("failure", "test")
    assert failure.get("message") == CLEAN
    assert failure.text == f"line\n{CLEAN}\nsee /r/kill/testbed.log"
    assert (broken[0].tag, broken[0].get("type")) == ("error", "host boot")
    assert broken.get("name") == "odd\ufffdname"


@pytest.mark.parametrize(
    ("verdicts", "status"),
    [([PASS], 0), ([PASS, FAIL], 1), ([FAIL, ERROR, PASS], 2), ([ERROR], 2)],
)
def test_the_exit_status_says_the_worst(verdicts: list[Verdict], status: int) -> None:
    assert exit_status(verdicts) == status
