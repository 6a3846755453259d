# SPDX-License-Identifier: MIT
"""gdb stops a machine's kernel at its first function, by the very line that the run prints."""

from __future__ import annotations

import re
import subprocess

import pytest

from tests.system.conftest import Testbed


def attach(testbed: Testbed, board: str, machine: str) -> str:
    """Start `uart` with that machine stopped; the line to attach with."""
    process = testbed.start("uart", "--board", board, "--gdb", machine)
    assert process.stdout is not None
    return next(line for line in process.stdout if "gdb-multiarch" in line).strip()


def gdb(line: str, *commands: str) -> str:
    """What gdb prints, attached by this line, for these and then leaves."""
    words = " ".join(f"-ex '{command}'" for command in commands)
    done = subprocess.run(
        f"{line} -nx -batch {words}",
        shell=True,
        capture_output=True,
        text=True,
        check=False,
        stdin=subprocess.DEVNULL,
        timeout=120,
    )
    return done.stdout + done.stderr


@pytest.mark.parametrize("board", ["e500", "arm-virt"])
@pytest.mark.parametrize("machine", ["host", "guest"])
def test_gdb_stops_where_it_was_told_to(testbed: Testbed, board: str, machine: str) -> None:
    said = gdb(attach(testbed, board, machine), "continue", "info symbol $pc", "detach")
    assert re.search(r"^start_kernel( \+ \d+)? in section .text", said, re.MULTILINE), said
    ended = testbed.finish()
    assert ended.status == 0, ended.output


def test_a_step_is_one_instruction_even_if_kvm_emulates_it(testbed: Testbed) -> None:
    """The kernel of e500 begins with a nop and a call of a function that begins with mfmsr."""
    line, _, _ = attach(testbed, "e500", "guest").partition(" -ex 'watch")
    said = gdb(line, *(4 * ("x/i $pc", "stepi")), "detach")
    steps = re.findall(r"^=> 0x([0-9a-f]+).*:\t(\w+)", said, re.MULTILINE)
    ended = testbed.finish()
    assert [name for _, name in steps[:3]] == ["nop", "bl", "mfmsr"], said
    assert int(steps[3][0], 16) == int(steps[2][0], 16) + 4, said
    assert ended.status == 0, ended.output


def test_killed_while_it_waits_leaves_nothing(testbed: Testbed) -> None:
    process = testbed.start("uart", "--board", "e500", "--gdb", "host")
    testbed.wait_for("gdb-multiarch")
    process.kill()
    process.wait()
    testbed.wait_until_nothing_runs()
