# SPDX-License-Identifier: MIT
"""Give machines the project as it is here, its environment, and a board's parts."""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping, Sequence
from contextlib import ExitStack
from pathlib import Path

from testbed.artifacts import has_fast_kernel
from testbed.deadline import Deadline
from testbed.errors import Stage, TestbedError
from testbed.fleet.machines import Machine
from testbed.fleet.project import NOT_SHARED, SHARED
from testbed.fleet.ssh import Ssh, check_programs
from testbed.paths import PROJECT
from testbed.process import Process, tail

_SECONDS = 4 * 3600
"""Sources may have to be fetched and built."""


def set_up(
    machines: Sequence[Machine],
    boards: Sequence[str],
    logs: Path,
    *,
    config: Path | None,
    scale: float,
    say: Callable[[str], None],
) -> None:
    """All machines at a time, step by step; what they say goes to a file for each in `logs`.

    TestbedError at the first step that does not succeed on all.
    """
    check_programs()
    every = [Ssh(machine, config) for machine in machines]

    def step(what: str, command: Callable[[Ssh], list[str]]) -> None:
        _step(what, {ssh.machine.name: command(ssh) for ssh in every}, logs, scale, say)

    def running(what: str, command: str) -> None:
        step(what, lambda ssh: ssh.running(command))

    step("the project", lambda ssh: ssh.sending(PROJECT, SHARED, NOT_SHARED))
    running("its environment", f"make BOARD='{' '.join(boards)}' .venv/installed")
    for board in boards:
        testbed = ".venv/bin/python -m testbed.cli.main"
        fast = " --guest-kernel fast" if has_fast_kernel(board) else ""
        running(f"parts of {board}", f"{testbed} setup --board {board} --guest-qemu built{fast}")


def _step(
    what: str,
    commands: Mapping[str, list[str]],
    logs: Path,
    scale: float,
    say: Callable[[str], None],
) -> None:
    start = time.monotonic()
    deadline = Deadline(_SECONDS * scale)
    with ExitStack() as stack:
        running = []
        for name, command in commands.items():
            process = Process(command, cwd=Path.cwd(), log=logs / f"{name}.log")
            stack.callback(process.stop)
            process.start()
            running.append((name, process))
        failed = []
        for name, process in running:
            if not process.wait(deadline):
                failed.append((name, process, f"not done after {deadline.seconds:.0f} s"))
            elif process.returncode != 0:
                failed.append((name, process, f"status {process.returncode}"))
    for name, process, how in failed:
        said = tail(process.log, 4)
        raise TestbedError(
            Stage.INFRASTRUCTURE,
            f"setting up {what} on {name}: {how}" + (f", {said[-1]}" if said else ""),
            evidence=process.log,
            excerpt=said,
        )
    say(f"{what}: on {', '.join(commands)}, {time.monotonic() - start:.0f} s")
