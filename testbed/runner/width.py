# SPDX-License-Identifier: MIT
"""How many scenarios this machine runs at the same time."""

from __future__ import annotations

import os
from pathlib import Path

CORES = 1
"""That one run keeps busy: its machine's emulation is one thread, and waits for its devices."""

MEMORY = 2 << 30
"""Bytes that one run may take: 1 GiB of its machine's, and what answers for its devices."""


def default_width(cores: int | None = None, available: int | None = None) -> int:
    """As many runs as have cores and memory (in bytes), by default this machine's."""
    cores = len(os.sched_getaffinity(0)) if cores is None else cores
    available = _available() if available is None else available
    return max(1, min(cores // CORES, available // MEMORY))


def _available() -> int:
    """Bytes that can be had without swapping."""
    for line in Path("/proc/meminfo").read_text().splitlines():
        name, _, rest = line.partition(":")
        if name == "MemAvailable":
            return int(rest.split()[0]) << 10
    return 0
