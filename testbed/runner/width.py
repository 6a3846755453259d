# SPDX-License-Identifier: MIT
"""How many scenarios this machine runs at the same time."""

from __future__ import annotations

import os
from pathlib import Path

_WAITING = 1
"""Runs beside those that keep a core busy each: there is always one that loads, or waits."""

MEMORY = 2 << 30
"""Bytes that one run may take: 1 GiB of its machine's, and what answers for its devices."""

SHARED_SCALE = 2
"""Of deadlines, for scenarios that run at the same time and wait for each other's cores."""


def default_width(cores: int | None = None, available: int | None = None) -> int:
    """As many runs as cores and memory (in bytes) are for, by default this machine's."""
    cores = len(os.sched_getaffinity(0)) if cores is None else cores
    available = _available() if available is None else available
    return max(1, min(cores + _WAITING, available // MEMORY))


def _available() -> int:
    """Bytes that can be had without swapping."""
    for line in Path("/proc/meminfo").read_text().splitlines():
        name, _, rest = line.partition(":")
        if name == "MemAvailable":
            return int(rest.split()[0]) << 10
    return 0
