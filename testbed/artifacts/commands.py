# SPDX-License-Identifier: MIT
"""Short-lived helper programs of a build: run, checked, and stopped together."""

from __future__ import annotations

import errno
import os
import re
import shutil
import signal
import subprocess
import threading
from collections.abc import Mapping, Sequence
from contextlib import suppress
from pathlib import Path
from typing import IO

from testbed.artifacts.failure import Stopped, failure, says_disk_full
from testbed.errors import TestbedError

# depmod and friends are not in a plain user's PATH on Debian.
SEARCH_PATH = os.pathsep.join((os.environ.get("PATH", os.defpath), "/usr/sbin", "/sbin"))


class Commands:
    """Runs programs for one `prepare`; `stop` ends those under way and refuses new ones.

    Each child dies with its parent thread (`setpriv --pdeathsig`, because preexec_fn is not safe
    in a process with threads), so a killed run leaves nobody writing to the cache.
    """

    def __init__(self) -> None:
        self._running: set[subprocess.Popen[bytes]] = set()
        self._lock = threading.Lock()
        self._stopped = False

    def run(
        self,
        argv: Sequence[str | Path],
        *,
        what: str,
        cwd: Path | None = None,
        env: Mapping[str, str] | None = None,
    ) -> str:
        """Run `argv` to its end and return its standard output.

        `what` completes "cannot ...". Raises TestbedError with the program's last lines, or
        OSError(ENOSPC) when the program ran into a full disk.
        """
        process = self.start(argv, what=what, cwd=cwd, env=env, stdout=subprocess.PIPE)
        try:
            output, errors = process.communicate()
        finally:
            self.forget(process)
        self.check(process, argv, what, errors or output)
        return output.decode(errors="replace")

    def pipe(
        self,
        producer: Sequence[str | Path],
        consumer: Sequence[str | Path],
        *,
        what: str,
        env: Mapping[str, str] | None = None,
    ) -> None:
        """Run both, the output of the first being the input of the second. Raises as `run`."""
        first = self.start(producer, what=what, env=env, stdout=subprocess.PIPE)
        try:
            second = self.start(consumer, what=what, env=env, stdin=first.stdout)
            try:
                assert first.stdout is not None
                assert first.stderr is not None
                # Or the producer would never learn that the consumer is gone.
                first.stdout.close()
                _, said = second.communicate()
                said_first = first.stderr.read()
                first.wait()
            finally:
                self.forget(second)
        finally:
            self.forget(first)
        self.check(second, consumer, what, said + said_first)
        self.check(first, producer, what, said_first)

    def start(
        self,
        argv: Sequence[str | Path],
        *,
        what: str,
        cwd: Path | None = None,
        env: Mapping[str, str] | None = None,
        stdin: IO[bytes] | int | None = subprocess.DEVNULL,
        stdout: int = subprocess.DEVNULL,
    ) -> subprocess.Popen[bytes]:
        """Start `argv`; the caller waits for it, then calls `forget` and `check`."""
        program = str(argv[0])
        found = shutil.which(program, path=SEARCH_PATH)
        if found is None and os.sep in program and Path(program).is_file():
            raise failure(f"cannot {what}: {program} is no program that you may run")
        if found is None:
            raise failure(f"cannot {what}: {program} is not installed; run 'testbed doctor'")
        environment = {**os.environ, "LC_ALL": "C", "PATH": SEARCH_PATH, **(env or {})}
        # mksquashfs refuses its own time options next to it.
        environment.pop("SOURCE_DATE_EPOCH", None)
        with self._lock:
            if self._stopped:
                raise Stopped(what)
            process = subprocess.Popen(
                ["setpriv", "--pdeathsig", "KILL", found, *map(str, argv[1:])],
                cwd=cwd,
                env=environment,
                stdin=stdin,
                stdout=stdout,
                stderr=subprocess.PIPE,
            )
            self._running.add(process)
        return process

    def forget(self, process: subprocess.Popen[bytes]) -> None:
        """Drop a program from those `stop` ends; kills it when it is still running."""
        with self._lock:
            self._running.discard(process)
        if process.poll() is None:
            process.kill()
            process.wait()
        for stream in (process.stdout, process.stderr):
            if stream is not None:
                stream.close()

    def check(
        self,
        process: subprocess.Popen[bytes],
        argv: Sequence[str | Path],
        what: str,
        output: bytes,
    ) -> None:
        """Raise when the ended `process` did not succeed; `output` is what it said."""
        if process.returncode == 0:
            return
        if self._stopped:
            raise Stopped(what)
        raise command_failure(argv, what, process.returncode, output)

    @property
    def stopped(self) -> bool:
        return self._stopped

    def stop(self) -> None:
        with self._lock:
            self._stopped = True
            running = list(self._running)
        for process in running:
            with suppress(ProcessLookupError):
                process.send_signal(signal.SIGTERM)


def command_failure(
    argv: Sequence[str | Path], what: str, status: int, output: bytes
) -> TestbedError | OSError:
    lines = [line.strip() for line in output.decode(errors="replace").splitlines()]
    lines = [line for line in lines if line]
    if any(says_disk_full(line) for line in lines):
        return OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))
    program = Path(argv[0]).name
    ended = f"status {status}" if status >= 0 else signal.Signals(-status).name
    reason = _telling(lines)
    said = f": {reason}" if reason else ""
    return failure(f"cannot {what}: {program} ended with {ended}{said}", excerpt=tuple(lines[-5:]))


def _telling(lines: list[str]) -> str:
    """The line that names the cause: the first one that speaks of an error, else the first."""
    for line in lines:
        if line.startswith("E:") or re.search(r"\b(error|fatal)\b", line, re.IGNORECASE):
            return line
    return lines[0] if lines else ""
