# SPDX-License-Identifier: MIT
from __future__ import annotations

from types import SimpleNamespace
from typing import Any, cast

import pytest

from testbed.boards import BOARDS
from testbed.devicetree.guest_nodes import Placement
from testbed.errors import Stage, TestbedError
from testbed.machine.guest import Guest
from testbed.machine.virtual_uart import VirtualUart
from testbed.scenario.guest_bus import check_places, mapped_uarts, peripherals, refusal

BUS = BOARDS["arm-virt"].guest_bus
A, B = VirtualUart("a"), VirtualUart("b", register_shift=1)


class FakeNode:
    def __init__(self, **cells: list[int]) -> None:
        self.path = "/platform-bus@c000000/serial@0"
        self._cells = cells

    def cells(self, name: str) -> list[int]:
        return self._cells[name]


class FakeGuest:
    """A guest with UARTs `A` and `B` where a test says, and the nodes that should say the same."""

    def __init__(self, a: int, b: int, lines: tuple[int, int] = (112, 113)) -> None:
        self.devices = (A, B)
        self.host = SimpleNamespace(board=BOARDS["arm-virt"])
        self.placements = {
            A: Placement((a,), ((0, lines[0], 4),)),
            B: Placement((b,), ((0, lines[1], 4),)),
        }
        self.nodes = {
            device: FakeNode(
                reg=[place.offsets[0], device.size],
                interrupts=[*place.interrupts[0]],
            )
            for device, place in self.placements.items()
        }
        self.placement = self.placements.__getitem__
        self.node = self.nodes.__getitem__


def check(guest: FakeGuest) -> list[Placement]:
    return check_places(cast(Guest, guest))


def test_places_that_are_apart_are_fine() -> None:
    assert check(FakeGuest(0, 0x10)) == [
        Placement((0,), ((0, 112, 4),)),
        Placement((0x10,), ((0, 113, 4),)),
    ]
    check(FakeGuest(0x10, 0))
    check(FakeGuest(0, BUS.size - B.size))


@pytest.mark.parametrize(("a", "b"), [(8, 0), (0, 4), (0, 0)])
def test_windows_that_overlap_are_found(a: int, b: int) -> None:
    with pytest.raises(AssertionError, match="windows overlap"):
        check(FakeGuest(a, b))


def test_a_window_past_the_end_is_found() -> None:
    with pytest.raises(AssertionError, match="the bus ends at 0x2000000"):
        check(FakeGuest(0, BUS.size - B.size + 8))


def test_a_shared_interrupt_is_found() -> None:
    with pytest.raises(AssertionError, match="devices share an interrupt"):
        check(FakeGuest(0, 0x10, (112, 112)))


@pytest.mark.parametrize(
    ("name", "cells", "message"),
    [("reg", [0x10, 8], "is not at"), ("interrupts", [0, 114, 4], "has others than")],
)
def test_a_node_that_says_something_else_is_found(
    name: str, cells: list[int], message: str
) -> None:
    guest = FakeGuest(0, 0x10)
    guest.nodes[B]._cells[name] = cells
    with pytest.raises(AssertionError, match=message):
        check(guest)


MEMORY_TREE = """FlatView #0\r
 AS "I/O", root: io\r
  0000000000000000-000000000000ffff (prio 0, i/o): io\r
\r
FlatView #1\r
 AS "memory", root: system\r
  0000000009000000-0000000009000fff (prio 0, i/o): pl011\r
  000000000c000008-000000000c00000f (prio 0, i/o): serial\r
  000000000c000000-000000000c000007 (prio 0, i/o): serial\r
  000000000c000200-000000000c000207 (prio 0, i/o): serial\r
  000000000c000100-000000000c000107 (prio 0, i/o): serial\r
  000000000c001000-000000000c0010ff (prio 0, i/o): VFIO d11c500.serial region 0\r
  000000000e000000-000000000e000007 (prio 0, i/o): serial\r
\r
FlatView #2\r
 AS "other", root: system\r
  000000000c000008-000000000c00000f (prio 0, i/o): serial\r
"""


class FakeQmp:
    def monitor(self, command: str) -> str:
        assert command == "info mtree -f"
        return MEMORY_TREE

    def execute(self, command: str, arguments: dict[str, str]) -> Any:
        if command == "qom-list":
            assert arguments == {"path": "/machine/peripheral"}
            return [
                {"name": "type", "type": "string"},
                {"name": "a", "type": "child<ns16550>"},
                {"name": "disk", "type": "child<virtio-blk-device>"},
            ]
        assert command == "device_add"
        if arguments["driver"] == "taken":
            return {}
        raise TestbedError(Stage.TEST, "Device does not support hotplugging")


def running() -> Guest:
    guest = FakeGuest(0, 0x10)
    return cast(Guest, SimpleNamespace(host=guest.host, qmp=FakeQmp()))


def test_windows_of_uarts_on_the_bus_are_read_from_the_memory_tree() -> None:
    windows = [(0, 7), (8, 15), (0x100, 0x107), (0x200, 0x207)]
    assert mapped_uarts(running()) == windows


def test_devices_of_a_type_are_listed() -> None:
    assert peripherals(running(), "ns16550") == {"a"}
    assert peripherals(running(), "ramfb") == set()


def test_a_running_machine_has_to_refuse() -> None:
    assert refusal(running(), "ns16550") == "Device does not support hotplugging"
    with pytest.raises(AssertionError, match="took another taken"):
        refusal(running(), "taken")
