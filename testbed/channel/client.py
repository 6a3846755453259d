# SPDX-License-Identifier: MIT
"""Commands, files and byte streams in a machine that runs testbed-agent."""

from __future__ import annotations

import socket
from collections.abc import Mapping, Sequence

from testbed.channel import frames
from testbed.channel.errors import CommandFailed
from testbed.channel.frames import MachineInfo
from testbed.channel.link import Link, SocketTransport, Transport
from testbed.channel.streams import Completed, Process, Stream
from testbed.deadline import Deadline

# Written beside the file and renamed, so that a file that is there is whole.
_PUT = 'cat > "$1.part" && chmod "$2" "$1.part" && mv -f "$1.part" "$1"'


class AgentClient:
    """The workstation's end of a channel. `name` is the machine's, for messages.

    `transport` is a connected socket or a Stream of another client (a guest's agent is reached
    through the host's), and belongs to the client. Every method may be called from any thread and
    raises ChannelTimeout at its deadline, ChannelClosed when the channel is gone, AgentError when
    the agent refuses, and what `fail` was given.
    """

    def __init__(self, transport: Transport | socket.socket, name: str = "machine") -> None:
        if isinstance(transport, socket.socket):
            transport = SocketTransport(transport)
        self.name = name
        self._link = Link(transport, name)

    def hello(self, *, deadline: Deadline) -> MachineInfo:
        """Wait until the agent answers. Every other method does so first, too."""
        return self._link.hello(deadline)

    def run(
        self,
        command: str | Sequence[str],
        *,
        deadline: Deadline,
        input: bytes = b"",
        check: bool = True,
        cwd: str | None = None,
        env: Mapping[str, str] | None = None,
    ) -> Completed:
        """Run a command, or a line for the machine's shell, to its end.

        CommandFailed: it ended with another status than 0 and `check` is set. At the deadline the
        command's process group is killed.
        """
        with self.spawn(command, deadline=deadline, cwd=cwd, env=env) as process:
            completed = process.communicate(input, deadline=deadline)
        if check and completed.returncode:
            raise CommandFailed(
                self.name,
                completed.argv,
                completed.returncode,
                completed.stdout,
                completed.stderr,
            )
        return completed

    def spawn(
        self,
        command: str | Sequence[str],
        *,
        deadline: Deadline,
        cwd: str | None = None,
        env: Mapping[str, str] | None = None,
    ) -> Process:
        """Start a command, or a line for the machine's shell. The deadline is for its start.

        Output that nobody reads stops it once the window (64 KiB) and its pipe are full.
        """
        argv = ("sh", "-c", command) if isinstance(command, str) else tuple(command)
        self._link.hello(deadline)
        return Process(self._link, argv, cwd, env, deadline)

    def connect(self, path: str, *, deadline: Deadline) -> Stream:
        """Connect to a UNIX stream socket in the machine."""
        self._link.hello(deadline)
        return Stream(
            self._link, f"socket {path}", lambda stream: frames.connect(stream, path), deadline
        )

    def open_tty(
        self, path: str, *, deadline: Deadline, baud: int = 115200, rtscts: bool = False
    ) -> Stream:
        """Open a serial line in the machine: raw, 8N1. Closing it drops what it has not sent."""
        self._link.hello(deadline)
        return Stream(
            self._link,
            f"serial line {path}",
            lambda stream: frames.open_tty(stream, path, baud, rtscts),
            deadline,
        )

    def put_file(self, path: str, data: bytes, *, deadline: Deadline, mode: int = 0o644) -> None:
        """Write a file in the machine; it appears whole. CommandFailed: it could not."""
        self.run(["sh", "-c", _PUT, "put", path, f"{mode:o}"], deadline=deadline, input=data)

    def get_file(self, path: str, *, deadline: Deadline) -> bytes:
        """Read a file of the machine. CommandFailed: it could not."""
        return self.run(["cat", path], deadline=deadline).stdout

    def fail(self, failure: Exception) -> None:
        """End every wait, now and later, with `failure`: for whoever sees the machine die."""
        self._link.fail(failure)

    def close(self) -> None:
        """Close the transport; the agent kills what still runs."""
        self._link.close()

    def __enter__(self) -> AgentClient:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()
