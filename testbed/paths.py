# SPDX-License-Identifier: MIT
"""Where the parts of the project that are not Python lie. The testbed runs from its checkout."""

from __future__ import annotations

from pathlib import Path

PROJECT = Path(__file__).resolve().parent.parent
GUESTS = PROJECT / "guests"
FRAGMENTS = GUESTS / "fragments"
SCENARIOS = PROJECT / "scenarios"
KERNEL_PATCHES = PROJECT / "kernel-patches"


def scenario_name(path: Path) -> str:
    """What a scenario file is called: its name without the ending, words joined by '-'."""
    return path.stem.replace("_", "-")
