# SPDX-License-Identifier: MIT
"""A platform device in a machine's sysfs: which driver has it, and giving it to another."""

from __future__ import annotations

import json
from dataclasses import dataclass
from typing import Any

from testbed.channel import AgentClient, CommandFailed
from testbed.deadline import Deadline
from testbed.errors import Stage, TestbedError

_TOOL = "/testbed/bin/platform-device"
_PROBE_FAILED = "failed with error"
"""In what the kernel says of every probe that fails."""


@dataclass(frozen=True)
class SysfsDevice:
    """What sysfs says of a device. `driver` and `group` are empty when it has none."""

    name: str
    node: str
    driver: str
    group: str
    group_devices: tuple[str, ...]


class PlatformDevices:
    """A machine's platform bus, by Linux device names such as `d11c500.serial`.

    `machine` is what errors call it.
    """

    def __init__(self, agent: AgentClient, machine: str = "the host") -> None:
        self._agent = agent
        self._machine = machine

    def show(self, name: str, deadline: Deadline) -> SysfsDevice:
        """TestbedError when the machine has no such device."""
        return self._ask(name, deadline, "show", name)

    def load_driver(self, name: str, deadline: Deadline) -> SysfsDevice:
        """Unless a driver has the device, load the module for its modalias; see `driver`."""
        device = self.show(name, deadline)
        return device if device.driver else self._ask(name, deadline, "load", name)

    def give(self, name: str, driver: str, deadline: Deadline) -> SysfsDevice:
        """Take the device from its driver and let `driver` probe it; see `driver` of the result."""
        return self._ask(name, deadline, "give", name, driver)

    def give_back(self, name: str, deadline: Deadline) -> SysfsDevice:
        """Let the kernel choose the driver again."""
        return self._ask(name, deadline, "give-back", name)

    def vfio_info(self, name: str, deadline: Deadline) -> dict[str, Any]:
        """What VFIO exposes of a device bound to vfio-platform (the `vfio-info` tool's JSON)."""
        done = self._agent.run(["/testbed/bin/vfio-info", name], deadline=deadline, check=False)
        try:
            info: dict[str, Any] = json.loads(done.stdout)
        except ValueError:
            info = {"error": done.stderr.decode(errors="replace").strip() or "no output"}
        if "error" in info:
            raise TestbedError(Stage.BIND, f"asking VFIO about {name}: {info['error']}")
        return info

    def kernel_says(self, name: str, deadline: Deadline) -> str:
        """The last line of the host's kernel log about a device, or nothing.

        Of a probe that failed, it is what the driver said, rather than that it failed.
        """
        done = self._agent.run(["dmesg"], deadline=deadline, check=False)
        log = done.stdout.decode(errors="replace").splitlines()
        about = [line.partition("] ")[2].strip() for line in log if name in line]
        if len(about) > 1 and _PROBE_FAILED in about[-1]:
            driver = about[-1].partition(name)[0]
            return about[-2] if about[-2].startswith(driver) else about[-1]
        return about[-1] if about else ""

    def _ask(self, name: str, deadline: Deadline, *arguments: str) -> SysfsDevice:
        try:
            done = self._agent.run([_TOOL, *arguments], deadline=deadline)
        except CommandFailed as error:
            said = error.stderr.decode(errors="replace").strip().splitlines()
            reason = said[-1] if said else str(error)
            raise TestbedError(
                Stage.BIND, f"{arguments[0]} {name} in {self._machine}: {reason}"
            ) from None
        fields = dict(
            line.split("=", 1) for line in done.stdout.decode().splitlines() if "=" in line
        )
        return SysfsDevice(
            name=name,
            node=fields.get("node", ""),
            driver=fields.get("driver", ""),
            group=fields.get("group", ""),
            group_devices=tuple(fields.get("group_devices", "").split()),
        )
