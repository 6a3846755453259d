# SPDX-License-Identifier: MIT
"""Interrupt specifiers of device-tree nodes."""

from __future__ import annotations

from dataclasses import dataclass

from testbed.devicetree.address import parent
from testbed.devicetree.tree import Node, Tree, TreeError


@dataclass(frozen=True)
class _Sense:
    """Where the specifiers of a kind of controller say what is a level.

    Specifiers have at least `cells` cells; `levels` are the values of cell `index` that mean one,
    in its lowest four bits.
    """

    cells: int
    index: int
    levels: frozenset[int]


_SENSES = {
    # IRQ_TYPE_LEVEL_HIGH and IRQ_TYPE_LEVEL_LOW
    b"arm,gic-v3": _Sense(3, 2, frozenset({4, 8})),
    # active low and active high; 0 is a rising edge, 3 a falling one
    b"fsl,mpic": _Sense(2, 1, frozenset({1, 2})),
}


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
    names = owner.require("compatible").split(b"\0")
    sense = next((_SENSES[name] for name in names if name in _SENSES), None)
    if sense is None or width < sense.cells:
        raise TreeError(f"the meaning of interrupt specifiers of {owner.path} is not known")
    if len(cells) % width:
        raise TreeError(
            f"property 'interrupts' of {node.path} has {len(cells)} cells: {owner.path} takes"
            f" {width} a line"
        )
    specifiers = [cells[at : at + width] for at in range(0, len(cells), width)]
    return [
        Interrupt(specifier, specifier[sense.index] & 0xF in sense.levels)
        for specifier in specifiers
    ]
