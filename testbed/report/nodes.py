# SPDX-License-Identifier: MIT
"""The nodes of assigned devices in the host's tree, and what the guest has in their place."""

from __future__ import annotations

import json
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from testbed.devicetree.difference import shown
from testbed.devicetree.tree import Node, Tree, TreeError


@dataclass(frozen=True)
class Property:
    """A property as source of each tree has it, "" where the tree has it not."""

    name: str
    host: str
    guest: str

    @property
    def change(self) -> str:
        if self.host == self.guest:
            return "kept"
        if not self.guest:
            return "dropped"
        return "rewritten" if self.host else "provided"


@dataclass(frozen=True)
class NodePair:
    """A node of the host and the guest's for it; a path is "" where there is none."""

    guest: str
    host_path: str
    guest_path: str
    properties: tuple[Property, ...]


def read_nodes(run: Path, guest: str) -> list[NodePair]:
    """Every node that `guest` got for one of the host's, with those below it.

    None of a guest that never had a tree. TreeError for trees that cannot be read.
    """
    try:
        mapping = json.loads((run / guest / "nodes.json").read_text())
        paths = [(str(host), str(guest)) for host, guest in mapping.items()]
    except FileNotFoundError:
        return []
    except (OSError, ValueError, AttributeError) as error:
        raise TreeError(f"cannot read {run / guest / 'nodes.json'}: {error}") from None
    host_tree, guest_tree = Tree.load(run / "host/host.dtb"), Tree.load(run / guest / "guest.dtb")
    moved = dict(paths)
    return [
        NodePair(guest, *pair)
        for host_path, guest_path in paths
        for pair in _pairs(
            host_tree, host_tree.node(host_path), guest_tree, guest_tree.node(guest_path), moved
        )
    ]


def _pairs(
    host_tree: Tree, host: Node | None, guest_tree: Tree, guest: Node | None, moved: dict[str, str]
) -> Iterator[tuple[str, str, tuple[Property, ...]]]:
    """The paths and properties of two nodes that belong together, and of those below them."""
    left = {} if host is None else shown(host_tree, host, moved)
    right = {} if guest is None else shown(guest_tree, guest)
    names = dict.fromkeys((*left, *right))
    properties = tuple(Property(n, left.get(n, ""), right.get(n, "")) for n in names)
    yield host.path if host else "", guest.path if guest else "", properties
    below = _by_kind(guest)
    for kind, child in _by_kind(host).items():
        yield from _pairs(host_tree, child, guest_tree, below.pop(kind, None), moved)
    for child in below.values():
        yield from _pairs(host_tree, None, guest_tree, child, moved)


def _by_kind(node: Node | None) -> dict[tuple[str, int], Node]:
    """The children of a node by their names without addresses, and which of that name they are."""
    found: dict[tuple[str, int], Node] = {}
    counts: dict[str, int] = {}
    for child in node.children() if node else ():
        kind = child.name.partition("@")[0]
        counts[kind] = counts.get(kind, -1) + 1
        found[kind, counts[kind]] = child
    return found
