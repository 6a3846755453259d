# SPDX-License-Identifier: MIT
"""The `/soc` bus of a board's device tree."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence

from testbed.boards.board import Board, ChildNode, PlatformDevice, Reference
from testbed.devicetree.tree import Node, Tree, Value


def bus_window(board: Board) -> tuple[int, ...]:
    """`ranges` of the bus, for a parent of two address cells: where its addresses lie."""
    return (0, board.soc_base >> 32, board.soc_base & 0xFFFFFFFF, board.soc_size)


def add_devices(
    tree: Tree,
    soc: Node,
    devices: Sequence[PlatformDevice],
    specifier: Callable[[int], tuple[int, ...]],
    behind_iommu: Callable[[int], Mapping[str, Value]],
) -> None:
    """Add a node for each device, with those that belong to it.

    `specifier` gives the cells of an interrupt, `behind_iommu` the properties by which the kernel
    knows a stream id.
    """
    for device in devices:
        bus, _, name = device.name.rpartition("/")
        node = (tree.node(f"{soc.path}/{bus}") if bus else soc).add(
            name, {"compatible": device.compatible, **_properties(tree, soc, device, specifier)}
        )
        if device.stream_id is not None:
            for key, value in behind_iommu(device.stream_id).items():
                node.set(key, value)
        for child in device.children:
            node.add(child.name, _properties(tree, soc, child, specifier))


def add_nodes(tree: Tree, nodes: Sequence[ChildNode]) -> None:
    """Add nodes that have no registers to the root; what they lead to is written from '/' on."""
    for node in nodes:
        values = {key: _value(tree, "", value) for key, value in node.properties.items()}
        tree.root.add(node.name, values)


def _properties(
    tree: Tree,
    soc: Node,
    described: PlatformDevice | ChildNode,
    specifier: Callable[[int], tuple[int, ...]],
) -> dict[str, Value]:
    """Where it is and what it interrupts, if anything, and the properties of its own."""
    properties: dict[str, Value] = {}
    if described.registers:
        properties["reg"] = tuple(cell for window in described.registers for cell in window)
    if described.interrupts:
        properties["interrupts"] = tuple(
            cell for line in described.interrupts for cell in specifier(line)
        )
    for key, value in described.properties.items():
        properties[key] = _value(tree, soc.path, value)
    return properties


def _value(tree: Tree, below: str, value: Value | Reference) -> Value:
    if not isinstance(value, Reference):
        return value
    path = value.name if value.name.startswith("/") else f"{below}/{value.name}"
    return (tree.phandle(tree.node(path)), *value.cells)
