# SPDX-License-Identifier: MIT
"""Lists kept as data: one entry per line, `#` starts a comment."""

from __future__ import annotations

from pathlib import Path

REPOSITORY = Path(__file__).resolve().parents[2]
GUESTS = REPOSITORY / "guests"
KERNEL_PATCHES = REPOSITORY / "kernel-patches"


def read_list(path: Path) -> list[str]:
    """Raises OSError."""
    lines = (line.split("#", 1)[0].strip() for line in path.read_text().splitlines())
    return [line for line in lines if line]


def files_below(*places: Path, suffixes: tuple[str, ...] = ()) -> tuple[Path, ...]:
    """All files in these files and folders, sorted; only with `suffixes` when there are any."""
    found: list[Path] = []
    for place in places:
        found += [place] if place.is_file() else (p for p in place.rglob("*") if p.is_file())
    wanted = (path for path in found if not suffixes or path.suffix in suffixes)
    return tuple(sorted(path for path in wanted if "__pycache__" not in path.parts))
