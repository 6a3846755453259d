# SPDX-License-Identifier: MIT
from __future__ import annotations

from collections.abc import Sequence
from types import SimpleNamespace
from typing import Any, cast

import pytest

from testbed.channel import AgentClient
from testbed.deadline import Deadline
from testbed.errors import Stage, TestbedError
from testbed.machine.network import interface_of

DEVICE = "db0000.ethernet"


class FakeAgent:
    """A machine whose device has these interfaces."""

    def __init__(self, interfaces: bytes) -> None:
        self._interfaces = interfaces

    def run(self, command: Sequence[str], **_: Any) -> Any:
        assert command == ["ls", f"/sys/bus/platform/devices/{DEVICE}/net"]
        return SimpleNamespace(stdout=self._interfaces)


def find(interfaces: bytes) -> str:
    return interface_of(cast(AgentClient, FakeAgent(interfaces)), DEVICE, "guest7", Deadline(1))


def test_the_interface_is_named() -> None:
    assert find(b"eth0\n") == "eth0"


def test_none_is_an_error_that_names_machine_and_controller() -> None:
    with pytest.raises(TestbedError, match=r"of db0000\.ethernet in guest7 has made no") as caught:
        find(b"")
    assert caught.value.stage is Stage.BIND
