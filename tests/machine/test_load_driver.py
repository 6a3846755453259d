# SPDX-License-Identifier: MIT
"""A device of the host gets its driver, or it is said why not."""

from __future__ import annotations

from collections.abc import Sequence
from contextlib import nullcontext
from pathlib import Path
from types import SimpleNamespace
from typing import Any, cast

import pytest
from machine_rig import device, host_tree

from testbed.deadline import Deadline
from testbed.errors import Stage, TestbedError
from testbed.machine.host import Host

PATH = "/soc/serial@11c500"
NAME = "d11c500.serial"
LOG = f"""\
[    1.0] of_serial {NAME}: no clock-frequency
[    1.1] of_serial {NAME}: probe with driver of_serial failed with error -22
"""


class FakeHost:
    """A host whose UART gets `driver` when its module is loaded."""

    def __init__(self, driver: str) -> None:
        self.driver = driver
        self.tree = host_tree(device("serial@11c500", [(0x11C500, 0x100)], [180]))
        self.node = self.tree.node
        self.models = SimpleNamespace(by_path={})
        self.run = SimpleNamespace(deadline=Deadline, step=lambda stage, what: nullcontext())
        self.agent = SimpleNamespace(run=self._run)
        self.console = SimpleNamespace(log=Path("console.log"))
        self.loaded = False

    def _run(self, command: Sequence[str], *, deadline: Deadline, check: bool = True) -> Any:
        if command == ["dmesg"]:
            return SimpleNamespace(stdout=LOG.encode())
        assert command[-1] == NAME
        self.loaded |= command[-2] == "load"
        driver = self.driver if self.loaded else ""
        return SimpleNamespace(stdout=f"node={PATH}\ndriver={driver}\n".encode())


def test_the_driver_is_named() -> None:
    assert Host.load_driver(cast(Host, FakeHost("of_serial")), PATH) == "of_serial"


def test_a_probe_that_fails_is_told_in_the_kernels_words() -> None:
    with pytest.raises(
        TestbedError, match=f"no driver of the host took {PATH}; .* {NAME}: no clock-frequency$"
    ) as caught:
        Host.load_driver(cast(Host, FakeHost("")), PATH)
    assert caught.value.stage is Stage.BIND
    assert caught.value.evidence == Path("console.log")
