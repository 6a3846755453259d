# SPDX-License-Identifier: MIT
from __future__ import annotations

from types import SimpleNamespace
from typing import cast

import pytest
from machine_rig import BOARD, assignment, device, host_tree

from testbed.boards import board
from testbed.devicetree.guest_nodes import NodeReport
from testbed.machine.guest import Guest
from testbed.machine.host import Host
from testbed.machine.interrupts import count_interrupts, count_named

GIC = board("arm-virt").interrupts.name
MPIC = board("e500").interrupts.name
TABLE = """\
           CPU0       CPU1
 11:       4711          3     GICv3  27 Level     arch_timer
 13:        900          0     GICv3 1440 Level     other
 14:         17         25     GICv3 144 Level     ttyS0
 15:          8          0     GICv3-23 145 Edge      virtio0
 16:        600          0   GIC-MSI 146 Edge      msi
 20:         70         80     GICv3 211 Level     vfio-irq[0](1d11c500.serial)
 21:        700        800     GICv3 212 Level     vfio-irq[0](d11c500-serial)
 22:          5          6     GICv3 213 Level     vfio-irq[0](d11c500.serial)
 23:        700          0     GICv3 214 Level     d11d000.serial
 24:          1          2     GICv3 215 Level     vfio-irq[0](db0000.ethernet)
 25:         30         40     GICv3 216 Level     vfio-irq[1](db0000.ethernet)
 26:        500          0     GICv3 217 Level     vfio-irq[2](db0000.ethernet)
IPI0:        12         13       Rescheduling interrupts
Err:          0
"""


def test_the_counts_of_all_cpus_are_added() -> None:
    assert count_interrupts(TABLE, GIC, 144) == 17 + 25
    assert count_named(TABLE, GIC, "d11c500.serial") == 5 + 6


def test_all_lines_of_a_device_are_added() -> None:
    assert count_named(TABLE, GIC, "db0000.ethernet") == 1 + 2 + 30 + 40 + 500


def test_a_line_nobody_asked_for_has_no_interrupts() -> None:
    assert count_interrupts(TABLE, GIC, 14) == 0
    assert count_interrupts("", GIC, 144) == 0
    assert count_named(TABLE, GIC, "d11d000.serial") == 0  # its own driver took them


def test_the_name_of_the_controller_may_have_an_ending() -> None:
    assert count_interrupts(TABLE, GIC, 145) == 8


E500_TABLE = """\
           CPU0
 16:        112  OpenPIC    42 Level     serial
 19:          7  OpenPIC    37 Level     ttyS1
 20:          9  OpenPIC    36 Level     vfio-irq[0](fe011c500.serial)
LOC:        512   Local timer interrupts for timer event device
"""


def test_power_calls_its_controller_otherwise() -> None:
    assert count_interrupts(E500_TABLE, MPIC, 37) == 7
    assert count_interrupts(E500_TABLE, GIC, 37) == 0
    assert count_named(E500_TABLE, MPIC, "fe011c500.serial") == 9


@pytest.mark.parametrize(("lines", "count"), [((), 0), ((112,), 17 + 25), ((112, 179), 192)])
def test_all_lines_of_a_guests_device_are_added(lines: tuple[int, ...], count: int) -> None:
    path = "/soc/serial@11c500"
    run = SimpleNamespace(folder=lambda name: None)
    watch = SimpleNamespace(subscribe=lambda fail: None)
    assigned = assignment(path, [0x100])
    host = cast(Host, SimpleNamespace(run=run, watch=watch, board=BOARD))
    guest = Guest(host, "guest0", [assigned])
    guest.tree = host_tree(device("serial@11c500", [(0x11C500, 0x100)], lines))
    guest.reports = [NodeReport(path, path)]
    guest.succeed = lambda command: TABLE  # type: ignore[method-assign, assignment, misc]
    assert guest.interrupts(assigned) == count
