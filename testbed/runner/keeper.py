# SPDX-License-Identifier: MIT
"""Machines of a run that stay, until the person at the terminal has seen enough of them."""

from __future__ import annotations

import os
import sys
from pathlib import Path

from testbed.errors import Stage, TestbedError
from testbed.runner.attach import attach, wait_for_key
from testbed.runner.launch import Launch
from testbed.runner.report import printable


def leave_to_person(launch: Launch, why: str, *, attached: bool) -> None:
    """Carry the terminal to the consoles if `attached`, else say how to; then let the run go on."""
    try:
        if why:
            print(f"  {launch.scenario.name} did not pass: {printable(why)}", flush=True)
        if attached:
            attach(launch.directory)
        else:
            print(how_to_attach(launch.directory), flush=True)
            gone = os.pidfd_open(launch.pid)
            try:
                wait_for_key(gone)
            finally:
                os.close(gone)
    finally:
        launch.go_on()


def check_terminal(what: str) -> None:
    """TestbedError when there is no person who could be left something."""
    if not sys.stdin.isatty():
        raise TestbedError(
            Stage.INFRASTRUCTURE,
            f"{what} needs a terminal on its standard input, and there is none; run it in one",
        )


def how_to_attach(directory: Path) -> str:
    """What a person is told who has another terminal."""
    testbed = Path(sys.executable).with_name("testbed")
    return (
        f"  the machines of {directory} stay until Enter or Ctrl-C here; their consoles are at\n"
        f"    {testbed} shell {directory}"
    )
