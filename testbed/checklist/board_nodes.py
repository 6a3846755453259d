# SPDX-License-Identifier: MIT
"""The devices of a board's tree: which a guest could be given, and what speaks against it."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass

from testbed.devicetree.address import cpu_address, parent, register_windows
from testbed.devicetree.interrupts import controller
from testbed.devicetree.tree import Node, Tree, TreeError

_PAGE = 4096
_BUSES = ("simple-bus", "simple-mfd", "simple-pm-bus", "isa", "arm,amba-bus")
"""Buses whose children Linux makes platform devices of: of_default_bus_match_table."""

_SERVES = {
    "interrupt-controller": "the interrupt controller of others",
    "msi-controller": "the interrupt controller of others",
    "#clock-cells": "the clocks of others",
    "#iommu-cells": "the IOMMU of others",
    "#reset-cells": "the resets of others",
    "#power-domain-cells": "the power of others",
    "#phy-cells": "the lanes of others",
    "#dma-cells": "the DMA engine of others",
    "fsl,pamu": "the IOMMU of others",
    "syscon": "registers that many drivers share",
    "cache": "a cache of the CPUs",
}
"""Properties and compatibles by which a node is the whole machine's, and what it is then."""

_BEHIND_IOMMU = ("iommus", "fsl,liodn", "fsl,liodn-reg", "fsl,iommu-parent")


@dataclass(frozen=True)
class BoardNode:
    """A node with registers. `windows` are (CPU address, bytes), `lines` its interrupts' cells.

    `reason` says why nobody would assign it, "" if somebody would. `notes` are what the part has
    against it all the same. `above` is the device it is a part of, if it is one.
    """

    node: Node
    compatible: tuple[str, ...]
    windows: tuple[tuple[int, int], ...]
    lines: tuple[tuple[int, ...], ...]
    reason: str
    notes: tuple[str, ...]
    above: Node | None = None

    @property
    def path(self) -> str:
        return self.node.path


def board_nodes(tree: Tree) -> list[BoardNode]:
    """Every node below the root that has a compatible and registers, in the order of the tree."""
    nodes = [
        n for n in _named(tree) if n.get("compatible") is not None and n.get("reg") is not None
    ]
    lines = {node.path: _lines(tree, node) for node in nodes}
    users = Counter(line for found in lines.values() for line in set(found))
    windows = {node.path: _windows(tree, node) for node in nodes}
    pages = Counter(
        page
        for node in nodes
        if _own(tree, node)
        for page in {address // _PAGE for address, _ in windows[node.path]}
    )
    found = []
    for node in nodes:
        shared = [line for line in lines[node.path] if users[line] > 1]
        crowded = any(pages[a // _PAGE] > 1 for a, _ in windows[node.path])
        found.append(
            BoardNode(
                node,
                node.strings("compatible"),
                windows[node.path],
                lines[node.path],
                _reason(tree, node, windows[node.path]),
                tuple(_notes(tree, node, bool(shared), crowded)),
                None if _own(tree, node) else parent(tree, node),
            )
        )
    return found


def _named(tree: Tree) -> Iterator[Node]:
    yield from (node for node in tree.root.walk() if node.path != "/")


def _own(tree: Tree, node: Node) -> bool:
    """Whether it is a device of its own: on the root or on a bus that is nothing but that."""
    above = parent(tree, node)
    return above.path == "/" or any(name in _BUSES for name in _strings(above, "compatible"))


def _reason(tree: Tree, node: Node, windows: tuple[tuple[int, int], ...]) -> str:
    above = parent(tree, node)
    at: Node | None = node
    while at is not None and at.path != "/":
        if at.get("status") is not None and at.strings("status")[0] not in ("okay", "ok"):
            return "disabled" if at is node else f"{at.path} is disabled"
        at = parent(tree, at)
    compatible = node.strings("compatible")
    if any(name in _BUSES for name in compatible):
        return "a bus"
    if "pci" in _strings(node, "device_type"):
        return "a PCI host bridge: what is behind it is assigned by vfio-pci"
    if above.get("#size-cells") is not None and above.cell("#size-cells") == 0:
        return f"not memory-mapped: {above.name} leads to it"
    for sign, what in _SERVES.items():
        if sign in compatible or node.get(sign) is not None:
            return f"the whole machine's: {what}"
    if not windows:
        return "at no address that the CPUs see"
    return ""


def _notes(tree: Tree, node: Node, shared: bool, crowded: bool) -> Iterator[str]:
    if shared:
        yield (
            "shares an interrupt on the part: VFIO takes none that another driver has; here it has"
            " one of its own"
        )
    if crowded:
        yield "shares a page on the part: a guest's accesses are passed on one by one"
    behind = [name for name in _BEHIND_IOMMU if _inherited(tree, node, name)]
    if not behind:
        yield "the tree names no IOMMU for it: VFIO has to have one on the part"


def _inherited(tree: Tree, node: Node, name: str) -> bool:
    return node.get(name) is not None or (
        not _own(tree, node) and parent(tree, node).get(name) is not None
    )


def _windows(tree: Tree, node: Node) -> tuple[tuple[int, int], ...]:
    """None when it is on a bus that has no addresses of the CPU's."""
    try:
        return tuple(
            (cpu_address(tree, node, address), size)
            for address, size in register_windows(tree, node)
            if size
        )
    except TreeError:
        return ()


def _lines(tree: Tree, node: Node) -> tuple[tuple[int, ...], ...]:
    """The cells of each interrupt; of those with a controller of their own each none."""
    if node.get("interrupts") is None:
        return ()
    try:
        width = controller(tree, node).cell("#interrupt-cells")
        cells = node.cells("interrupts")
    except TreeError:
        return ()
    return tuple(cells[at : at + width] for at in range(0, len(cells), width)) if width else ()


def _strings(node: Node, name: str) -> tuple[str, ...]:
    return node.strings(name) if node.get(name) is not None else ()
