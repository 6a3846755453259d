# SPDX-License-Identifier: MIT
"""Tick: read from what an Arm kernel prints about its timers and its interrupts."""

from __future__ import annotations

import re
from typing import cast

import pytest

from testbed.boards import board
from testbed.machine.host import Host
from testbed.scenario.tick import Tick, interrupted

GIC = board("arm-virt").interrupts.name
TIMERS = """\
Timer List Version: v0.10
now at 7335060544 nsecs

cpu: 0
  .expires_next   : 7336000000 nsecs
Tick Device: mode:     1
Broadcast device
Clock Event Device: bc_hrtimer
 next_event:     9223372036854775807 nsecs

Tick Device: mode:     1
Per CPU device: 0
Clock Event Device: arch_sys_timer
 mode:           3
 next_event:     7340000000 nsecs
"""
INTERRUPTS = """\
           CPU0
 12:         77     GICv3  27 Level     kvm guest vtimer
 13:       1219     GICv3  26 Level     arch_timer
"""


class Redistributor:
    """A host whose redistributor holds these words, and nothing else."""

    def __init__(self, pending: int, active: int) -> None:
        self.words = {0x80B0200: pending, 0x80B0300: active}
        self.qmp = self

    def monitor(self, command: str) -> str:
        (address,) = re.findall(r"^xp /1wx (0x\w+)$", command)
        return f"{int(address, 16):016x}: {self.words[int(address, 16)]:#010x}\n"


def test_the_event_is_that_of_the_cpu() -> None:
    assert Tick.parse(TIMERS + INTERRUPTS, GIC) == Tick(7335060544, 7340000000, 1219)


@pytest.mark.parametrize("missing", ["now at", "Per CPU device"])
def test_text_that_is_not_of_these_files_is_shown(missing: str) -> None:
    with pytest.raises(AssertionError, match=r"in /proc/timer_list:\nTimer List"):
        Tick.parse(TIMERS.replace(missing, "?"), GIC)


@pytest.mark.parametrize(
    ("pending", "active", "expected"),
    [(0, 0, False), (1 << 26, 0, True), (0, 1 << 26, True), (~(1 << 26) & 0xFFFFFFFF, 1, False)],
)
def test_an_interrupt_is_under_way_until_it_was_handled(
    pending: int, active: int, expected: bool
) -> None:
    assert interrupted(cast(Host, Redistributor(pending, active))) is expected
