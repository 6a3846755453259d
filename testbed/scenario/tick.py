# SPDX-License-Identifier: MIT
"""The tick of an Arm host with one CPU, as its kernel and its interrupt controller have it."""

from __future__ import annotations

import re
from dataclasses import dataclass

from testbed.machine.host import Host
from testbed.machine.interrupts import count_interrupts

# A kernel at EL2 ticks on the EL2 physical timer. Source: QEMU, include/hw/arm/bsa.h and
# hw/arm/virt.c; Arm IHI 0069, the redistributor's second frame.
_EL2_TIMER = 26
_REDISTRIBUTOR = 0x080B0000
_ISPENDR0, _ISACTIVER0 = 0x200, 0x300

_NOW = re.compile(r"^now at (\d+) nsecs$", re.MULTILINE)
_DUE = re.compile(r"^Per CPU device: 0$(?s:.*?)^ next_event: +(\d+) nsecs$", re.MULTILINE)


@dataclass(frozen=True)
class Tick:
    """`interrupts` of the timer were handled by `now`; the next was asked for when it is `due`.

    Both in nanoseconds of the host's own counter, which also goes on in a host that has no tick.
    """

    now: int
    due: int
    interrupts: int

    @classmethod
    def of(cls, host: Host) -> Tick:
        """As it is now."""
        tables = host.succeed(["cat", "/proc/timer_list", "/proc/interrupts"])
        return cls.parse(tables, host.board.interrupts.name)

    @classmethod
    def parse(cls, tables: str, controller: re.Pattern[str]) -> Tick:
        """From the text of the kernel's two files; AssertionError if it is not theirs."""
        now, due = _NOW.search(tables), _DUE.search(tables)
        assert now is not None, f"there is no time in /proc/timer_list:\n{tables}"
        assert due is not None, f"there is no event in /proc/timer_list:\n{tables}"
        return cls(int(now[1]), int(due[1]), count_interrupts(tables, controller, _EL2_TIMER))


def interrupted(host: Host) -> bool:
    """Whether the timer's interrupt waits for the CPU, or is being handled by it."""
    states = [
        host.qmp.monitor(f"xp /1wx {_REDISTRIBUTOR + register:#x}")
        for register in (_ISPENDR0, _ISACTIVER0)
    ]
    return any(int(state.split()[-1], 16) >> _EL2_TIMER & 1 for state in states)
