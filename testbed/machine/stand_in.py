# SPDX-License-Identifier: MIT
"""What stands in, in a guest, for a host device of which the guest gets only parts.

A driver of a part may read the whole's registers: the job ring driver reads the SEC's. The guest
then finds plain memory where its tree says those registers are, filled with the few words the
driver reads, and below it the parts at the addresses the platform bus gave them.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace

from testbed.boards.board import PlatformDevice
from testbed.devicetree import fragment, guest_nodes
from testbed.devicetree.address import register_windows
from testbed.devicetree.guest_nodes import Placement
from testbed.devicetree.tree import Node, Tree
from testbed.machine.assignment import Assignment
from testbed.machine.host import Host
from testbed.paths import FRAGMENTS

_BUS = "stand-ins"
_PAGES = 16
"""What is set aside for one stand-in, which is aligned to all of it: each part takes a page."""


@dataclass(frozen=True)
class Preload:
    """Memory of the guest that is filled before it starts."""

    name: str
    address: int
    content: bytes


@dataclass(frozen=True)
class Bus:
    """Where a guest's node goes, and its place in the address space there."""

    node: Node
    placement: Placement


def whole_of(host: Host, path: str) -> PlatformDevice | None:
    """The device that the one at `path` is a part of, if guests need a stand-in for it."""
    above = path.rpartition("/")[0]
    wholes = (d for d in host.devices if d.path == above and d.stand_in is not None)
    return next(wholes, None)


class StandIns:
    """The stand-ins of one guest, made in its tree `guest` as the parts come."""

    def __init__(self, host: Host, guest: Tree, assignments: Sequence[Assignment]) -> None:
        self._host = host
        self._guest = guest
        self._parts: dict[str, list[str]] = {}
        for assignment in assignments:
            if (whole := whole_of(host, assignment.path)) is not None:
                self._parts.setdefault(whole.path, []).append(assignment.path)
        self._nodes: dict[str, Node] = {}
        self.preloads: list[Preload] = []

    def bus(self, path: str, placement: Placement) -> Bus | None:
        """Where the node of the part at `path` goes; None when it is no such part."""
        whole = whole_of(self._host, path)
        if whole is None:
            return None
        node = self._nodes.get(whole.path) or self._add(whole)
        size = self._page(whole)
        page = size * (1 + self._parts[whole.path].index(path))
        base = self._host.board.guest_bus.base + placement.offsets[0]
        translated = (page, base >> 32, base & 0xFFFFFFFF, size)
        node.set("ranges", (*node.cells("ranges"), *translated))
        return Bus(node, replace(placement, offsets=(page,)))

    def _page(self, whole: PlatformDevice) -> int:
        """Bytes of each part's registers."""
        part = self._host.node(self._parts[whole.path][0])
        return register_windows(self._host.tree, part)[0][1]

    def _add(self, whole: PlatformDevice) -> Node:
        assert whole.stand_in is not None
        host, guest = self._host, self._guest
        space = _PAGES * self._page(whole)
        before = [preload.address for preload in self.preloads]
        address = (min([host.board.guest_memory_end, *before]) - space) & -space
        content = whole.stand_in(host.model(whole.path))
        name = f"{whole.name.partition('@')[0]}@{address:x}"
        self.preloads.append(Preload(name.replace("@", "-"), address, content))

        reg = (address >> 32, address & 0xFFFFFFFF, 0, space)
        # Linux maps as registers only what is no memory to it.
        if host.board.complete_tree:
            start = host.board.guest_memory_start
            _end_memory(guest, start, address - start)
        else:
            reserved = guest.root.child("reserved-memory") or guest.root.add(
                "reserved-memory", {"#address-cells": 2, "#size-cells": 2, "ranges": None}
            )
            reserved.add(name, {"reg": reg, "no-map": None})
        host_node = host.node(whole.path)
        bus = guest.root.child(_BUS) or self._add_bus()
        node = bus.add(name, {"reg": reg, "#address-cells": 1, "#size-cells": 1, "ranges": None})
        report = guest_nodes.fill(fragment.find(FRAGMENTS, host_node), host_node, node)
        host.run.note(report.text())
        self._nodes[whole.path] = node
        return node

    def _add_bus(self) -> Node:
        """What the stand-ins sit on: on Power, Linux makes no devices of nodes on no bus."""
        bus = self._guest.root.add(
            _BUS,
            {
                "compatible": ("simple-bus",),
                "#address-cells": 2,
                "#size-cells": 2,
                "ranges": None,
            },
        )
        parts_bus = self._guest.node(self._host.board.guest_bus.node)
        if parts_bus.get("interrupt-parent") is not None:
            bus.set("interrupt-parent", parts_bus.cell("interrupt-parent"))
        return bus


def _end_memory(guest: Tree, start: int, size: int) -> None:
    """The guest knows of so many bytes of memory: in a tree that QEMU leaves as it is."""
    memory = guest.node("/memory")
    memory.set("reg", (start >> 32, start & 0xFFFFFFFF, size >> 32, size & 0xFFFFFFFF))
