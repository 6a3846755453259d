# SPDX-License-Identifier: MIT
"""A program in a machine that takes commands on its standard input, one line each, and answers."""

from __future__ import annotations

from collections.abc import Sequence

from testbed.channel import AgentClient, ChannelClosed
from testbed.deadline import Deadline
from testbed.errors import Stage, TestbedError
from testbed.remoteport.closing import Closing


class Tool(Closing):
    """One of guests/tools, running. An answer is a line of `key=value` words."""

    def __init__(self, agent: AgentClient, argv: Sequence[str], deadline: Deadline) -> None:
        self.name = argv[0].rpartition("/")[2]
        self._process = agent.spawn(argv, deadline=deadline)

    def ask(self, command: str, deadline: Deadline) -> dict[str, str]:
        """Give a command and return its answer; TestbedError with what the program said last."""
        self.tell(command, deadline)
        return self.answer(command, deadline)

    def tell(self, command: str, deadline: Deadline) -> None:
        """Give a command, whose answer is fetched later."""
        try:
            self._process.stdin.write(f"{command}\n".encode(), deadline=deadline)
        except ChannelClosed:
            raise self._ended(command, deadline) from None

    def answer(self, command: str, deadline: Deadline) -> dict[str, str]:
        """The next answer, which is that to `command`."""
        try:
            line = self._process.stdout.read_until(b"\n", deadline=deadline)
        except ChannelClosed:
            raise self._ended(command, deadline) from None
        words = (word.partition("=") for word in line.decode().split())
        return {key: value for key, _, value in words}

    def close(self) -> None:
        """End the program, whatever it does."""
        self._process.close()

    def finish(self, deadline: Deadline) -> None:
        """Close its input and wait until it has ended, with status 0."""
        self._process.stdin.close()
        status = self._process.wait(deadline=deadline)
        if status:
            raise self._ended("the end of its input", deadline)

    def _ended(self, command: str, deadline: Deadline) -> TestbedError:
        said = self._process.stderr.read_all(deadline=deadline).decode(errors="replace").strip()
        return TestbedError(
            Stage.TEST, f"{self.name} ended at '{command}': {said or 'without a word'}"
        )
