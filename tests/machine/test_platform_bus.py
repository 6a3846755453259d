# SPDX-License-Identifier: MIT
from __future__ import annotations

from dataclasses import replace
from typing import Any, cast

import pytest
from machine_rig import BOARD, assignment

from testbed.devicetree.guest_nodes import Placement
from testbed.errors import Stage, TestbedError
from testbed.machine.platform_bus import place, read_placements
from testbed.qmp import Qmp

UART = assignment("/soc/serial@11c500", [0x100], 1)
SATA = assignment("/soc/sata@221000", [0x1000, 0x80], 2)


def offsets(*sizes: int) -> list[int]:
    """Where windows of these sizes go, each a device of its own."""
    devices = [assignment(f"/soc/d@{index}", [size]) for index, size in enumerate(sizes)]
    return [placement.offsets[0] for placement in place(BOARD, devices)]


def test_windows_are_aligned_to_their_size_rounded_up_to_a_power_of_two() -> None:
    assert offsets(0x100, 0x1000) == [0, 0x1000]
    assert offsets(0x100, 0x180) == [0, 0x200]
    assert offsets(0x100, 0x1001) == [0, 0x2000]
    assert offsets(1, 1) == [0, 1]


def test_holes_are_filled_and_nothing_overlaps() -> None:
    assert offsets(0x100, 0x1000, 0x100, 0x800, 0x800) == [0, 0x1000, 0x100, 0x800, 0x2000]
    # 0x180 bytes leave 0x80 behind them, which a smaller window gets.
    assert offsets(0x180, 0x80, 0x80) == [0, 0x180, 0x200]


def test_lines_are_taken_in_order() -> None:
    assert place(BOARD, [UART, SATA]) == [
        Placement((0,), ((0, 112, 4),)),
        Placement((0x1000, 0x100), ((0, 113, 4), (0, 114, 4))),
    ]


def test_a_window_may_fill_the_bus_but_not_more() -> None:
    size = BOARD.guest_bus.size
    assert offsets(size // 2, size // 2) == [0, size // 2]
    with pytest.raises(
        TestbedError,
        match=r"^the platform bus has no 0x1000 bytes left of its 0x2000000, /soc/d@1 needs them",
    ):
        offsets(size, 0x1000)
    with pytest.raises(
        TestbedError, match=r"no 0x3000000 bytes left .* /soc/d@0 needs them for region 0$"
    ):
        offsets(size + size // 2)


def test_lines_run_out_with_a_clear_error() -> None:
    board = replace(BOARD, guest_bus=replace(BOARD.guest_bus, interrupt_count=3))
    assert len(place(board, [UART, SATA])) == 2
    with pytest.raises(
        TestbedError,
        match=r"^the platform bus has 1 of its 3 interrupts left, /soc/sata@221000 needs 2$",
    ) as e:
        place(board, [UART, UART, SATA])
    assert e.value.stage is Stage.GUEST_BOOT


MEMORY_TREE = """FlatView #0
 AS "memory", root: system
 Root memory region: system
  0000000000000000-0000000003ffffff (prio 0, romd): virt.flash0
  000000000c000000-000000000c000fff (prio 0, ramd): VFIO d221000.sata region 0 mmaps[0]
  000000000c002000-000000000c00207f (prio 0, i/o): VFIO d221000.sata region 10
  000000000c002100-000000000c00217f (prio 0, i/o): VFIO d221000.sata region 1
  000000000c003000-000000000c0030ff (prio 0, i/o): VFIO d11c500.serial region 0

FlatView #1
 AS "I/O", root: io
"""


class FakeQmp:
    """A nested QEMU's answers, `links` by device and line."""

    def __init__(self, memory_tree: str, links: dict[tuple[str, str], str]) -> None:
        self._memory_tree = memory_tree
        self._links = links

    def monitor(self, command: str) -> str:
        assert command == "info mtree -f"
        return self._memory_tree

    def execute(self, command: str, arguments: dict[str, str]) -> Any:
        assert command == "qom-get"
        return self._links[arguments["path"], arguments["property"]]


def read(memory_tree: str, links: dict[tuple[str, str], str]) -> list[Placement]:
    qmp = cast(Qmp, FakeQmp(memory_tree, links))
    return read_placements(BOARD, qmp, [UART, SATA], ["serial-11c500", "sata-221000"])


GIC = "/machine/unattached/device[3]/unnamed-gpio-in"
LINKS = {
    ("/machine/peripheral/serial-11c500", "sysbus-irq[0]"): f"{GIC}[114]",
    ("/machine/peripheral/sata-221000", "sysbus-irq[0]"): f"{GIC}[112]",
    ("/machine/peripheral/sata-221000", "sysbus-irq[1]"): f"{GIC}[113]",
}


def test_placements_are_read_from_the_running_qemu() -> None:
    assert read(MEMORY_TREE, LINKS) == [
        Placement((0x3000,), ((0, 114, 4),)),
        Placement((0, 0x2100), ((0, 112, 4), (0, 113, 4))),
    ]


def test_a_window_that_is_not_mapped_is_named() -> None:
    without = MEMORY_TREE.replace("VFIO d221000.sata region 1\n", "container\n")
    with pytest.raises(TestbedError, match="region 1 of /soc/sata@221000 is nowhere"):
        read(without, LINKS)


@pytest.mark.parametrize(
    ("link", "goes"), [("", "nothing"), ("/machine/pic/other[0]", "/machine/pic/other")]
)
def test_a_line_that_is_not_connected_is_named(link: str, goes: str) -> None:
    links = LINKS | {("/machine/peripheral/sata-221000", "sysbus-irq[1]"): link}
    with pytest.raises(TestbedError, match=f"interrupt 1 of /soc/sata@221000 goes to {goes}"):
        read(MEMORY_TREE, links)
