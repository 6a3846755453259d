# SPDX-License-Identifier: MIT
"""The machines that scenarios are run on, as a person names them."""

from __future__ import annotations

import re
from dataclasses import dataclass
from pathlib import Path

from testbed.runner.discover import UsageError

DEFAULT_CHECKOUT = "testbed"
_NAME = re.compile(r"[A-Za-z0-9_][A-Za-z0-9_.@-]*")
_FOLDER = re.compile(r"[A-Za-z0-9_./+-]+")


@dataclass(frozen=True)
class Machine:
    """`name` is what ssh calls it; `checkout` the folder of the project there, from its home on.

    `slots` says how many scenarios it runs at a time; None: as many as it finds it can.
    """

    name: str
    checkout: str = DEFAULT_CHECKOUT
    slots: int | None = None


def read_machines(words: str) -> list[Machine]:
    """Those of a file, one a line, or of a list NAME,NAME. UsageError saying what is wrong.

    A line is NAME [slots=N] [checkout=FOLDER]; what follows a '#' is a comment.
    """
    path = Path(words)
    if path.is_file():
        try:
            lines = path.read_text().splitlines()
        except (OSError, UnicodeDecodeError) as error:
            raise UsageError(f"cannot read the machines in {path}: {error}") from None
        where = [(f"{path}:{number}", line) for number, line in enumerate(lines, 1)]
    else:
        where = [(words, name) for name in words.split(",")]
    found: dict[str, Machine] = {}
    for place, line in where:
        fields = line.partition("#")[0].split()
        if not fields:
            continue
        machine = _machine(place, fields)
        if machine.name in found:
            raise UsageError(f"{place}: {machine.name} is there twice; give it slots=2 instead")
        found[machine.name] = machine
    if not found:
        raise UsageError(f"no machines in {words}: neither a file that names some nor a list")
    return list(found.values())


def _machine(place: str, fields: list[str]) -> Machine:
    name, *options = fields
    if not _NAME.fullmatch(name):
        raise UsageError(f"{place}: {name!r} is not a name that ssh knows a machine by")
    checkout, slots = DEFAULT_CHECKOUT, None
    for option in options:
        key, _, value = option.partition("=")
        if key == "slots" and value.isdecimal() and int(value) > 0:
            slots = int(value)
        elif key == "checkout" and _FOLDER.fullmatch(value) and not value.startswith("-"):
            checkout = value
        else:
            raise UsageError(f"{place}: {option!r} is neither slots=NUMBER nor checkout=FOLDER")
    return Machine(name, checkout, slots)
