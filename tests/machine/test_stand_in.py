# SPDX-License-Identifier: MIT
from __future__ import annotations

from collections.abc import Sequence
from types import SimpleNamespace
from typing import Any, cast

from machine_rig import BOARD, assignment, host_tree

from models.sec import PRESETS
from testbed.boards.board import PlatformDevice
from testbed.boards.sec import sec_devices
from testbed.devicetree import Tree
from testbed.devicetree.address import cpu_address, linux_name, register_windows
from testbed.machine.guest_tree import add_devices
from testbed.machine.host import Host
from testbed.machine.platform_bus import place

RINGS = ("/soc/crypto@300000/jr@1000", "/soc/crypto@300000/jr@2000")


class FakeHost:
    """As much of a host as makes a guest's tree."""

    def __init__(self, devices: Sequence[PlatformDevice] = BOARD.devices) -> None:
        self.board = BOARD
        self.devices = tuple(devices)
        self.tree = host_tree(*devices)
        self.run = SimpleNamespace(note=lambda text: None)
        made: dict[str, Any] = {}
        for device in devices:
            made[device.path] = device.model(made)
        self.model = made.__getitem__
        self.node = self.tree.node

    def assign(self, path: str) -> Any:
        sizes = [size for _, size in register_windows(self.tree, self.node(path))]
        made = assignment(path, sizes, 1)
        return type(made)(**{**vars(made), "tree": self.tree})


def guest_tree() -> Tree:
    tree = host_tree()
    tree.root.set("interrupt-parent", tree.phandle(tree.root.child("intc")))  # type: ignore[arg-type]
    base, size = BOARD.guest_bus.base, BOARD.guest_bus.size
    bus = {
        "#address-cells": 1,
        "#size-cells": 1,
        "ranges": (0, 0, base, size),
        "interrupt-parent": 0x1234,
    }
    tree.root.add(BOARD.guest_bus.node.strip("/"), bus)
    return tree


def add(host: FakeHost, *paths: str, stand_ins: bool = True) -> tuple[Tree, Any]:
    assigned = [host.assign(path) for path in paths]
    tree = guest_tree()
    placements = place(BOARD, assigned)
    added = add_devices(cast(Host, host), tree, assigned, placements, stand_ins=stand_ins)
    return tree, added


def test_a_ring_lies_in_memory_that_stands_in_for_its_controller() -> None:
    host = FakeHost()
    tree, added = add(host, *RINGS)
    (preload,) = added.preloads
    controller = tree.node(f"/stand-ins/crypto@{preload.address:x}")
    assert cpu_address(tree, controller, preload.address) == preload.address
    stand_ins = tree.node("/stand-ins")
    assert stand_ins.strings("compatible") == ("simple-bus",)
    # Interrupts of the parts go where those of the bus go that the parts are really on.
    assert stand_ins.cell("interrupt-parent") == 0x1234
    assert controller.require("compatible") == host.node("/soc/crypto@300000").require("compatible")
    assert controller.get("interrupts") is None
    for number, report in enumerate(added.reports):
        ring = tree.node(report.guest_path)
        (address, size), *_ = register_windows(tree, ring)
        assert cpu_address(tree, ring, address) == BOARD.guest_bus.base + number * 0x1000
        assert size == 0x1000
        assert linux_name(tree, ring).endswith(".jr")
        assert ring.cells("interrupts") == (0, BOARD.guest_bus.first_interrupt + number, 4)


def test_the_memory_is_the_guests_no_more_and_holds_what_the_driver_reads() -> None:
    host = FakeHost()
    tree, added = add(host, RINGS[0])
    (preload,) = added.preloads
    end = preload.address + len(preload.content)
    assert BOARD.guest_memory_start < preload.address < end <= BOARD.guest_memory_end
    reserved = tree.node(f"/reserved-memory/crypto@{preload.address:x}")
    assert reserved.get("no-map") == b""
    assert reserved.cells("reg")[1] == preload.address
    model = host.model("/soc/crypto@300000")
    assert preload.content == model.stand_in(0x1000)
    assert any(preload.content[0x1000:])


def test_a_sec_in_pages_of_64_kib_lies_where_it_is_told_to() -> None:
    devices = sec_devices(
        PRESETS["LS1046A"],
        compatible=("fsl,sec-v5.4", "fsl,sec-v4.0"),
        interrupt=176,
        rings=((177, 0xE0), (178, 0xD8)),
        properties={},
        ring_compatible=("fsl,sec-v5.4-job-ring",),
        offset=0x700000,
        size=0x100000,
    )
    assert devices[2].regions == ((0x720000, 0x10000),)
    host = FakeHost(devices)
    tree, added = add(host, *(device.path for device in devices[1:]))
    (preload,) = added.preloads
    assert preload.content == host.model("/soc/crypto@700000").stand_in(0x10000)
    end = preload.address + len(preload.content)
    assert preload.address % 0x100000 == 0
    assert end <= BOARD.guest_memory_end
    for number, report in enumerate(added.reports):
        ring = tree.node(report.guest_path)
        ((address, size),) = register_windows(tree, ring)
        assert address == preload.address % 0x10000 + (1 + number) * 0x10000
        assert cpu_address(tree, ring, address) == BOARD.guest_bus.base + number * 0x10000
        assert size == 0x10000


def test_without_stand_ins_a_ring_is_alone_on_the_bus() -> None:
    tree, added = add(FakeHost(), RINGS[0], stand_ins=False)
    assert added.preloads == []
    assert added.reports[0].guest_path == f"{BOARD.guest_bus.node}/jr@0"
    assert tree.root.child("reserved-memory") is None


def test_other_devices_need_no_stand_in() -> None:
    _, added = add(FakeHost(), "/soc/sata@221000", "/soc/serial@11d000")
    assert added.preloads == []
