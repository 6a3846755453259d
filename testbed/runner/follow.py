# SPDX-License-Identifier: MIT
"""What a run writes into its logs, line by line while it goes on."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import BinaryIO

_CONSOLE = "console.log"
_RUN_LOG = "testbed.log"
_LONGEST_LINE = 4096


class _Follower:
    """The whole lines that have been added to a file."""

    def __init__(self, path: Path) -> None:
        self._stream: BinaryIO = path.open("rb")
        self._unfinished = b""

    def lines(self) -> list[bytes]:
        text = self._unfinished + self._stream.read()
        *whole, self._unfinished = text.split(b"\n")
        if len(self._unfinished) > _LONGEST_LINE:
            whole.append(self._unfinished)
            self._unfinished = b""
        return whole

    def close(self) -> bytes:
        """The last line, if it has no end."""
        self._stream.close()
        return self._unfinished


class RunLogs:
    """The consoles of a run's machines, and its own log if `own`, from the files in its folder.

    A machine's console is named by the machine's folder, the run's log "testbed".
    """

    def __init__(self, directory: Path, *, own: bool) -> None:
        self._directory = directory
        self._own = own
        self._followers: dict[str, _Follower] = {}

    def new_lines(self) -> Iterator[tuple[str, str]]:
        """What has been written since the last call: whose, and a line of it."""
        for name, path in self._files():
            if name not in self._followers:
                self._followers[name] = _Follower(path)
            for line in self._followers[name].lines():
                yield name, _text(line)

    def rest(self) -> Iterator[tuple[str, str]]:
        """What is left once the run has ended, unfinished lines too."""
        yield from self.new_lines()
        for name, follower in self._followers.items():
            if line := follower.close():
                yield name, _text(line)
        self._followers.clear()

    def _files(self) -> Iterator[tuple[str, Path]]:
        if self._own and (log := self._directory / _RUN_LOG).exists():
            yield "testbed", log
        for console in sorted(self._directory.glob(f"*/{_CONSOLE}")):
            yield console.parent.name, console


def _text(line: bytes) -> str:
    return line.rstrip(b"\r").decode(errors="replace")
