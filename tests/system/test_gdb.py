# SPDX-License-Identifier: MIT
"""gdb stops a machine's kernel at its first function, by the very line that the run prints."""

from __future__ import annotations

import subprocess

import pytest

from tests.system.conftest import Testbed

COMMANDS = " -nx -batch -ex continue -ex 'info symbol $pc' -ex detach"


@pytest.mark.parametrize(
    ("board", "machine"), [("e500", "host"), ("arm-virt", "host"), ("arm-virt", "guest")]
)
def test_gdb_stops_where_it_was_told_to(testbed: Testbed, board: str, machine: str) -> None:
    process = testbed.start("uart", "--board", board, "--gdb", machine)
    assert process.stdout is not None
    line = next(line for line in process.stdout if "gdb-multiarch" in line)
    done = subprocess.run(
        line.strip() + COMMANDS,
        shell=True,
        capture_output=True,
        text=True,
        check=False,
        stdin=subprocess.DEVNULL,
        timeout=120,
    )
    assert "start_kernel in section .text" in done.stdout, done.stderr
    ended = testbed.finish()
    assert ended.status == 0, ended.output


def test_killed_while_it_waits_leaves_nothing(testbed: Testbed) -> None:
    process = testbed.start("uart", "--board", "e500", "--gdb", "host")
    testbed.wait_for("gdb-multiarch")
    process.kill()
    process.wait()
    testbed.wait_until_nothing_runs()
