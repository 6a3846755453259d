# SPDX-License-Identifier: MIT
"""Assigned devices whose nodes the nested QEMU makes itself: no tree is given to it.

It has a type of device for each binding it knows, and makes the node by rules of its own; for any
other it is given the fragment. The rules are the same: guests/qemu/patches has the one kind,
guests/fragments the other.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from testbed.devicetree import fragment
from testbed.devicetree.address import linux_name
from testbed.devicetree.guest_nodes import NodeReport, Placement
from testbed.devicetree.tree import Tree
from testbed.errors import Stage, TestbedError
from testbed.machine.assignment import Assignment
from testbed.machine.host import Host
from testbed.paths import FRAGMENTS

_TYPES = {
    "ns16550a": "vfio-platform-uart",
    "ahci": "vfio-platform-sata",
    "fsl-sata": "vfio-platform-sata",
    "sec-job-ring": "vfio-platform-sec-jr",
}
"""Nested QEMU's types by the name of the fragment that has their rules."""
_SECONDS = 20


@dataclass(frozen=True)
class TypedDevice:
    """What nested QEMU is told of an assigned device."""

    kind: str
    """Its type."""
    options: tuple[str, ...] = ()
    """Of the type, such as `dt-fragment=FILE`."""


def typed_device(host: Host, assignment: Assignment, folder: str, stand_ins: bool) -> TypedDevice:
    """The type for an assigned device; a fragment is put into `folder` of the host for the others.

    Without `stand_ins` a part of a device gets nothing in place of the rest.
    """
    rules = fragment.find(FRAGMENTS, assignment.node, assignment.fragment).path
    kind = _TYPES.get(rules.stem) if assignment.fragment is None else None
    if kind is None:
        file = f"{folder}/{rules.stem}.dtb"
        blob = Tree.compile(rules).to_blob()
        host.agent.put_file(file, blob, deadline=host.run.deadline(_SECONDS))
        return TypedDevice("vfio-platform", (f"dt-fragment={file}",))
    if kind == "vfio-platform-sec-jr" and not stand_ins:
        return TypedDevice(kind, ("controller=off",))
    return TypedDevice(kind)


def made_nodes(
    host: Host, guest: Tree, assignments: Sequence[Assignment], placements: Sequence[Placement]
) -> list[NodeReport]:
    """Which node of the guest's tree is whose, by where the platform bus put the devices."""
    bus = host.board.guest_bus
    names = {
        linux_name(guest, node): node
        for node in guest.node(bus.node).walk()
        if None not in (node.get("compatible"), node.get("reg"))
    }
    reports = []
    for assignment, placement in zip(assignments, placements, strict=True):
        base = assignment.node.name.partition("@")[0]
        node = names.get(f"{bus.base + placement.offsets[0]:x}.{base}")
        if node is None:
            raise TestbedError(
                Stage.GUEST_BOOT,
                f"the tree of the nested QEMU has no node of {assignment.path}",
                evidence=Path(guest.source),
            )
        reports.append(NodeReport(assignment.path, node.path))
    return reports
