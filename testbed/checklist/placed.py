# SPDX-License-Identifier: MIT
"""Every device of a tree that there is a model of, in the emulated host."""

from __future__ import annotations

from dataclasses import dataclass

from testbed.boards.board import Board, PlatformDevice
from testbed.checklist.board_nodes import board_nodes
from testbed.checklist.kinds import Kind, kind_of
from testbed.checklist.placing import Placer, fits, parts_of
from testbed.devicetree.fragment import Fragment
from testbed.devicetree.tree import Tree
from testbed.paths import FRAGMENTS


@dataclass(frozen=True)
class Placed:
    """A device that can be assigned: `node` is its path in the board's tree, `place` in the host's.

    `file_name` begins the names of files about it.
    """

    kind: Kind
    node: str
    place: str
    file_name: str


@dataclass(frozen=True)
class PlacedDevices:
    """`devices` are all of the host's, `assignable` those of the tree that a guest can be given."""

    devices: tuple[PlatformDevice, ...]
    assignable: tuple[Placed, ...]


def load_fragments() -> list[Fragment]:
    return [Fragment.load(path) for path in sorted(FRAGMENTS.glob("*.dts"))]


def place_devices(tree: Tree, board: Board) -> PlacedDevices:
    """TestbedError when the emulated host has no room for them."""
    nodes = board_nodes(tree)
    placer = Placer(board, load_fragments())
    assignable = []
    for node in nodes:
        kind = None if node.reason else kind_of(node.compatible, board.name)
        if kind is None or kind.make is None or not fits(kind, node):
            continue
        parts = parts_of(kind, node, nodes, board.name)
        if kind.part and not parts:
            continue
        made = placer.add(kind, node, parts)
        for device, of in zip(made, (node, *parts), strict=True):
            found = kind_of(of.compatible, board.name)
            if found is not None and found.assignable:
                assignable.append(Placed(found, of.path, device.path, device.file_name))
    return PlacedDevices(tuple(placer.devices), tuple(assignable))
