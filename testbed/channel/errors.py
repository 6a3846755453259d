# SPDX-License-Identifier: MIT
"""What can go wrong between the workstation and an agent, and with a command run by it."""

from __future__ import annotations

import shlex
from collections.abc import Sequence

_SHOWN_COMMAND = 160
_SHOWN_LINE = 200


class ChannelError(Exception):
    """The channel or the agent at its end did not do what was asked."""


class ChannelTimeout(ChannelError):
    """A deadline passed. `last_lines` are the last lines of output that did come."""

    def __init__(self, message: str, last_lines: tuple[str, ...] = ()) -> None:
        super().__init__(message)
        self.last_lines = last_lines


class ChannelClosed(ChannelError):
    """The channel, or the stream, is gone."""


class AgentError(ChannelError):
    """The agent refused a request. `errno` is the machine's own error number."""

    def __init__(self, message: str, errno: int) -> None:
        super().__init__(message)
        self.errno = errno


class CommandFailed(Exception):
    """A command ended with another status than 0. `returncode` is -N after signal N."""

    def __init__(
        self, machine: str, argv: Sequence[str], returncode: int, stdout: bytes, stderr: bytes
    ) -> None:
        self.machine = machine
        self.argv = tuple(argv)
        self.returncode = returncode
        self.stdout = stdout
        self.stderr = stderr
        self.last_lines = last_lines(stderr) or last_lines(stdout)
        how = f"status {returncode}" if returncode >= 0 else f"signal {-returncode}"
        said = f": {self.last_lines[-1]}" if self.last_lines else ", without a word"
        super().__init__(f"{machine}: `{command_text(argv)}` ended with {how}{said}")


def command_text(argv: Sequence[str]) -> str:
    """`argv` as a person would type it, cut to a line."""
    text = argv[2] if len(argv) == 3 and argv[:2] == ("sh", "-c") else shlex.join(argv)
    text = " ".join(text.split())
    return text if len(text) <= _SHOWN_COMMAND else text[:_SHOWN_COMMAND] + " ..."


def last_lines(output: bytes, count: int = 5) -> tuple[str, ...]:
    """The last lines of `output` that are not empty, oldest first, fit to be shown: cut to a
    length, and without control characters."""
    lines = [_printable(line) for line in output.decode(errors="replace").splitlines()]
    return tuple([line for line in lines if line][-count:])


def _printable(line: str) -> str:
    text = "".join(c if c.isprintable() else "\N{REPLACEMENT CHARACTER}" for c in line.strip())
    return text if len(text) <= _SHOWN_LINE else text[:_SHOWN_LINE] + " ..."
