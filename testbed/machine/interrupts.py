# SPDX-License-Identifier: MIT
"""Reading the counts in a machine's /proc/interrupts."""

from __future__ import annotations

import re

_COUNTS = r"^\s*\d+:((?:\s+\d+)+)\s+"


def count_interrupts(table: str, controller: re.Pattern[str], number: int) -> int:
    """How often an input of an interrupt controller was handled, all CPUs together.

    `controller` and `number` are as in the table.
    """
    return _sum(rf"{_COUNTS}{controller.pattern}\s+{number}\s", table)


def count_named(table: str, controller: re.Pattern[str], device: str) -> int:
    """How often VFIO took interrupts of platform device `device`, all lines and CPUs together."""
    return _sum(rf"{_COUNTS}{controller.pattern}\s.*\({re.escape(device)}\)$", table)


def _sum(row: str, table: str) -> int:
    rows = re.finditer(row, table, re.MULTILINE)
    return sum(int(count) for found in rows for count in found[1].split())
