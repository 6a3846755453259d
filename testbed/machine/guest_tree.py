# SPDX-License-Identifier: MIT
"""The guest's device tree: what nested QEMU makes for its machine, with the assigned devices."""

from __future__ import annotations

import contextlib
import hashlib
import json
import os
import tempfile
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from testbed.artifacts.cache import Cache
from testbed.artifacts.failure import writing
from testbed.channel import CommandFailed
from testbed.devicetree import fragment
from testbed.devicetree.guest_nodes import GuestNodes, NodeReport, Placement
from testbed.devicetree.tree import Tree, TreeError
from testbed.errors import Stage, TestbedError
from testbed.machine.assignment import Assignment
from testbed.machine.command import dumping_tree, whole_tree
from testbed.machine.exposure import Exposure
from testbed.machine.host import Host
from testbed.machine.stand_in import Bus, Preload, StandIns
from testbed.paths import FRAGMENTS

_SECONDS = 40
_WITHOUT_TYPES = (
    "'vfio-platform-uart' is not a valid device model name",
    "'vfio-platform-sata' is not a valid device model name",
    "'vfio-platform-sec-jr' is not a valid device model name",
    "vfio-platform.dt-fragment' not found",
)
"""What a QEMU that has none of guests/qemu/patches says of assigned devices."""
_WITHOUT_UART = "'ns16550' is not a valid device model name"
"""What it says of a UART of its own."""


class GuestTrees:
    """What depends only on the nested QEMU and its arguments: learnt once, kept in the cache."""

    def __init__(self, host: Host, qemu: str, system: Sequence[str]) -> None:
        """`system`: the arguments that load the guest's kernel."""
        self._host = host
        self._qemu = qemu
        self._system = whole_tree(system) if host.board.complete_tree else ()
        self._folder = Cache.default().guest_trees
        brought = host.guest_qemu
        identity = "" if brought is None else hashlib.sha256(brought.read_bytes()).hexdigest()
        # One of them has the QEMU that was not brought.
        parts = (str(host.artifacts.root), str(host.artifacts.payload))
        self._key = (identity, parts, host.board.guest_machine, self._system)

    def base(self, scratch: str) -> Tree:
        """The tree nested QEMU makes for the guest's machine without assigned devices.

        `scratch` is a folder in the host.
        """
        kept = self._path("dtb")
        with contextlib.suppress(TreeError):  # not there, or not whole since a loss of power
            return Tree.load(kept)
        host = self._host
        machine = dumping_tree(host.board.guest_machine, f"{scratch}/base.dtb")
        argv = [self._qemu, "-nodefaults", "-display", "none", *machine, *self._system]
        try:
            host.agent.run(argv, deadline=host.run.deadline(_SECONDS))
        except CommandFailed as error:
            raise TestbedError(
                Stage.GUEST_BOOT,
                f"asking the nested QEMU for the guest's tree: {with_advice(str(error))}",
            ) from None
        blob = host.agent.get_file(f"{scratch}/base.dtb", deadline=host.run.deadline(_SECONDS))
        tree = Tree.parse(blob, "the tree of the nested QEMU")
        _keep(kept, tree.to_blob())  # without the room that QEMU leaves behind: most of a MiB
        return tree

    def placements(self, devices: Sequence[tuple[str, Exposure]]) -> list[Placement] | None:
        """Where QEMU put devices of these ids and exposures the last time, if that is known."""
        try:
            kept = json.loads(self._path("json", devices).read_text())
            return [
                Placement(tuple(offsets), tuple(map(tuple, specifiers)))
                for offsets, specifiers in kept
            ]
        except (OSError, ValueError, TypeError):
            return None

    def remember(
        self, devices: Sequence[tuple[str, Exposure]], placements: Sequence[Placement]
    ) -> None:
        text = json.dumps([[p.offsets, p.interrupts] for p in placements])
        _keep(self._path("json", devices), text.encode())

    def _path(self, ending: str, devices: Sequence[tuple[str, Exposure]] = ()) -> Path:
        digest = hashlib.sha256(repr((self._key, devices)).encode()).hexdigest()
        return self._folder / f"{digest}.{ending}"


def with_advice(said: str) -> str:
    """What the nested QEMU said, on one line, and what to do where that does not tell."""
    advice = ""
    if "unable to map backing store for guest RAM" in said:
        advice = "; guests share the huge pages that the board has its host set aside (hugepages=)"
    elif any(sign in said for sign in _WITHOUT_TYPES):
        advice = (
            "; this QEMU does not make nodes of assigned devices: take the one that does, with"
            " --guest-qemu built, or have the testbed make the tree"
        )
    elif _WITHOUT_UART in said:
        advice = (
            "; this QEMU has no UART for the platform bus: take the one that has, with"
            " --guest-qemu built"
        )
    return " ".join(said.split()) + advice


def _keep(path: Path, content: bytes) -> None:
    with writing(f"the guest tree {path.name}", path.parent):
        path.parent.mkdir(parents=True, exist_ok=True)
        handle, name = tempfile.mkstemp(dir=path.parent)
        try:
            with os.fdopen(handle, "wb") as stream:
                stream.write(content)
            Path(name).rename(path)  # whole or not at all, whoever else writes it
        except BaseException:
            Path(name).unlink()
            raise


@dataclass(frozen=True)
class AddedDevices:
    """The nodes of the assigned devices, and the memory that stands in for what lies above them."""

    reports: list[NodeReport]
    preloads: list[Preload]


def add_devices(
    host: Host,
    guest: Tree,
    assignments: Sequence[Assignment],
    placements: Sequence[Placement],
    *,
    stand_ins: bool = True,
) -> AddedDevices:
    """Add a node for each assigned device, by the fragment of its binding.

    Without `stand_ins` a part of a device stands alone on the platform bus.
    """
    bus = guest.node(host.board.guest_bus.node)
    wholes = StandIns(host, guest, assignments if stand_ins else ())
    nodes = GuestNodes(host.tree, guest)
    reports = []
    for assignment, placement in zip(assignments, placements, strict=True):
        rules = fragment.find(FRAGMENTS, assignment.node, assignment.fragment)
        place = (wholes.bus(assignment.path, placement) if stand_ins else None) or Bus(
            bus, placement
        )
        report = nodes.add(rules, assignment.node, place.node, place.placement)
        reports.append(report)
    nodes.finish()
    for report in reports:
        host.run.note(report.text())
    return AddedDevices(reports, wholes.preloads)
