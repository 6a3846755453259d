# SPDX-License-Identifier: MIT
"""Scenarios on two machines: set up, run, gathered, and one of the machines lost."""

from __future__ import annotations

import json
import signal
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path
from typing import Any
from xml.etree import ElementTree

import pytest

from testbed.deadline import Deadline
from testbed.doctor import cache_folder
from testbed.fleet.private_folder import PREFIX, private_folder
from testbed.paths import PROJECT
from tests.system.fleet_rig import FleetMachine

_OWN = """\
from pathlib import Path
from kit.words import ECHO
from testbed.scenario import Scenario


class Own(Scenario):
    def test(self) -> None:
        noted = Path(__file__).with_name("note.txt").read_text()
        (self.host.folder / "note").write_text(self.host.succeed([ECHO, noted]))
"""
"""A scenario that is not in the project, and needs what lies beside it."""


class Fleet:
    """Two machines, and `testbed fleet` for them."""

    def __init__(self, folder: Path, machines: list[FleetMachine]) -> None:
        self.folder = folder
        self.machines = machines
        self.results = folder / "results"
        self._config = folder / "ssh_config"
        self._config.write_text("".join(machine.ssh_config for machine in self.machines))
        self._file = folder / "machines"
        self._file.write_text(
            "".join(f"{m.name} slots=1 checkout={m.checkout}\n" for m in self.machines)
        )

    def start(self, action: str, *arguments: str) -> subprocess.Popen[str]:
        command = [sys.executable, "-m", "testbed.cli.main", "fleet", action, str(self._file)]
        command += ["--ssh-config", str(self._config), "--results", str(self.results)]
        return subprocess.Popen(
            [*command, *arguments],
            cwd=PROJECT,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
        )

    def run(self, action: str, *arguments: str) -> str:
        """Returns its output; it has to exit with 0."""
        process = self.start(action, *arguments)
        output, _ = process.communicate(timeout=300)
        assert process.returncode == 0, output
        return output

    def wait_for(self, process: subprocess.Popen[str], text: str) -> None:
        """Read its output until a line has `text`."""
        assert process.stdout is not None
        seen = []
        for line in process.stdout:
            seen.append(line)
            if text in line:
                return
        pytest.fail(f"{text!r} never came:\n{''.join(seen)}")

    def verdicts(self) -> list[dict[str, Any]]:
        found: list[dict[str, Any]] = json.loads(self.json.read_text())["scenarios"]
        return found

    @property
    def json(self) -> Path:
        return self.folder / "verdicts.json"


@contextmanager
def two_machines(folder: Path, board: str) -> Iterator[Fleet]:
    """A fleet that is set up for a board."""
    with ExitStack() as stack:
        machines = []
        for name in ("machine0", "machine1"):
            machines.append(FleetMachine(folder, name, cache_folder()))
            stack.callback(machines[-1].remove)
            machines[-1].install()
        fleet = Fleet(folder, machines)
        fleet.run("setup", "--board", board)
        yield fleet


@pytest.fixture(scope="module")
def installed(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Fleet]:
    with two_machines(tmp_path_factory.mktemp("fleet"), "e500") as fleet:
        yield fleet


def private_folders() -> set[Path]:
    """Of this machine, and of those that are only networks of their own on it."""
    return set(Path(tempfile.gettempdir()).glob(f"{PREFIX}*"))


def wait_until_nothing_runs(machine: FleetMachine) -> None:
    deadline = Deadline(30)
    while left := machine.processes():
        assert not deadline.expired, f"left behind on {machine.name}: {left}"


def test_scenarios_are_run_on_both_and_gathered(installed: Fleet, tmp_path: Path) -> None:
    junit = tmp_path / "junit.xml"
    own = tmp_path / "own.py"
    own.write_text(_OWN)
    own.with_name("note.txt").write_text("from beside")
    (tmp_path / "kit").mkdir()
    (tmp_path / "kit" / "words.py").write_text('ECHO = "echo"\n')
    output = installed.run(
        *("run", "uart", str(own), "--board", "e500", "--repeat", "2"),
        *("--json", str(installed.json), "--junit", str(junit)),
    )
    verdicts = installed.verdicts()
    assert [v["name"] for v in verdicts] == ["uart", "own"] * 2
    assert {v["verdict"] for v in verdicts} == {"PASS"}, output
    assert {v["machine"] for v in verdicts} == {"machine0", "machine1"}
    for verdict in verdicts:
        results = Path(verdict["results"])
        assert results.is_relative_to(installed.results), "gathered here"
        assert json.loads((results / "verdict.json").read_text()) == verdict
        assert (results / "host" / "console.log").exists()
        if verdict["name"] == "own":
            assert (results / "host" / "note").read_text() == "from beside\n"
    assert len(ElementTree.parse(junit).getroot().findall("testcase")) == 4
    assert "4 PASS, 0 FAIL, 0 ERROR" in output
    for machine in installed.machines:
        wait_until_nothing_runs(machine)


def test_what_a_lost_machine_had_begun_is_an_error_and_the_rest_is_taken_over(
    tmp_path: Path,
) -> None:
    with two_machines(tmp_path, "e500") as fleet:
        process = fleet.start(
            *("run", "uart", "--board", "e500", "--repeat", "4", "--json", str(fleet.json))
        )
        fleet.wait_for(process, "begins on machine1")
        fleet.machines[1].die()
        output, _ = process.communicate(timeout=300)
        assert process.returncode == 2, output
        verdicts = fleet.verdicts()
        assert len(verdicts) == 4
        (lost,) = [v for v in verdicts if v["verdict"] != "PASS"]
        assert (lost["verdict"], lost["stage"]) == ("ERROR", "infrastructure")
        assert lost["machine"] == "machine1"
        assert "the connection to machine1 ended before the scenario did" in lost["message"]
        assert Path(lost["evidence"]).exists()
        assert Path(lost["results"], "verdict.json").exists()
        assert {v["machine"] for v in verdicts if v is not lost} == {"machine0"}


@pytest.mark.parametrize("how", [signal.SIGTERM, signal.SIGKILL], ids=lambda how: how.name)
def test_nothing_stays_on_the_machines_when_it_is_ended(
    installed: Fleet, how: signal.Signals
) -> None:
    before = private_folders()
    process = installed.start("run", "uart", "--board", "e500", "--repeat", "9")
    for machine in installed.machines:
        installed.wait_for(process, f"begins on {machine.name}")
    process.send_signal(how)
    process.communicate(timeout=60)
    for machine in installed.machines:
        wait_until_nothing_runs(machine)
    with private_folder():
        pass  # as the next run does, which removes what a killed one has left
    assert private_folders() <= before
