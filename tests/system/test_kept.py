# SPDX-License-Identifier: MIT
"""Machines that stay for a person, at a terminal of the test's own."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
from collections.abc import Callable, Iterator
from pathlib import Path

import pexpect
import pytest

from testbed.deadline import Deadline
from tests.system.conftest import SCENARIOS, TESTBED, processes_of

SECONDS = 120
STAY = "stay until Enter or Ctrl-C here"
LEAVE = "\x1dq"

Start = Callable[..., pexpect.spawn]


@pytest.fixture
def results(tmp_path: Path) -> Path:
    return tmp_path / "results"


@pytest.fixture
def at_terminal(results: Path) -> Iterator[Start]:
    """Starts `testbed` with a command and its arguments; nothing of it may be left at the end."""
    started: list[pexpect.spawn] = []

    def start(command: str, *arguments: str | Path) -> pexpect.spawn:
        words = [*TESTBED[1:], command, *map(str, arguments)]
        if command == "run":
            words += ["--board", "e500", "--results", str(results)]
        program = pexpect.spawn(sys.executable, words, timeout=SECONDS, dimensions=(24, 400))
        started.append(program)
        return program

    yield start
    for program in started:
        program.close(force=True)
    deadline = Deadline(10)
    while left := processes_of(results):
        assert not deadline.expired, left


def status_of(program: pexpect.spawn) -> int:
    """Its exit status, after what it still had to print."""
    program.expect(pexpect.EOF)
    program.close()
    assert program.exitstatus is not None, f"ended by signal {program.signalstatus}"
    return int(program.exitstatus)


@pytest.mark.parametrize("key", ["\r", "\x03"], ids=["Enter", "Ctrl-C"])
def test_the_machines_stay_until_a_key(at_terminal: Start, results: Path, key: str) -> None:
    program = at_terminal("run", "--keep", SCENARIOS / "asserts.py")
    program.expect("asserts did not pass: one is not two")
    program.expect(STAY)
    assert any("qemu-system-ppc" in line for line in processes_of(results))
    program.send(key)
    program.expect("FAIL")
    assert status_of(program) == 1
    assert not processes_of(results)


def test_a_scenario_out_of_time_stays_too(at_terminal: Start) -> None:
    program = at_terminal("run", "--keep", SCENARIOS / "never_ends.py")
    program.expect("did not end within")
    program.expect(STAY)
    program.send("\r")
    program.expect("ERROR")
    assert status_of(program) == 2


def test_another_terminal_gets_the_consoles(at_terminal: Start, results: Path) -> None:
    keeper = at_terminal("run", "--keep", SCENARIOS / "asserts.py")
    keeper.expect(STAY)
    (run,) = results.iterdir()
    for _ in range(2):  # whoever leaves can come again
        person = at_terminal("shell", run)
        person.expect("consoles: Ctrl-] h host, Ctrl-] q ends")
        person.send("echo $((6*7)) $(uname -m)\r")
        person.expect("42 ppc")
        person.send(LEAVE)
        assert status_of(person) == 0
    keeper.send("\r")
    assert status_of(keeper) == 1
    gone = at_terminal("shell", run)
    gone.expect("is kept; run it with --keep")
    assert status_of(gone) == 2


def test_the_terminal_is_at_the_consoles_at_once(at_terminal: Start) -> None:
    program = at_terminal("run", "--shell", SCENARIOS / "asserts.py")
    program.expect("consoles: Ctrl-] h host, Ctrl-] q ends")
    program.send("echo $((6*7)) $(uname -m)\r")
    program.expect("42 ppc")
    program.send(LEAVE)
    program.expect("FAIL")
    assert status_of(program) == 1


def test_a_scenario_that_passes_keeps_nothing(at_terminal: Start) -> None:
    program = at_terminal("run", "--keep", "uart-exposed")
    assert program.expect([STAY, "PASS"]) == 1
    assert status_of(program) == 0


@pytest.mark.parametrize("how", [signal.SIGTERM, signal.SIGKILL], ids=lambda how: how.name)
def test_kept_machines_end_with_the_runner(
    at_terminal: Start, results: Path, how: signal.Signals
) -> None:
    program = at_terminal("run", "--keep", SCENARIOS / "asserts.py")
    program.expect(STAY)
    os.kill(program.pid, how)
    program.expect(pexpect.EOF)
    deadline = Deadline(20)
    while left := processes_of(results):
        assert not deadline.expired, left


def test_a_set_up_scenario_is_left_to_the_person(at_terminal: Start, results: Path) -> None:
    program = at_terminal("shell", "uart", "--board", "e500", "--results", results)
    program.expect("consoles: Ctrl-] h host, Ctrl-] 0 guest0, Ctrl-] q ends")
    program.send("\x1d0")
    program.send("cat /proc/device-tree/model; echo; echo $((6*7))\r")
    program.expect("42")
    program.send(LEAVE)
    program.expect("PASS")
    assert status_of(program) == 0


@pytest.mark.parametrize("option", ["--keep", "--shell"])
def test_without_a_terminal_it_is_one_line(option: str) -> None:
    done = subprocess.run(
        [*TESTBED, "run", option, "uart"],
        capture_output=True,
        text=True,
        check=False,
        stdin=subprocess.DEVNULL,
    )
    assert done.returncode == 2
    assert "needs a terminal on its standard input" in done.stderr
    assert done.stderr.count("\n") == 1


def test_several_at_a_time_cannot_be_kept() -> None:
    done = subprocess.run(
        [*TESTBED, "run", "--keep", "-j2", "uart"], capture_output=True, text=True, check=False
    )
    assert done.returncode == 3
    assert done.stderr == "testbed: --keep is for one scenario at a time, not for -j 2\n"
