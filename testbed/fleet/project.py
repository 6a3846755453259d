# SPDX-License-Identifier: MIT
"""What of the project is on every machine, and how to tell that it is the same."""

from __future__ import annotations

import hashlib
from collections.abc import Iterator
from pathlib import Path

from testbed.paths import PROJECT

SHARED = (
    "testbed",
    "models",
    "scenarios",
    "guests",
    "kernel-patches",
    "ci",
    "Makefile",
    "README.md",
    "pyproject.toml",
)
"""Files and folders of the project that a machine gets."""

NOT_SHARED = ("__pycache__", "*.egg-info", ".*")
"""What in them is made by programs, as patterns of names."""


def digest(project: Path = PROJECT) -> str:
    """The same on two machines if every shared file is, by name and content."""
    total = hashlib.sha256()
    for path in sorted(_files(project)):
        name = path.relative_to(project).as_posix()
        total.update(f"{name}\0{hashlib.sha256(path.read_bytes()).hexdigest()}\n".encode())
    return total.hexdigest()


def _files(project: Path) -> Iterator[Path]:
    for name in SHARED:
        top = project / name
        if top.is_file():
            yield top
        for path in top.rglob("*"):
            parts = path.relative_to(project).parents
            places = [path, *(project / part for part in parts if part.name)]
            if path.is_file() and not any(p.match(no) for p in places for no in NOT_SHARED):
                yield path
