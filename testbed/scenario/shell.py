# SPDX-License-Identifier: MIT
"""The terminal of a person, attached to the consoles of host and guest in turn."""

from __future__ import annotations

import os
import select
import sys
import termios
import tty
from collections.abc import Mapping

from testbed.console import Console

CONSOLE_ARGUMENT = "testbed.console=shell"
"""Kernel argument that has the machines' init give a shell on the console."""

_ESCAPE = b"\x1d"  # Ctrl-]


def attach(consoles: Mapping[str, Console]) -> None:
    """Carry the terminal to one console at a time until the person ends it.

    `consoles` are named by one letter each. Ctrl-] and the letter changes to that console, Ctrl-]
    and q ends.
    """
    terminal = sys.stdin.fileno()
    before = termios.tcgetattr(terminal)
    choices = ", ".join(f"Ctrl-] {key} {console.machine}" for key, console in consoles.items())
    print(f"\nconsoles: {choices}, Ctrl-] q ends", flush=True)
    try:
        tty.setraw(terminal)
        _carry(terminal, consoles)
    finally:
        termios.tcsetattr(terminal, termios.TCSADRAIN, before)
        print(flush=True)


def _carry(terminal: int, consoles: Mapping[str, Console]) -> None:
    current = next(iter(consoles.values()))
    current.show_to(_print)
    escaped = False
    while True:
        ready, _, _ = select.select([terminal], [], [], 0.5)
        if any(console.ended for console in consoles.values()):
            _print(b"\r\n[a machine has ended]\r\n")
            return
        if not ready:
            continue
        for byte in os.read(terminal, 256):
            key = bytes([byte])
            if escaped:
                escaped = False
                if key == b"q":
                    return
                chosen = consoles.get(key.decode(errors="replace"))
                if chosen is not None:
                    current.show_to(None)
                    current = chosen
                    _print(f"\r\n[{current.machine}]\r\n".encode())
                    current.show_to(_print)
                    current.type(b"\r")
            elif key == _ESCAPE:
                escaped = True
            else:
                current.type(key)


def _print(data: bytes) -> None:
    os.write(sys.stdout.fileno(), data)
