# SPDX-License-Identifier: MIT
"""Kernel configurations: what a fragment asks for, and whether a .config has it."""

from __future__ import annotations

import re
from pathlib import Path

from testbed.artifacts.failure import failure

_SET = re.compile(r"^(CONFIG_\w+)=(.+)$", re.MULTILINE)
_TITLE = re.compile(r"^# Linux/(\w+) \S+ Kernel Configuration$", re.MULTILINE)


def symbols(text: str) -> dict[str, str]:
    """Values by symbol; those that are "not set" or set to "n" are left out."""
    return {name: value for name, value in _SET.findall(text) if value != "n"}


def check_config(fragment: Path, config: Path, what: str = "the kernel") -> None:
    """Raises TestbedError naming the symbols of `fragment` that `config` does not have as asked.

    A symbol is dropped in silence when something it depends on is missing, or its name has gone.
    """
    asked = dict(_SET.findall(fragment.read_text()))
    found = symbols(config.read_text())
    wrong = [
        f"{name}={value} became {found.get(name, 'n')}"
        for name, value in asked.items()
        if found.get(name, "n") != value
    ]
    if wrong:
        more = f" and {len(wrong) - 3} more" if len(wrong) > 3 else ""
        raise failure(
            f"cannot configure {what} as {fragment.name} asks: {', '.join(wrong[:3])}{more};"
            " look at what they depend on",
            excerpt=tuple(wrong),
        )


def architecture(config: Path) -> str:
    """The kernel's name of the architecture that a .config is for, such as "powerpc"."""
    title = _TITLE.search(config.read_text())
    if title is None:
        raise failure(f"{config} is not a kernel's configuration: it does not say what it is for")
    return title[1]
