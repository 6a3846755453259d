# SPDX-License-Identifier: MIT
"""Finding the network interface that a machine's driver made of a controller."""

from __future__ import annotations

from testbed.channel import AgentClient
from testbed.deadline import Deadline
from testbed.errors import Stage, TestbedError


def interface_of(agent: AgentClient, name: str, machine: str, deadline: Deadline) -> str:
    """`eth0` or the like for platform device `name`; TestbedError (bind) when it has none."""
    done = agent.run(
        ["ls", f"/sys/bus/platform/devices/{name}/net"], deadline=deadline, check=False
    )
    found = done.stdout.decode().split()
    if not found:
        raise TestbedError(
            Stage.BIND, f"the driver of {name} in {machine} has made no network interface of it"
        )
    return found[0]
