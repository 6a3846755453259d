# SPDX-License-Identifier: MIT
"""The terminal of a person, attached to the consoles of a kept run's machines in turn."""

from __future__ import annotations

import contextlib
import os
import select
import socket
import sys
import termios
import tty
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path

from testbed.errors import Stage, TestbedError
from testbed.remoteport.stream import connect
from testbed.scenario.keep import CONSOLE_SOCKET

_ESCAPE = b"\x1d"  # Ctrl-]
_INTERRUPT = b"\x03"  # Ctrl-C, where the terminal makes no signal of it


def console_sockets(directory: Path) -> dict[str, Path]:
    """The consoles of a kept run by the keys that choose them: h for the host, 0 for guest0 ..."""
    found = sorted(directory.glob(f"*/{CONSOLE_SOCKET}"))
    names = {path: path.parent.name for path in found}
    keys = {path: name.removeprefix("guest") for path, name in names.items()}
    return {"h" if names[path] == "host" else keys[path]: path for path in reversed(found)}


def attach(directory: Path) -> None:
    """Carry the terminal to one console at a time until the person or a machine ends it.

    Ctrl-] and a console's key changes to that console, Ctrl-] and q ends. TestbedError when
    nothing of the run in `directory` is kept.
    """
    sockets = console_sockets(directory)
    if not sockets:
        raise TestbedError(
            Stage.INFRASTRUCTURE, f"no machine of {directory} is kept; run it with --keep"
        )
    choices = ", ".join(f"Ctrl-] {key} {path.parent.name}" for key, path in sockets.items())
    print(f"\nconsoles: {choices}, Ctrl-] q ends", flush=True)
    with contextlib.ExitStack() as stack, raw_terminal() as terminal:
        lines = {key: stack.enter_context(_open(path)) for key, path in sockets.items()}
        _carry(terminal, lines)
    print(flush=True)


def wait_for_key(gone: int) -> None:
    """Wait for Enter or Ctrl-C, or until the process behind the handle `gone` has ended."""
    with raw_terminal() as terminal:
        while True:
            ready, _, _ = select.select([terminal, gone], [], [])
            if gone in ready:
                return
            pressed = os.read(terminal, 256)
            if not pressed or any(key in pressed for key in (b"\r", b"\n", _INTERRUPT)):
                return


@contextmanager
def raw_terminal() -> Iterator[int]:
    """Standard input, each key as it is pressed; as before afterwards."""
    terminal = sys.stdin.fileno()
    before = termios.tcgetattr(terminal)
    try:
        tty.setraw(terminal)
        yield terminal
    finally:
        with contextlib.suppress(termios.error):  # the terminal is gone
            termios.tcsetattr(terminal, termios.TCSADRAIN, before)


def _open(path: Path) -> socket.socket:
    try:
        return connect(path)
    except OSError as error:
        raise TestbedError(
            Stage.INFRASTRUCTURE, f"{path.parent.name} of {path.parent.parent} is gone: {error}"
        ) from None


def _carry(terminal: int, lines: Mapping[str, socket.socket]) -> None:
    current = next(iter(lines.values()))
    current.sendall(b"\r")
    escaped = False
    while True:
        sources: list[int] = [terminal, *(line.fileno() for line in lines.values())]
        ready, _, _ = select.select(sources, [], [])
        for line in lines.values():
            if line.fileno() in ready:
                data = _received(line)
                if not data:
                    _print(b"\r\n[a machine has ended]\r\n")
                    return
                if line is current:
                    _print(data)
        if terminal not in ready:
            continue
        typed = os.read(terminal, 256)
        if not typed:
            return  # the terminal is gone
        for byte in typed:
            key = bytes([byte])
            if escaped:
                escaped = False
                if key == b"q":
                    return
                chosen = lines.get(key.decode(errors="replace"))
                if chosen is not None:
                    current = chosen
                    _print(b"\r\n")
                    current.sendall(b"\r")
            elif key == _ESCAPE:
                escaped = True
            else:
                current.sendall(key)


def _received(line: socket.socket) -> bytes:
    """What a console says; nothing once it has ended, also if it left something unread."""
    try:
        return line.recv(4096)
    except ConnectionResetError:
        return b""


def _print(data: bytes) -> None:
    os.write(sys.stdout.fileno(), data)
