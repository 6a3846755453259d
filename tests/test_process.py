# SPDX-License-Identifier: MIT
from __future__ import annotations

import os
import select
import signal
import subprocess
import sys
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from queue import SimpleQueue
from types import FrameType
from typing import Any

import pytest

from testbed.deadline import Deadline
from testbed.errors import Stage, TestbedError
from testbed.process import Process, tail
from tests.system.conftest import processes_of

STARTING = (Process.start.__code__.co_filename, threading.__file__)
"""Files whose functions `Process.start` runs; what others run meanwhile is none of it."""

STUBBORN = """
import os, signal, sys
signal.signal(signal.SIGTERM, signal.SIG_IGN)
signal.signal(signal.SIGHUP, signal.SIG_IGN)
print("stubborn", os.getpid(), flush=True)
os.write(int(sys.argv[1]), b"ready")
while True:
    signal.pause()
"""

PARENT = """
import sys, pathlib
from testbed.process import Process
folder, stubborn = pathlib.Path(sys.argv[1]), sys.argv[2]
child = Process([sys.executable, "-c", stubborn, "1"], cwd=folder, log=folder / "log").start()
print(child.pid, flush=True)
sys.stdin.read()
"""


def run(folder: Path, *argv: str, **options: object) -> Process:
    process = Process(argv, cwd=folder, log=folder / "log", **options)  # type: ignore[arg-type]
    return process.start()


def ended(pidfd: int, seconds: float) -> bool:
    poll = select.poll()
    poll.register(pidfd, select.POLLIN)
    return bool(poll.poll(seconds * 1000))


def test_a_child_dies_with_a_parent_that_was_killed(tmp_path: Path) -> None:
    parent = subprocess.Popen(
        [sys.executable, "-c", PARENT, str(tmp_path), STUBBORN],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
    )
    assert parent.stdout is not None
    assert parent.stdin is not None
    pid = int(parent.stdout.readline())
    child = os.pidfd_open(pid)
    try:
        assert not ended(child, 0)
        parent.kill()
        assert ended(child, 10), "the child outlived its parent"
    finally:
        parent.kill()
        parent.wait()
        parent.stdin.close()
        parent.stdout.close()
        if not ended(child, 0):
            signal.pidfd_send_signal(child, signal.SIGKILL)
        os.close(child)


def test_stop_kills_what_does_not_mind_sigterm(tmp_path: Path) -> None:
    ready, writer = os.pipe()
    process = run(tmp_path, sys.executable, "-c", STUBBORN, str(writer), pass_fds=[writer])
    assert os.read(ready, 5) == b"ready"
    process.stop(grace=0.05)
    assert process.returncode == -signal.SIGKILL
    assert (tmp_path / "log").read_text() == f"stubborn {process.pid}\n"
    os.close(ready)
    os.close(writer)


def test_stop_asks_first(tmp_path: Path) -> None:
    process = run(tmp_path, "sleep", "1000")
    process.stop(grace=30)
    assert process.returncode == -signal.SIGTERM
    process.stop()


def test_the_exit_is_reported_once_with_its_status(tmp_path: Path) -> None:
    statuses: SimpleQueue[int] = SimpleQueue()
    process = run(tmp_path, "sh", "-c", "exit 7", on_exit=statuses.put)
    assert process.wait(Deadline(10))
    assert statuses.get_nowait() == 7
    process.stop()
    assert statuses.empty()


def test_a_wait_ends_at_its_deadline(tmp_path: Path) -> None:
    process = run(tmp_path, "sleep", "1000")
    assert not process.wait(Deadline(0.02))
    process.stop()


def test_output_of_both_streams_goes_to_the_log_and_there_is_no_input(tmp_path: Path) -> None:
    (tmp_path / "log").write_text("before\n")
    process = run(
        tmp_path, "sh", "-c", "cat; echo out; echo err >&2; pwd; echo $X", env={"X": "set"}
    )
    assert process.wait(Deadline(10))
    assert (tmp_path / "log").read_text() == f"before\nout\nerr\n{tmp_path}\nset\n"


def test_a_child_is_out_of_reach_of_the_terminals_signals(tmp_path: Path) -> None:
    process = run(tmp_path, "sleep", "1000")
    assert os.getsid(process.pid) == process.pid
    process.stop()


def test_a_program_that_is_not_there_is_named(tmp_path: Path) -> None:
    with pytest.raises(TestbedError, match="cannot start no-such-qemu: No such file") as caught:
        run(tmp_path, "no-such-qemu")
    assert caught.value.stage is Stage.INFRASTRUCTURE


def test_tail_gives_the_last_lines_that_say_something(tmp_path: Path) -> None:
    log = tmp_path / "log"
    log.write_bytes(b"x" * 50_000 + b"\none\r\n\r\ntwo \xff\r\n  \r\nthree")
    assert tail(log, 3) == ("one", "two \N{REPLACEMENT CHARACTER}", "three")
    assert tail(log, 2) == ("two \N{REPLACEMENT CHARACTER}", "three")
    assert tail(tmp_path / "none") == ()


def test_a_signals_exception_loses_no_child(tmp_path: Path) -> None:
    """Wherever it comes: before each instruction that `start` takes in the thread that calls it."""
    run(tmp_path, "true").wait(Deadline(20))  # the thread that makes children is there
    instruction, done = 0, False
    while not done:
        process = Process(["sleep", "60"], cwd=tmp_path, log=tmp_path / "log")
        try:
            with interruption(instruction):
                process.start()
                done = True
        except KeyboardInterrupt:
            pass
        process.stop()
        instruction += 1
    assert instruction > 30
    assert not processes_of(tmp_path)


@contextmanager
def interruption(instruction: int) -> Iterator[None]:
    """KeyboardInterrupt in place of what is the n-th instruction in the calls made here."""
    count = 0

    def trace(frame: FrameType, event: str, _: object) -> Callable[..., Any] | None:
        nonlocal count
        if frame.f_code.co_filename not in STARTING:
            return None  # a callback of the garbage collector's, say: an exception is lost there
        frame.f_trace_opcodes = True
        if event == "opcode":
            count += 1
            if count > instruction:
                sys.settrace(None)
                raise KeyboardInterrupt
        return trace

    sys.settrace(trace)
    try:
        yield
    finally:
        sys.settrace(None)


def test_a_child_that_is_not_wanted_any_more_is_not_made(tmp_path: Path) -> None:
    process = Process(["touch", "made"], cwd=tmp_path, log=tmp_path / "log")
    process.stop()
    process.start()
    assert process.wait(Deadline(0))
    assert not list(tmp_path.iterdir())
