# SPDX-License-Identifier: MIT
"""Devices that the nested QEMU knows the type of: what it made of them, and what it refuses."""

from __future__ import annotations

from testbed.errors import TestbedError
from testbed.machine.assignment import Assignment
from testbed.machine.guest import Guest
from testbed.scenario.base import Scenario
from testbed.scenario.guest_bus import peripherals


def check_typed(guest: Guest, assignment: Assignment, kind: str) -> None:
    """QMP shows the device as one of type `kind`, and the guest has the node made for it."""
    identifier = guest.identifier(assignment)
    listed = peripherals(guest, kind)
    assert identifier in listed, f"{identifier} is not among the {kind} devices: {listed}"
    device = {"path": f"/machine/peripheral/{identifier}", "property": "type"}
    assert guest.qmp.execute("qom-get", device) == kind

    node, of_host = guest.node(assignment), assignment.node
    assert node.require("compatible") == of_host.require("compatible")
    assert len(node.require("interrupts")) == len(of_host.require("interrupts"))
    assert node.get(guest.host.board.iommu_property) is None, "the guest has no IOMMU"
    for name, content in node.properties().items():
        shown = guest.agent.run(
            ["cat", f"/proc/device-tree{node.path}/{name}"], deadline=guest.run.deadline(20)
        )
        assert shown.stdout == content, f"{name} of {node.path} is another in the guest"
    assert f"info: {of_host.path} -> {node.path}" in said(guest), "nobody said what was made"


def said(guest: Guest) -> str:
    """What the guest's QEMU printed so far."""
    return (guest.folder / "qemu.log").read_text(errors="replace")


def check_refused(scenario: Scenario, device: str, reason: str) -> None:
    """The nested QEMU does not start with `-device DEVICE`, and says why in one line."""
    guest = scenario.prepare_guest((), tree_by="qemu", extra=("-device", device))
    message = ""
    try:
        guest.start()
    except TestbedError as error:
        message = error.message
    assert message, f"the nested QEMU takes {device}"
    assert reason in message, f"{device}: {message}"
    remarks = ("warning: ", "info: ")
    lines = [line for line in said(guest).splitlines() if not any(r in line for r in remarks)]
    assert len(lines) == 1, f"{device}: not one line: {lines}"
