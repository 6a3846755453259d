# SPDX-License-Identifier: MIT
"""Taking a platform device from its driver for VFIO, and giving it back."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

from testbed.deadline import Deadline
from testbed.devicetree.address import linux_name
from testbed.devicetree.tree import Node, Tree, TreeError
from testbed.errors import Stage, TestbedError
from testbed.machine.exposure import Exposure, expected_exposure, parse_exposure
from testbed.machine.platform_device import PlatformDevices, SysfsDevice

if TYPE_CHECKING:
    from testbed.machine.host import Host

_DRIVER = "vfio-platform"
_SECONDS = 30
_DRIVER_SECONDS = 120
"""A crypto driver tests every algorithm it registers before its probe ends."""


@dataclass(frozen=True)
class Assignment:
    """A device that VFIO has: `path` is its node in `tree`, `name` its Linux name.

    `native_driver` is what it was taken from and `release` gives it back to, `group` its IOMMU
    group. `exposed` is what VFIO says of its regions and interrupts, `expected` what its node says.
    `fragment` is the file of rules for the guest's node, where it is not that of its binding.
    """

    path: str
    name: str
    native_driver: str
    group: int
    exposed: Exposure
    expected: Exposure
    tree: Tree
    fragment: Path | None = None

    @property
    def node(self) -> Node:
        return self.tree.node(self.path)

    def facts(self) -> dict[str, Any]:
        """What was found in the host, as a template keeps it."""
        return {
            "name": self.name,
            "native_driver": self.native_driver,
            "group": self.group,
            "exposed": self.exposed.to_info(),
        }

    def lines(self) -> list[str]:
        """For the log: what was found."""
        return [
            f"{self.path} is {self.name}, taken from {self.native_driver}, group {self.group}",
            *(f"  region {i}: {r}" for i, r in enumerate(self.exposed.regions)),
            *(f"  interrupt {i}: {n}" for i, n in enumerate(self.exposed.interrupts)),
        ]


def assign(host: Host, path: str, fragment: Path | None = None) -> Assignment:
    """Bind the device at `path` to vfio-platform and check what VFIO exposes against its node.

    The guest's node is made by `fragment`, by default by the one of its binding. A device that
    VFIO has from the host's template on is not bound again, the first time.
    TestbedError (bind) when the node, the device, its group or its exposure is not as it must be;
    the device is given back to its driver first.
    """
    facts = host.bound.pop(path, None)
    if facts is not None:
        found = _found(host, path, facts)
        host.run.note("\n".join([f"{path} is assigned already in the template", *found.lines()]))
        return replace(found, fragment=fragment)
    with host.run.step(Stage.BIND, f"assigning {path}"):
        deadline = host.run.deadline(_SECONDS)
        devices = PlatformDevices(host.agent)
        before = load_driver(host, path)
        name = before.name
        _check_device(host, path, before)
        _wait_until_idle(host, path)
        try:
            bound = devices.give(name, _DRIVER, deadline)
        except TestbedError as error:
            said = devices.kernel_says(name, deadline)
            devices.give_back(name, deadline)
            raise TestbedError(
                Stage.BIND,
                f"{error.message}; the host's kernel says: {said or 'nothing'}",
                evidence=host.console.log,
            ) from None
        try:
            assignment = _check_bound(host, path, before, bound, devices, deadline)
        except TestbedError:
            devices.give_back(name, deadline)
            raise
        host.run.note("\n".join(assignment.lines()))
        return replace(assignment, fragment=fragment)


def _found(host: Host, path: str, facts: Mapping[str, Any]) -> Assignment:
    """The assignment that `facts` are of."""
    return Assignment(
        path=path,
        name=facts["name"],
        native_driver=facts["native_driver"],
        group=facts["group"],
        exposed=parse_exposure(facts["exposed"]),
        expected=expected_exposure(host.tree, host.node(path)),
        tree=host.tree,
    )


def load_driver(host: Host, path: str) -> SysfsDevice:
    """See that the device at `path` has a driver, and the devices its node lies in before it.

    A device that has one already is left as it is. TestbedError (bind) when there is no such
    device or no module for it; see `driver` of the result.
    """
    with host.run.step(Stage.BIND, f"loading the driver of {path}"):
        try:
            node = host.node(path)
        except TreeError as error:
            raise TestbedError(Stage.BIND, f"looking for {path}: {error}") from None
        above = path.rpartition("/")[0]
        if above in host.models.by_path:
            load_driver(host, above)  # what its node lies in makes the device
        name = linux_name(host.tree, node)
        return PlatformDevices(host.agent).load_driver(name, host.run.deadline(_DRIVER_SECONDS))


def release(host: Host, assignment: Assignment) -> None:
    """Give the device back to the driver it was taken from; TestbedError when that fails."""
    with host.run.step(Stage.BIND, f"releasing {assignment.path}"):
        deadline = host.run.deadline(_SECONDS)
        devices = PlatformDevices(host.agent)
        after = devices.give_back(assignment.name, deadline)
        if after.driver != assignment.native_driver:
            raise TestbedError(
                Stage.BIND,
                f"releasing {assignment.path}: its driver is {after.driver or 'none'} now, it was"
                f" {assignment.native_driver}; the host's kernel says:"
                f" {devices.kernel_says(assignment.name, deadline) or 'nothing'}",
                evidence=host.console.log,
            )


def _wait_until_idle(host: Host, path: str) -> None:
    command = next((device.idle for device in host.devices if device.path == path), "")
    deadline = host.run.deadline(_DRIVER_SECONDS)
    while (
        command
        and host.agent.run(command, deadline=host.run.deadline(_SECONDS), check=False).returncode
    ):
        if deadline.expired:
            raise TestbedError(
                Stage.BIND,
                f"assigning {path}: its driver is still at work after {deadline.seconds:.0f} s:"
                f" `{command}` fails in the host",
            )


def _check_device(host: Host, path: str, device: SysfsDevice) -> None:
    if device.node != host.node(path).path:
        raise TestbedError(
            Stage.BIND,
            f"{device.name} in the host is the device of {device.node or 'no node'}, not of {path}",
        )
    if not device.driver or device.driver == _DRIVER:
        state = "is assigned already" if device.driver else "has no driver in the host"
        raise TestbedError(Stage.BIND, f"assigning {path}: {device.name} {state}")
    if not device.group:
        raise TestbedError(
            Stage.BIND,
            f"assigning {path}: {device.name} is in no IOMMU group: its node names no IOMMU"
            f" ({host.board.iommu_property}), or the host's kernel has no driver of that",
            evidence=host.console.log,
        )


def _check_bound(
    host: Host,
    path: str,
    before: SysfsDevice,
    bound: SysfsDevice,
    devices: PlatformDevices,
    deadline: Deadline,
) -> Assignment:
    if bound.driver != _DRIVER:
        raise TestbedError(
            Stage.BIND,
            f"{_DRIVER} did not take {path}; the host's kernel says:"
            f" {devices.kernel_says(bound.name, deadline) or 'nothing'}",
            evidence=host.console.log,
        )
    if bound.group_devices != (bound.name,):
        raise TestbedError(
            Stage.BIND,
            f"IOMMU group {bound.group} of {path} has other devices too:"
            f" {', '.join(bound.group_devices)}",
        )
    assignment = Assignment(
        path=path,
        name=bound.name,
        native_driver=before.driver,
        group=int(bound.group),
        exposed=parse_exposure(devices.vfio_info(bound.name, deadline)),
        expected=expected_exposure(host.tree, host.node(path)),
        tree=host.tree,
    )
    if differences := assignment.exposed.differences(assignment.expected):
        raise TestbedError(
            Stage.BIND, f"VFIO does not expose {path} as its node says: {'; '.join(differences)}"
        )
    return assignment
