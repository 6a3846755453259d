# SPDX-License-Identifier: MIT
"""Reading the counts in a machine's /proc/interrupts."""

from __future__ import annotations

import re

_COUNTS = r"^\s*\d+:((?:\s+\d+)+)\s+"


def count_interrupts(table: str, spi: int) -> int:
    """How often a GIC shared peripheral interrupt was handled, all CPUs together."""
    return _sum(re.search(rf"{_COUNTS}GIC\S*\s+{spi + 32}\s", table, re.MULTILINE))


def count_named(table: str, device: str) -> int:
    """How often VFIO took an interrupt of platform device `device`, all CPUs together."""
    return _sum(re.search(rf"{_COUNTS}GIC.*\({re.escape(device)}\)$", table, re.MULTILINE))


def _sum(row: re.Match[str] | None) -> int:
    return sum(int(count) for count in row.group(1).split()) if row else 0
