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
from contextlib import suppress
from pathlib import Path
from queue import SimpleQueue
from typing import IO, Self

from testbed.deadline import Deadline
from testbed.errors import Stage, TestbedError

_PR_SET_PDEATHSIG = 1
_libc = ctypes.CDLL(None, use_errno=True)


def die_with_parent(parent: int) -> None:
    """Have the kernel kill the calling process when process `parent` (its parent) ends."""
    _libc.prctl(_PR_SET_PDEATHSIG, signal.SIGKILL, 0, 0, 0)
    if os.getppid() != parent:  # the parent died before the request was in place
        os.kill(os.getpid(), signal.SIGKILL)


class _Spawner:
    """The thread that makes the children.

    Signals interrupt the main thread alone: what is done here is done whole.
    """

    def __init__(self) -> None:
        self._work: SimpleQueue[tuple[Callable[[], None], SimpleQueue[Exception | None]]]
        self._work = SimpleQueue()
        self._thread: threading.Thread | None = None

    def do(self, work: Callable[[], None]) -> None:
        """Have `work` done. Raises what it does, or what a signal does while it goes on."""
        # Nothing here holds a lock of Python's own, which an exception could leave locked.
        if self._thread is None:
            thread = threading.Thread(target=self._serve, name="spawner", daemon=True)
            thread.start()
            self._thread = thread
        done: SimpleQueue[Exception | None] = SimpleQueue()
        self._work.put((work, done))
        error = done.get()
        if error is not None:
            raise error

    def _serve(self) -> None:
        while True:
            work, done = self._work.get()
            try:
                work()
            except Exception as error:
                done.put(error)
            else:
                done.put(None)


_spawner = _Spawner()


class Process:
    """A child bound to the life of this process, with its output in a file.

    It is begun by `start`, which a signal's exception may end anywhere: to be sure of the child's
    end, keep this object before, and call `stop` whatever became of `start`.

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
        self.argv = list(argv)
        self.log = log
        self._cwd = cwd
        self._pass_fds = tuple(pass_fds)
        self._env = None if env is None else dict(env)
        self._on_exit = on_exit
        self._child: subprocess.Popen[bytes] | None = None
        self._waiter = threading.Thread(target=self._wait, daemon=True)
        self._making = threading.Lock()
        self._unwanted = False

    def start(self) -> Self:
        """Make the child. Raises TestbedError when that cannot be done."""
        parent = os.getpid()
        try:
            _spawner.do(lambda: self._make(parent))
        except OSError as error:
            raise TestbedError(
                Stage.INFRASTRUCTURE,
                f"cannot start {self.argv[0]}: {error.strerror}; see 'testbed doctor'",
            ) from None
        return self

    def _make(self, parent: int) -> None:
        with self._making:
            if self._unwanted:
                return
            with self.log.open("ab") as output:
                self._child = subprocess.Popen(
                    self.argv,
                    cwd=self._cwd,
                    stdin=subprocess.DEVNULL,
                    stdout=output,
                    stderr=subprocess.STDOUT,
                    pass_fds=self._pass_fds,
                    env=self._env,
                    # A group of its own: Ctrl-C at the terminal reaches the runner alone, which
                    # then ends its children in order.
                    start_new_session=True,
                    preexec_fn=lambda: die_with_parent(parent),
                )
            self._waiter.start()

    @property
    def pid(self) -> int:
        return self._started.pid

    @property
    def returncode(self) -> int | None:
        return self._started.returncode

    @property
    def _started(self) -> subprocess.Popen[bytes]:
        assert self._child is not None, "start() it first"
        return self._child

    def _wait(self) -> None:
        status = self._started.wait()
        if self._on_exit is not None:
            self._on_exit(status)

    def wait(self, deadline: Deadline) -> bool:
        """True when no process is there, or its exit was reported before the deadline."""
        with self._making:
            if self._child is None:
                return True
        self._waiter.join(deadline.remaining)
        return not self._waiter.is_alive()

    def stop(self, grace: float = 3.0) -> None:
        """End the process: SIGTERM, and SIGKILL when it is still there after `grace` seconds.

        One that was not started never is.
        """
        with self._making:
            self._unwanted = True
        if self._child is None:
            return
        if self._child.poll() is None:
            self._child.terminate()
            if not self.wait(Deadline(grace)):
                self._child.kill()
        self._waiter.join()

    def kill_group(self) -> None:
        """Kill what a child that has ended left in its process group."""
        if self._child is not None:
            with suppress(ProcessLookupError):
                os.killpg(self._child.pid, signal.SIGKILL)


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
