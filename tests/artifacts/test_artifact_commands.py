# SPDX-License-Identifier: MIT
"""Helper programs: their failures are one line, and they end when they are told to."""

from __future__ import annotations

import os
import select
import subprocess
import sys
import threading
from pathlib import Path
from random import Random

import pytest

from testbed.artifacts.commands import Commands
from testbed.artifacts.failure import Stopped
from testbed.deadline import Deadline
from testbed.errors import TestbedError


def test_output_comes_back(commands: Commands, random: Random) -> None:
    word = str(random.random())
    assert commands.run(["echo", word], what="say it") == f"{word}\n"


@pytest.mark.parametrize(
    ("script", "said"),
    [
        ("exit 3", "cannot do it: sh ended with status 3"),
        ("echo a; echo b >&2; exit 1", "cannot do it: sh ended with status 1: b"),
        (
            "echo 'x.c:1: warning: w'; echo 'x.c:2: error: e'; echo done; exit 1",
            "cannot do it: sh ended with status 1: x.c:2: error: e",
        ),
        ("echo W: w >&2; echo E: e >&2; exit 100", "cannot do it: sh ended with status 100: E: e"),
        ("kill -9 $$", "cannot do it: sh ended with SIGKILL"),
    ],
)
def test_a_failure_is_one_line(commands: Commands, script: str, said: str) -> None:
    with pytest.raises(TestbedError) as caught:
        commands.run(["sh", "-c", script], what="do it")
    assert caught.value.message == said


def test_a_missing_program_points_to_the_doctor(commands: Commands) -> None:
    with pytest.raises(TestbedError, match="no-such-program is not installed; run 'testbed doctor"):
        commands.run(["no-such-program"], what="do it")


def test_a_file_that_is_no_program_is_not_looked_for(commands: Commands, tmp_path: Path) -> None:
    (tmp_path / "qemu").write_text("no program")
    with pytest.raises(TestbedError, match=r"qemu is no program that you may run$"):
        commands.run([tmp_path / "qemu"], what="do it")


def test_a_pipe_carries_everything(commands: Commands, tmp_path: Path, random: Random) -> None:
    content = random.randbytes(300_000)
    (tmp_path / "in").write_bytes(content)
    commands.pipe(
        ["cat", tmp_path / "in"], ["dd", f"of={tmp_path / 'out'}", "bs=4k"], what="copy it"
    )
    assert (tmp_path / "out").read_bytes() == content


def test_either_end_of_a_pipe_may_fail(commands: Commands) -> None:
    with pytest.raises(TestbedError, match=r"cat ended with status 1: .*No such file"):
        commands.pipe(["cat", "/no/such/file"], ["cat"], what="copy it")
    with pytest.raises(TestbedError, match="sh ended with status 4: consumer"):
        commands.pipe(["yes"], ["sh", "-c", "echo consumer >&2; exit 4"], what="copy it")


def test_stop_ends_what_runs_and_what_would_start(commands: Commands) -> None:
    errors: list[TestbedError] = []

    def wait() -> None:
        try:
            commands.run(["sleep", "600"], what="wait")
        except TestbedError as error:
            errors.append(error)

    thread = threading.Thread(target=wait)
    thread.start()
    deadline = Deadline(30)
    while not commands._running and not deadline.expired:
        thread.join(0.01)
    commands.stop()
    thread.join(30)
    assert [type(error) for error in errors] == [Stopped]
    with pytest.raises(Stopped, match="cannot wait: the set-up was stopped"):
        commands.run(["sleep", "600"], what="wait")


def test_programs_die_with_a_killed_run(tmp_path: Path) -> None:
    fifo = tmp_path / "fifo"
    os.mkfifo(fifo)
    script = (
        "import sys; from testbed.artifacts.commands import Commands; "
        "Commands().run(['sh', '-c', f'exec 3>{sys.argv[1]}; echo up >&3; exec sleep 600'],"
        " what='wait')"
    )
    environment = {**os.environ, "PYTHONPATH": ":".join(sys.path)}
    # No wait for the writer here: poll has a deadline.
    reader = os.open(fifo, os.O_RDONLY | os.O_NONBLOCK)
    run = subprocess.Popen([sys.executable, "-c", script, fifo], env=environment)
    try:
        poll = select.poll()
        poll.register(reader, select.POLLIN)
        assert poll.poll(30_000)
        assert os.read(reader, 10) == b"up\n"
        run.kill()
        # The hang-up comes when the last one who holds the other end open is gone.
        assert poll.poll(30_000) == [(reader, select.POLLHUP)]
    finally:
        run.kill()
        run.wait(30)
        os.close(reader)
