# SPDX-License-Identifier: MIT
"""The `/soc` bus: nodes that belong to a device, and properties that lead to other nodes."""

from __future__ import annotations

import struct
from dataclasses import replace

import pytest

from testbed.boards.board import ChildNode, PlatformDevice, Reference
from testbed.boards.soc import add_devices, add_nodes
from testbed.devicetree import Tree, TreeError
from testbed.remoteport.device import Device

BUS = PlatformDevice(
    name="mdio@24000",
    compatible=("fsl,etsec2-mdio",),
    registers=((0x24000, 0x1000),),
    interrupts=(),
    model=lambda _: Device("mdio"),
    stream_id=0xC8,
    properties={"#address-cells": 1, "#size-cells": 0},
    children=(ChildNode("ethernet-phy@1", properties={"reg": 1}),),
)


def ethernet(leads_to: str) -> PlatformDevice:
    return PlatformDevice(
        name="ethernet@b0000",
        compatible=("fsl,etsec2",),
        registers=((0xB0000, 0x1000),),
        interrupts=(29, 30),
        model=lambda _: Device("ethernet"),
        properties={"ranges": None, "phy-handle": Reference(leads_to)},
        children=(ChildNode("queue-group@b0000", ((0xB0000, 0x1000),), (29, 30)),),
    )


def tree_of(*devices: PlatformDevice) -> Tree:
    structure = struct.pack(">4I", 1, 0, 2, 9)
    header = struct.pack(">10I", 0xD00DFEED, 72, 56, 72, 40, 17, 16, 0, 0, len(structure))
    tree = Tree.parse(header + bytes(16) + structure)
    soc = tree.root.add("soc")
    add_devices(tree, soc, devices, lambda line: (line, 2), lambda liodn: {"fsl,liodn": liodn})
    return tree


def test_a_device_has_its_children_and_only_what_it_has() -> None:
    tree = tree_of(BUS)
    assert list(tree.node("/soc/mdio@24000").properties()) == [
        *("compatible", "reg", "#address-cells", "#size-cells", "fsl,liodn")
    ]
    assert tree.node("/soc/mdio@24000/ethernet-phy@1").properties() == {"reg": bytes([0, 0, 0, 1])}


def test_a_child_has_registers_and_interrupts_as_a_device_has() -> None:
    tree = tree_of(BUS, ethernet("mdio@24000/ethernet-phy@1"))
    child = tree.node("/soc/ethernet@b0000/queue-group@b0000")
    assert child.cells("reg") == (0xB0000, 0x1000)
    assert child.cells("interrupts") == (29, 2, 30, 2)


def test_a_reference_is_the_phandle_of_its_node() -> None:
    tree = tree_of(BUS, ethernet("mdio@24000/ethernet-phy@1"))
    phy = tree.node("/soc/mdio@24000/ethernet-phy@1")
    assert tree.node("/soc/ethernet@b0000").cell("phy-handle") == phy.cell("phandle")


def test_a_reference_to_nothing_is_refused() -> None:
    with pytest.raises(TreeError, match="/soc/mdio@24000 has no 'ethernet-phy@2'"):
        tree_of(BUS, ethernet("mdio@24000/ethernet-phy@2"))


def test_a_clock_of_the_board_is_led_to_from_the_root_and_from_its_bus() -> None:
    tree = tree_of()
    tree.root.add("gpio@1")
    add_nodes(
        tree,
        (
            ChildNode("clock", properties={"compatible": "fixed-clock"}),
            ChildNode("gate", properties={"clocks": Reference("/clock")}),
            ChildNode("other", properties={"enable-gpios": Reference("/gpio@1", (5, 0))}),
        ),
    )
    user = replace(BUS, properties={"clocks": Reference("/gate")})
    add_devices(tree, tree.node("/soc"), (user,), lambda line: (line,), lambda _: {})
    clock, gate, gpio = (tree.node(f"/{n}").cell("phandle") for n in ("clock", "gate", "gpio@1"))
    assert tree.node("/gate").cells("clocks") == (clock,)
    assert tree.node("/other").cells("enable-gpios") == (gpio, 5, 0)
    assert tree.node("/soc/mdio@24000").cells("clocks") == (gate,)


def test_a_clock_that_leads_to_nothing_is_named() -> None:
    with pytest.raises(TreeError, match="no device-tree node /pll"):
        add_nodes(tree_of(), (ChildNode("gate", properties={"clocks": Reference("/pll")}),))
