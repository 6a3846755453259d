# SPDX-License-Identifier: MIT
"""What a run took of the machine: CPU time and memory of its process and of those it started."""

from __future__ import annotations

import resource
from dataclasses import dataclass

_KIB_PER_MIB = 1024


@dataclass(frozen=True)
class Usage:
    """`cpu_seconds` is user and system time, `peak_memory` in MiB resident."""

    cpu_seconds: float
    peak_memory: int


def usage_so_far() -> Usage:
    """Of this process and its children that have ended.

    The kernel keeps the peak of the largest child only: that is the host's QEMU, beside which the
    others are small. Both peaks together are what a run may need at once.
    """
    used = [resource.getrusage(who) for who in (resource.RUSAGE_SELF, resource.RUSAGE_CHILDREN)]
    return Usage(
        cpu_seconds=round(sum(each.ru_utime + each.ru_stime for each in used), 2),
        peak_memory=round(sum(each.ru_maxrss for each in used) / _KIB_PER_MIB),
    )
