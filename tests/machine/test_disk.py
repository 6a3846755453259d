# SPDX-License-Identifier: MIT
from __future__ import annotations

from collections.abc import Sequence
from types import SimpleNamespace
from typing import Any, cast

import pytest

from testbed.channel import AgentClient
from testbed.deadline import Deadline
from testbed.errors import Stage, TestbedError
from testbed.machine.disk import wait_for_disk

DEVICE = "platform/devices/d221000.sata"
DISK = f"/sys/bus/{DEVICE}/ata1/host0/target0:0:0/0:0:0:0/block/sda"


class FakeAgent:
    """A machine whose disk appears after some queries."""

    def __init__(self, empty: int) -> None:
        self.commands: list[str | Sequence[str]] = []
        self._empty = empty

    def run(self, command: str | Sequence[str], **_: Any) -> Any:
        self.commands.append(command)
        if not isinstance(command, str):
            return SimpleNamespace(stdout=b"")
        self._empty -= 1
        return SimpleNamespace(stdout=b"" if self._empty >= 0 else f"{DISK}\n".encode())


def find(agent: FakeAgent, seconds: float) -> str:
    return wait_for_disk(cast(AgentClient, agent), DEVICE, "guest7", Deadline(seconds))


def test_waits_until_the_disk_is_there() -> None:
    agent = FakeAgent(empty=3)
    assert find(agent, 60) == "/dev/sda"
    assert agent.commands[0] == ["/usr/sbin/modprobe", "sd_mod"]
    assert len(agent.commands) == 1 + 4


def test_no_disk_is_an_error_that_names_machine_and_controller() -> None:
    with pytest.raises(TestbedError, match=r"d221000\.sata in guest7 found no disk in 0 s") as e:
        find(FakeAgent(empty=1), 0)
    assert e.value.stage is Stage.BIND
