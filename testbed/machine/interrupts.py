# SPDX-License-Identifier: MIT
"""Reading the counts in a machine's /proc/interrupts."""

from __future__ import annotations

import re

_COUNTS = r"^\s*\d+:((?:\s+\d+)+)\s+"


def count_interrupts(table: str, controller: re.Pattern[str], number: int) -> int:
    """How often an input of an interrupt controller was handled, all CPUs together.

    `controller` and `number` are as in the table.
    """
    return _sum(re.search(rf"{_COUNTS}{controller.pattern}\s+{number}\s", table, re.MULTILINE))


def count_named(table: str, controller: re.Pattern[str], device: str) -> int:
    """How often VFIO took an interrupt of platform device `device`, all CPUs together."""
    pattern = rf"{_COUNTS}{controller.pattern}\s.*\({re.escape(device)}\)$"
    return _sum(re.search(pattern, table, re.MULTILINE))


def _sum(row: re.Match[str] | None) -> int:
    return sum(int(count) for count in row.group(1).split()) if row else 0
