# SPDX-License-Identifier: MIT
"""Running make: not by the caller's settings, and gone when its caller is."""

from __future__ import annotations

import errno
import os
import re
import signal
import subprocess
from collections.abc import Callable, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass, field
from pathlib import Path
from threading import Thread
from typing import IO

from testbed.artifacts.commands import SEARCH_PATH, Commands
from testbed.artifacts.failure import failure
from testbed.deadline import Deadline

# The compiler's own line first; then modpost's or Kconfig's; then whatever made make give up.
_ERRORS = (
    re.compile(r"^.+: (?:fatal )?error: .+", re.MULTILINE),
    re.compile(r"^ERROR: modpost: .+|^.+: can't open file .+", re.MULTILINE),
    re.compile(r"^.*(?:not found|Exec format error).*|^make.*\*\*\* .+", re.MULTILINE),
)


@dataclass(frozen=True)
class Make:
    """make for one build."""

    what: str
    """Completes "cannot ..."."""
    tree: Path
    """The source; its path is left out of what is said."""
    cross: str
    """Prefix of the compiler's name."""
    commands: Commands
    deadline: Deadline
    environment: Mapping[str, str] = field(default_factory=dict)
    """All that make finds in its environment, beside the search path."""

    def run(
        self,
        arguments: Sequence[str],
        cwd: Path,
        heard: Callable[[str], None] = lambda line: None,
    ) -> None:
        """Run make in `cwd` with as many jobs as there are CPUs; `heard` gets its output's lines.

        Raises TestbedError with the first error of the build, OSError(ENOSPC) on a full disk.
        """
        settings = {"PATH": SEARCH_PATH, "LC_ALL": "C", **self.environment}
        process = self.commands.start(
            [
                # A session of its own, so that what make started can be ended with it.
                "setsid",
                # Whoever calls may itself run under make, or have set what a kernel build would
                # obey.
                "env",
                "--ignore-environment",
                *(f"{name}={value}" for name, value in settings.items()),
                "make",
                f"-j{len(os.sched_getaffinity(0))}",
                *arguments,
            ],
            what=self.what,
            cwd=cwd,
            stdout=subprocess.PIPE,
        )
        complaints: list[str] = []
        readers = [_reader(process.stdout, heard), _reader(process.stderr, complaints.append)]
        try:
            process.wait(timeout=self.deadline.remaining)
        except subprocess.TimeoutExpired:
            raise failure(
                f"cannot {self.what}: not done after {self.deadline.seconds:.0f} s"
            ) from None
        finally:
            if process.poll() is None:
                with suppress(ProcessLookupError):
                    os.killpg(process.pid, signal.SIGKILL)
            for reader in readers:
                reader.join()
            self.commands.forget(process)
        said = "\n".join(complaints).replace(f"{self.tree}/", "")
        if process.returncode > 0:
            self._explain(said)
        self.commands.check(process, ["make"], self.what, said.encode())

    def _explain(self, said: str) -> None:
        """Raise for the first error in what a failed build said, if there is one to be found."""
        if os.strerror(errno.ENOSPC) in said:
            raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))
        errors = [match.strip() for pattern in _ERRORS for match in pattern.findall(said)]
        if errors:
            raise failure(
                f"cannot {self.what} with {self.cross}gcc: {errors[0]}", excerpt=tuple(errors[:5])
            )


def _reader(stream: IO[bytes] | None, heard: Callable[[str], None]) -> Thread:
    """A thread that hands on the lines of a pipe until its last writer is gone."""

    assert stream is not None

    def read() -> None:
        for line in stream:
            heard(line.decode(errors="replace").rstrip("\n"))

    thread = Thread(target=read, daemon=True)
    thread.start()
    return thread
