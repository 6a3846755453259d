# SPDX-License-Identifier: MIT
"""A running agent, and looking at its processes."""

from __future__ import annotations

import os
import select
import socket
import subprocess
from pathlib import Path

from testbed.deadline import Deadline


class Agent:
    """A running agent. `stop` fails the test if the agent ended otherwise than told, or leaked."""

    def __init__(self, binary: Path, log: Path) -> None:
        self.connection, theirs = socket.socketpair()
        with theirs:
            self._start(theirs, binary, log)

    @classmethod
    def serve_on(cls, connection: socket.socket, binary: Path, log: Path) -> Agent:
        """An agent whose channel is `connection`."""
        agent = cls.__new__(cls)
        agent._start(connection, binary, log)
        connection.close()
        return agent

    def _start(self, channel: socket.socket, binary: Path, log: Path) -> None:
        self._log = log
        number = channel.fileno()
        with log.open("wb") as stderr:
            self.process = subprocess.Popen(
                [binary, f"fd:{number}"], pass_fds=[number], stderr=stderr
            )

    @property
    def said(self) -> str:
        return self._log.read_text(errors="replace")

    def ended(self, *statuses: int) -> int:
        try:
            status = self.process.wait(10)
        except subprocess.TimeoutExpired:
            self.process.kill()
            self.process.wait()
            raise
        assert status in statuses, self.said
        assert "Sanitizer" not in self.said
        assert "runtime error" not in self.said
        return status


def children(pid: int) -> list[int]:
    """The processes whose parent is `pid`."""
    return [int(child) for child in Path(f"/proc/{pid}/task/{pid}/children").read_text().split()]


def gone(pid: int, deadline: Deadline) -> None:
    """Wait until process `pid` runs no more."""
    try:
        process = os.pidfd_open(pid)
    except ProcessLookupError:
        return
    try:
        assert select.select([process], [], [], deadline.remaining)[0], f"{pid} still runs"
    finally:
        os.close(process)
