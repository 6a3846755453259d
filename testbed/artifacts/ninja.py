# SPDX-License-Identifier: MIT
"""Running ninja: how far it is goes to the step, and what broke is its error."""

from __future__ import annotations

import os
import re
import subprocess
from collections import deque
from collections.abc import Mapping, Sequence
from contextlib import suppress
from pathlib import Path
from threading import Timer

from testbed.artifacts.alone import alone
from testbed.artifacts.failure import failure
from testbed.artifacts.targets import Workspace
from testbed.deadline import Deadline

_EDGE = re.compile(r"\[(\d+)/(\d+)\] ")
_ERROR = re.compile(r"\S+:\d+(:\d+)?: (fatal )?error: |.*undefined reference")
_KEPT_LINES = 200
_ENDING_SECONDS = 10


def run_ninja(
    work: Workspace,
    folder: Path,
    targets: Sequence[str],
    *,
    what: str,
    env: Mapping[str, str],
    deadline: Deadline,
    parts: tuple[float, float] = (0.0, 1.0),
) -> None:
    """Build `targets` in `folder`, which is `parts` of the step's work: from where to where.

    `what` completes "cannot ...", `env` is all that the build finds in its environment. Raises
    TestbedError with the first error, OSError(ENOSPC) on a full disk.
    """
    argv = ["ninja", "-C", str(folder), f"-j{len(os.sched_getaffinity(0))}", *targets]
    process = work.commands.start(
        # A session of its own: an interrupt from the terminal comes by way of Commands.stop only.
        ["setsid", *alone(argv, env)],
        what=what,
        stdout=subprocess.PIPE,
    )
    # Its children have groups of their own: ninja ends them when it is told to end, and only then.
    timer = Timer(deadline.remaining, process.terminate)
    timer.start()
    said: deque[str] = deque(maxlen=_KEPT_LINES)
    try:
        assert process.stdout is not None
        assert process.stderr is not None
        # What the compilers say comes with it; on its error output ninja says next to nothing.
        for line in process.stdout:
            text = line.decode(errors="replace").rstrip("\n")
            if edge := _EDGE.match(text):
                first, last = parts
                work.step.complete(first + (last - first) * int(edge[1]) / int(edge[2]))
            else:
                said.append(text.replace(f"{folder}/", ""))
        said.extend(process.stderr.read().decode(errors="replace").splitlines())
        process.wait()
    finally:
        timer.cancel()
        if process.poll() is None:
            process.terminate()
            with suppress(subprocess.TimeoutExpired):
                process.wait(_ENDING_SECONDS)
        work.commands.forget(process)
    if process.returncode != 0 and deadline.expired:
        raise failure(f"cannot {what}: not done after {deadline.seconds:.0f} s")
    work.commands.check(process, argv, what, "\n".join(_errors(said)).encode())


def _errors(said: deque[str]) -> list[str]:
    """Lines that name an error, not the commands ninja repeats; all lines when none does."""
    return [line for line in said if _ERROR.match(line)] or [*said]
