# SPDX-License-Identifier: MIT
"""Nothing outlives a run, however the run or a part of it is ended."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
from functools import partial
from pathlib import Path

import pytest

from testbed.deadline import Deadline
from testbed.paths import PROJECT
from tests.system.conftest import SCENARIOS, Testbed, processes_of

BOOTED = "restoring the arm-virt host"


def pid_of(testbed: Testbed, part: str) -> int:
    """The process of the run whose command line has `part`."""
    (found,) = [line for line in processes_of(testbed.results) if part in line]
    return int(found.split()[0])


@pytest.mark.parametrize("how", [signal.SIGINT, signal.SIGTERM], ids=lambda how: how.name)
def test_runner_is_asked_to_end(testbed: Testbed, how: signal.Signals) -> None:
    # A job in the background is born deaf to SIGINT; what is tested is one that is not.
    listening = partial(signal.signal, how, signal.SIG_DFL)
    process = testbed.start("uart", preexec_fn=listening)
    testbed.wait_for(BOOTED)
    process.send_signal(how)
    done = testbed.finish()
    assert done.status == 2
    assert done.verdicts[0]["verdict"] == "ERROR"
    assert "SIGTERM" in done.verdicts[0]["message"]
    assert not processes_of(testbed.results)


def test_runner_is_killed(testbed: Testbed) -> None:
    process = testbed.start("uart")
    testbed.wait_for(BOOTED)
    process.kill()
    process.wait()
    testbed.wait_until_nothing_runs()


def test_scenario_process_is_killed(testbed: Testbed) -> None:
    testbed.start("uart")
    testbed.wait_for(BOOTED)
    os.kill(pid_of(testbed, "testbed.scenario.process"), signal.SIGKILL)
    done = testbed.finish()
    assert done.status == 2
    assert "killed by signal 9" in done.verdicts[0]["message"]
    testbed.wait_until_nothing_runs()


@pytest.mark.parametrize(
    ("board", "qemu"), [("arm-virt", "qemu-system-aarch64"), ("e500", "qemu-system-ppc")]
)
def test_host_qemu_is_killed(testbed: Testbed, board: str, qemu: str) -> None:
    testbed.start("uart", "--board", board)
    testbed.wait_for(f"restoring the {board} host")
    os.kill(pid_of(testbed, qemu), signal.SIGKILL)
    done = testbed.finish()
    assert done.status == 2
    assert "the host's QEMU killed by signal 9" in done.verdicts[0]["message"]
    assert not processes_of(testbed.results)


@pytest.fixture
def avocado_home(tmp_path: Path) -> dict[str, str]:
    """Where avocado keeps its own files, and where scenarios it runs leave theirs."""
    return {**os.environ, "HOME": str(tmp_path), "PYTHONPATH": str(PROJECT)}


def avocado(home: dict[str, str], folder: Path, scenario: Path) -> subprocess.Popen[bytes]:
    command = [str(Path(sys.executable).parent / "avocado"), "run", str(scenario)]
    return subprocess.Popen(command, env=home, cwd=folder)


def test_avocado_runs_a_scenario(tmp_path: Path, avocado_home: dict[str, str]) -> None:
    scenario = PROJECT / "scenarios" / "uart_exposed.py"
    assert avocado(avocado_home, tmp_path, scenario).wait(120) == 0
    assert not processes_of(tmp_path)


def test_avocado_is_killed(tmp_path: Path, avocado_home: dict[str, str]) -> None:
    process = avocado(avocado_home, tmp_path, SCENARIOS / "never_ends.py")
    deadline = Deadline(60)
    while not any("qemu-system-aarch64" in line for line in processes_of(tmp_path)):
        assert not deadline.expired
        assert process.poll() is None, "avocado ended before the host was started"
    process.kill()
    process.wait()
    while left := processes_of(tmp_path):
        assert not deadline.expired, left


def test_runner_of_several_is_asked_to_end(testbed: Testbed) -> None:
    process = testbed.start("uart", "uart", "-j2", "--board", "e500")
    testbed.wait_for("restoring the e500 host")
    process.send_signal(signal.SIGTERM)
    done = testbed.finish()
    assert done.status == 2
    assert [verdict["verdict"] for verdict in done.verdicts] == ["ERROR", "ERROR"]
    assert all("SIGTERM" in verdict["message"] for verdict in done.verdicts)
    assert not processes_of(testbed.results)


def test_runner_of_several_is_killed(testbed: Testbed) -> None:
    process = testbed.start("uart", "uart", "-j2", "--board", "e500")
    testbed.wait_for("restoring the e500 host")
    process.kill()
    process.wait()
    testbed.wait_until_nothing_runs()
