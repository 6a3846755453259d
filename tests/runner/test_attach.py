# SPDX-License-Identifier: MIT
"""A terminal at the console of a machine; each end may go first."""

from __future__ import annotations

import os
import socket
import termios
import threading
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from testbed.deadline import Deadline
from testbed.runner.attach import attach, wait_for_key
from testbed.scenario.keep import CONSOLE_SOCKET

SECONDS = 10


class Terminal:
    """One for standard input, of which the person has the other end."""

    def __init__(self) -> None:
        person, own = os.openpty()
        self.person = os.fdopen(person, "rb", buffering=0)
        self.input = os.fdopen(own)

    def go(self) -> None:
        """The person closes it, once every key is taken as it is pressed."""
        deadline = Deadline(SECONDS)
        while termios.tcgetattr(self.input)[3] & termios.ICANON:
            assert not deadline.expired, "the terminal is not taken"
            time.sleep(0.01)
        self.person.close()


@pytest.fixture
def terminal(monkeypatch: pytest.MonkeyPatch) -> Iterator[Terminal]:
    made = Terminal()
    monkeypatch.setattr("sys.stdin", made.input)
    yield made
    made.person.close()
    made.input.close()


@pytest.fixture
def console(tmp_path: Path) -> Iterator[socket.socket]:
    """The listening socket of the host's console, of a run in this folder."""
    (tmp_path / "host").mkdir()
    with socket.socket(socket.AF_UNIX) as listening:
        listening.bind(os.path.relpath(tmp_path / "host" / CONSOLE_SOCKET))
        listening.listen()
        listening.settimeout(SECONDS)
        yield listening


def ends(call: Callable[[], None], meanwhile: Callable[[], None]) -> bool:
    """Whether the call comes back by itself, without an exception, once `meanwhile` was done."""
    returned: list[bool] = []
    thread = threading.Thread(target=lambda: returned.append(call() is None), daemon=True)
    thread.start()
    meanwhile()
    thread.join(SECONDS)
    return returned == [True]


@pytest.mark.usefixtures("capfd")
def test_a_terminal_that_goes_ends_it(
    terminal: Terminal, console: socket.socket, tmp_path: Path
) -> None:
    visitors = []

    def meanwhile() -> None:
        visitors.append(console.accept()[0])
        assert visitors[0].recv(1) == b"\r"
        terminal.go()

    assert ends(lambda: attach(tmp_path), meanwhile)
    visitors[0].close()


@pytest.mark.usefixtures("terminal")
def test_a_machine_that_ends_with_keys_unread_ends_it(
    console: socket.socket, tmp_path: Path, capfd: pytest.CaptureFixture[str]
) -> None:
    assert ends(lambda: attach(tmp_path), lambda: leave_unread(console))
    assert "[a machine has ended]" in capfd.readouterr().out


def leave_unread(console: socket.socket) -> None:
    visitor, _ = console.accept()
    visitor.recv(1, socket.MSG_PEEK)
    visitor.close()


def test_a_terminal_that_goes_ends_waiting_for_a_key(terminal: Terminal) -> None:
    never, other = os.pipe()
    try:
        assert ends(lambda: wait_for_key(never), terminal.go)
    finally:
        os.close(other)
        os.close(never)
