# SPDX-License-Identifier: MIT
"""Addresses of device-tree nodes as the CPU sees them, and what Linux names the devices."""

from __future__ import annotations

from collections.abc import Sequence
from itertools import islice

from testbed.devicetree.tree import Node, Tree, TreeError


def number(cells: Sequence[int]) -> int:
    """The value of big-endian 32-bit cells."""
    value = 0
    for cell in cells:
        value = value << 32 | cell
    return value


def parent(tree: Tree, node: Node) -> Node:
    return tree.node(node.path.rpartition("/")[0])


def register_windows(tree: Tree, node: Node) -> list[tuple[int, int]]:
    """The (address, size) pairs of a node's `reg`, in the address space of its parent's bus."""
    bus = parent(tree, node)
    address_cells, size_cells = bus.cell("#address-cells"), bus.cell("#size-cells")
    entries = _entries(node, "reg", address_cells, size_cells)
    if not entries:
        raise TreeError(f"property 'reg' of {node.path} is empty")
    return [(address, size) for address, size in entries]


def cpu_address(tree: Tree, node: Node, address: int) -> int:
    """`address` on the bus that `node` sits on, translated through every parent's `ranges`."""
    return bus_address(tree, node, address, tree.root)


def bus_address(tree: Tree, node: Node, address: int, top: Node) -> int:
    """The same on the bus `top`, on which what `node` lies in sits."""
    bus = parent(tree, node)
    while bus.path != top.path:
        above = parent(tree, bus)
        child_cells, parent_cells = bus.cell("#address-cells"), above.cell("#address-cells")
        ranges = _entries(bus, "ranges", child_cells, parent_cells, bus.cell("#size-cells"))
        for base, target, size in ranges:
            if base <= address < base + size:
                address += target - base
                break
        else:
            if ranges:  # empty ranges: the same addresses above
                raise TreeError(
                    f"address {address:#x} of {node.path} is in none of the ranges of {bus.path}"
                )
        bus = above
    return address


def _entries(node: Node, name: str, *widths: int) -> list[list[int]]:
    """A property that lists entries of numbers, `widths` being the cells of each number."""
    cells = node.cells(name)
    width = sum(widths)
    if cells and (not width or len(cells) % width):
        raise TreeError(
            f"property {name!r} of {node.path} has {len(cells)} cells: not a multiple of {width}"
        )
    rest = iter(cells)
    return [
        [number(list(islice(rest, count))) for count in widths]
        for _ in range(0, len(cells), width or 1)
    ]


def linux_name(tree: Tree, node: Node) -> str:
    """The platform device Linux makes of a node (of_device_make_bus_id in drivers/of/device.c)."""
    address, _ = register_windows(tree, node)[0]
    return f"{cpu_address(tree, node, address):x}.{node.name.partition('@')[0]}"
