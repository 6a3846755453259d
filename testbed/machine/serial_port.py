# SPDX-License-Identifier: MIT
"""Finding the tty that a machine's driver made of a UART."""

from __future__ import annotations

from testbed.channel import AgentClient, CommandFailed, Stream
from testbed.deadline import Deadline
from testbed.devicetree.address import linux_name
from testbed.devicetree.tree import Node, Tree
from testbed.errors import Stage, TestbedError


def tty_of(agent: AgentClient, name: str, deadline: Deadline) -> str:
    """`ttyS0` or the like for platform device `name`; TestbedError when no driver made one.

    The serial core puts a port and a controller device between the platform device and its tty.
    """
    try:
        done = agent.run(
            ["find", f"/sys/bus/platform/devices/{name}/", "-name", "tty[A-Z]*"], deadline=deadline
        )
    except CommandFailed as error:
        raise TestbedError(Stage.BIND, f"looking for the tty of {name}: {error}") from None
    found = done.stdout.decode().split()
    if not found:
        raise TestbedError(
            Stage.BIND, f"no serial driver is bound to {name}: it has no tty in sysfs"
        )
    return found[0].rpartition("/")[2]


def open_serial_port(agent: AgentClient, tree: Tree, node: Node, deadline: Deadline) -> Stream:
    """Open the tty of the UART at `node` raw, 115200 8N1, as a byte stream."""
    tty = tty_of(agent, linux_name(tree, node), deadline)
    return agent.open_tty(f"/dev/{tty}", baud=115200, deadline=deadline)
