# SPDX-License-Identifier: MIT
"""Scenarios that the machines do not have are sent, with the files beside that they name."""

from __future__ import annotations

from pathlib import Path

from testbed.fleet.sent import Sent, to_send
from testbed.runner.discover import ScenarioFile


def scenario(path: Path) -> ScenarioFile:
    return ScenarioFile(path.stem, path)


def test_what_every_machine_has_is_not_sent(tmp_path: Path) -> None:
    project = tmp_path / "project"
    inside = project / "scenarios" / "sub" / "uart.py"
    tests = project / "tests" / "system" / "dies.py"
    mine = tmp_path / "uart.py"
    wanted = [scenario(path) for path in (inside, mine, tests, mine)]
    assert to_send(wanted, project) == {
        mine: Sent(mine, "scenario-0"),
        tests: Sent(tests, "scenario-1"),
    }


def test_it_goes_with_its_companions_to_a_folder_of_its_own(tmp_path: Path) -> None:
    path = tmp_path / "mine.py"
    path.write_text('import helper\nNODE = "node.dts"\n')
    for name in ("helper.py", "node.dts", "unrelated.py"):
        (tmp_path / name).touch()
    sent = Sent(path, "scenario-3")
    assert set(sent.names) == {"mine.py", "helper.py", "node.dts"}
    there = sent.there(Path("testbed-results/20261127-fleet"))
    assert there == Path("testbed-results/20261127-fleet/scenario-3/mine.py")
