# SPDX-License-Identifier: MIT
"""The `/soc` bus of a board's device tree."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence

from testbed.boards.board import Board, PlatformDevice
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
    """Add a node for each device.

    `specifier` gives the cells of an interrupt, `behind_iommu` the properties by which the kernel
    knows a stream id.
    """
    for device in devices:
        properties: dict[str, Value] = {
            "compatible": device.compatible,
            "reg": tuple(cell for window in device.registers for cell in window),
            "interrupts": tuple(cell for line in device.interrupts for cell in specifier(line)),
            **device.properties,
        }
        if device.stream_id is not None:
            properties |= behind_iommu(device.stream_id)
        bus, _, name = device.name.rpartition("/")
        (tree.node(f"{soc.path}/{bus}") if bus else soc).add(name, properties)
