# SPDX-License-Identifier: MIT
"""Running a program with an environment of its own."""

from __future__ import annotations

import subprocess
from collections.abc import Mapping, Sequence
from pathlib import Path

from testbed.artifacts.commands import SEARCH_PATH, Commands


def alone(argv: Sequence[str | Path], env: Mapping[str, str]) -> list[str | Path]:
    """A command line that runs `argv` with nothing but `env`, the search path and plain messages.

    Configure scripts and compilers obey dozens of variables that a caller may have set.
    """
    settings = {"PATH": SEARCH_PATH, "LC_ALL": "C", **env}
    return [
        *("env", "--ignore-environment"),
        *(f"{name}={value}" for name, value in settings.items()),
        *argv,
    ]


def run_alone(
    commands: Commands,
    argv: Sequence[str | Path],
    env: Mapping[str, str],
    *,
    what: str,
    cwd: Path | None = None,
) -> None:
    """Run `argv` so, to its end. Raises as `Commands.run` does."""
    process = commands.start(alone(argv, env), what=what, cwd=cwd, stdout=subprocess.PIPE)
    try:
        output, errors = process.communicate()
    finally:
        commands.forget(process)
    commands.check(process, argv, what, errors or output)
