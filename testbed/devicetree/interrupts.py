# SPDX-License-Identifier: MIT
"""Interrupt specifiers of device-tree nodes."""

from __future__ import annotations

from dataclasses import dataclass

from testbed.devicetree.address import parent
from testbed.devicetree.tree import Node, Tree, TreeError

_GIC = b"arm,gic-v3"
_GIC_CELLS = 3
_LEVEL = 0xC
"""IRQ_TYPE_LEVEL_HIGH | IRQ_TYPE_LEVEL_LOW of a GIC specifier's third cell."""


@dataclass(frozen=True)
class Interrupt:
    """One line of a node: the cells as they stand in the tree, and whether it is a level."""

    specifier: tuple[int, ...]
    level: bool


def controller(tree: Tree, node: Node) -> Node:
    """The interrupt controller a node's `interrupts` refer to."""
    at = node
    while at.get("interrupt-parent") is None:
        if at.path == "/":
            raise TreeError(f"{node.path} has interrupts but no interrupt-parent in {tree.source}")
        at = parent(tree, at)
    phandle = at.cell("interrupt-parent")
    for found in tree.root.walk():
        if found.get("phandle") is not None and found.cell("phandle") == phandle:
            return found
    raise TreeError(f"interrupt-parent {phandle:#x} of {at.path} is no node of {tree.source}")


def interrupts(tree: Tree, node: Node) -> list[Interrupt]:
    """The lines of `node`, in order; none when it has no `interrupts`."""
    if node.get("interrupts") is None:
        return []
    owner = controller(tree, node)
    width = owner.cell("#interrupt-cells")
    cells = node.cells("interrupts")
    if _GIC not in owner.require("compatible").split(b"\0") or width < _GIC_CELLS:
        raise TreeError(f"the meaning of interrupt specifiers of {owner.path} is not known")
    if len(cells) % width:
        raise TreeError(
            f"property 'interrupts' of {node.path} has {len(cells)} cells: {owner.path} takes"
            f" {width} a line"
        )
    specifiers = [cells[at : at + width] for at in range(0, len(cells), width)]
    return [Interrupt(specifier, bool(specifier[2] & _LEVEL)) for specifier in specifiers]
