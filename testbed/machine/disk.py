# SPDX-License-Identifier: MIT
"""Finding the disk that a machine's driver made of a storage controller."""

from __future__ import annotations

from testbed.channel import AgentClient
from testbed.deadline import Deadline
from testbed.errors import Stage, TestbedError


def wait_for_disk(agent: AgentClient, device: str, machine: str, deadline: Deadline) -> str:
    """`/dev/sda` or the like: the first disk of a device, given by its folder below /sys/bus.

    A controller's driver looks for its disks after its probe, so this waits for one to appear.
    TestbedError (bind) at the deadline.
    """
    # Nothing in these machines loads the disk driver of its own accord.
    agent.run(["/usr/sbin/modprobe", "sd_mod"], deadline=deadline)
    query = f"ls -d /sys/bus/{device}/ata*/host*/target*/*/block/*"
    while True:
        found = agent.run(query, deadline=deadline, check=False).stdout.decode().split()
        if found:
            return f"/dev/{found[0].rpartition('/')[2]}"
        if deadline.expired:
            raise TestbedError(
                Stage.BIND,
                f"the driver of {device} in {machine} found no disk in {deadline.seconds:.0f} s",
            )
