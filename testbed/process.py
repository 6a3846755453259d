# SPDX-License-Identifier: MIT
"""Child processes that cannot outlive their parent.

The kernel kills a child the moment its parent ends (PR_SET_PDEATHSIG), whatever ended it: an
exception, a timeout of the test runner, or SIGKILL. To the kernel the parent is the thread that
made the child, so one thread that lives as long as the process makes them all.
"""

from __future__ import annotations

import ctypes
import os
import signal
import subprocess
import threading
from collections.abc import Callable, Mapping, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from pathlib import Path
from typing import IO

from testbed.deadline import Deadline
from testbed.errors import Stage, TestbedError

_PR_SET_PDEATHSIG = 1
_libc = ctypes.CDLL(None, use_errno=True)
_spawner = ThreadPoolExecutor(max_workers=1, thread_name_prefix="spawner")


def die_with_parent(parent: int) -> None:
    """Have the kernel kill the calling process when process `parent` (its parent) ends."""
    _libc.prctl(_PR_SET_PDEATHSIG, signal.SIGKILL, 0, 0, 0)
    if os.getppid() != parent:  # the parent died before the request was in place
        os.kill(os.getpid(), signal.SIGKILL)


class Process:
    """A child bound to the life of this process, with its output in a file.

    `on_exit` is called once, from a thread of its own, with the exit status (negative: a signal).
    """

    def __init__(
        self,
        argv: Sequence[str],
        *,
        cwd: Path,
        log: Path,
        pass_fds: Sequence[int] = (),
        env: Mapping[str, str] | None = None,
        on_exit: Callable[[int], None] | None = None,
    ) -> None:
        parent = os.getpid()
        self.argv = list(argv)
        self.log = log
        try:
            with log.open("ab") as output:
                making = _spawner.submit(
                    subprocess.Popen,
                    self.argv,
                    cwd=cwd,
                    stdin=subprocess.DEVNULL,
                    stdout=output,
                    stderr=subprocess.STDOUT,
                    pass_fds=tuple(pass_fds),
                    env=None if env is None else dict(env),
                    # A group of its own: Ctrl-C at the terminal reaches the runner alone, which
                    # then ends its children in order.
                    start_new_session=True,
                    preexec_fn=lambda: die_with_parent(parent),
                )
                self._popen = _made(making)
        except OSError as error:
            raise TestbedError(
                Stage.INFRASTRUCTURE,
                f"cannot start {self.argv[0]}: {error.strerror}; see 'testbed doctor'",
            ) from None
        self._waiter = threading.Thread(
            target=self._wait, args=(on_exit,), name=f"wait-{self.pid}", daemon=True
        )
        try:
            self._waiter.start()
        except BaseException:
            _end(self._popen)
            raise

    @property
    def pid(self) -> int:
        return self._popen.pid

    @property
    def returncode(self) -> int | None:
        return self._popen.returncode

    def _wait(self, on_exit: Callable[[int], None] | None) -> None:
        status = self._popen.wait()
        if on_exit is not None:
            on_exit(status)

    def wait(self, deadline: Deadline) -> bool:
        """True when the process has ended and its exit was reported before the deadline."""
        self._waiter.join(deadline.remaining)
        return not self._waiter.is_alive()

    def stop(self, grace: float = 3.0) -> None:
        """End the process: SIGTERM, and SIGKILL when it is still there after `grace` seconds."""
        if self._popen.poll() is None:
            self._popen.terminate()
            if not self.wait(Deadline(grace)):
                self._popen.kill()
        self._waiter.join()


def _made(making: Future[subprocess.Popen[bytes]]) -> subprocess.Popen[bytes]:
    """The child, once there is one."""
    try:
        return making.result()
    except BaseException:
        if making.exception() is None:
            _end(making.result())
        raise


def _end(child: subprocess.Popen[bytes]) -> None:
    """After a signal's exception nobody knows of the child."""
    child.kill()
    child.wait()


def tail(path: Path, lines: int = 5) -> tuple[str, ...]:
    """The last non-empty `lines` of a text file, or nothing when it cannot be read."""
    try:
        with path.open("rb") as stream:
            return last_lines(stream, lines)
    except OSError:
        return ()


def last_lines(stream: IO[bytes], lines: int, window: int = 16384) -> tuple[str, ...]:
    stream.seek(0, os.SEEK_END)
    stream.seek(max(0, stream.tell() - window))
    text = stream.read().decode(errors="replace").replace("\r", "")
    return tuple(line for line in text.split("\n") if line.strip())[-lines:]
