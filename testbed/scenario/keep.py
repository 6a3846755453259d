# SPDX-License-Identifier: MIT
"""A run whose machines stay for a person: their consoles on sockets, until the runner says go on.

The runner has the terminal, the scenario's process has the machines. Its standard input is a pipe
from the runner: a line, or the runner's end, lets it go on.
"""

from __future__ import annotations

import contextlib
import socket
import sys
import threading
from collections.abc import Sequence

from testbed.console import Console
from testbed.errors import TestbedError
from testbed.machine.guest import Guest
from testbed.machine.host import Host
from testbed.remoteport.listener import Listener
from testbed.run import Run

CONSOLE_ARGUMENT = "testbed.console=shell"
"""Kernel argument that has the machines' init give a shell on the console."""

CONSOLE_SOCKET = "console.sock"
"""A kept machine's console, in its folder of the run."""

_SLOW_SECONDS = 2
"""A person's end that takes nothing for so long is dropped: it must not hold up the machine."""


def keep(run: Run, host: Host, guests: Sequence[Guest], why: str = "") -> None:
    """Leave what still runs of these machines to a person, who is told why. Nothing, if none does.

    Returns when the person has had enough of them.
    """
    doors = [_Door(console) for console in _consoles((host, *guests))]
    if not doors:
        run.note("no machine is left to be kept")
        return
    try:
        run.tell(event="kept", why=why)
        sys.stdin.readline()
    finally:
        for door in doors:
            door.close()


def _consoles(machines: Sequence[Host | Guest]) -> list[Console]:
    found = []
    for machine in machines:
        with contextlib.suppress(TestbedError):  # it was not started, or has been ended
            if not machine.console.ended:
                found.append(machine.console)
    return found


class _Door:
    """A console behind a socket, for one person at a time: the latest."""

    def __init__(self, console: Console) -> None:
        self._console = console
        self._visitor: socket.socket | None = None
        self._listener = Listener(console.log.with_name(CONSOLE_SOCKET), self._let_in)

    def _let_in(self, visitor: socket.socket) -> None:
        self._let_out(self._visitor)
        visitor.settimeout(_SLOW_SECONDS)
        self._visitor = visitor
        self._console.show_to(self._show)
        threading.Thread(target=self._type, args=(visitor,), daemon=True).start()

    def _show(self, data: bytes) -> None:
        visitor = self._visitor
        if visitor is not None:
            try:
                visitor.sendall(data)
            except OSError:
                self._let_out(visitor)

    def _type(self, visitor: socket.socket) -> None:
        while True:
            try:
                data = visitor.recv(4096)
            except TimeoutError:
                continue
            except OSError:
                break
            if not data:
                break
            with contextlib.suppress(OSError):  # the machine is gone: its console tells
                self._console.type(data)
        self._let_out(visitor)

    def _let_out(self, visitor: socket.socket | None) -> None:
        if visitor is None:
            return
        if self._visitor is visitor:
            self._visitor = None
        with contextlib.suppress(OSError):
            visitor.shutdown(socket.SHUT_RDWR)
        visitor.close()

    def close(self) -> None:
        self._console.show_to(None)
        self._listener.close()
        self._let_out(self._visitor)
