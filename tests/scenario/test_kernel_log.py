# SPDX-License-Identifier: MIT
"""KernelLog: only what is new counts, in its order, and what must not be said is noticed."""

from __future__ import annotations

from typing import cast

import pytest

from testbed.machine.guest import Guest
from testbed.scenario.kernel_log import KernelLog


class Machine:
    """Its kernel says what is appended to `said`."""

    def __init__(self) -> None:
        self.said = ["[ 1.0] disk lost"]

    def succeed(self, command: str) -> str:
        if command.startswith("echo "):
            self.said.append(f"[ 2.0] {command.split()[1]}")
            return ""
        assert command == "dmesg"
        return "".join(f"{line}\n" for line in self.said)


@pytest.fixture
def machine() -> Machine:
    return Machine()


@pytest.fixture
def log(machine: Machine) -> KernelLog:
    return KernelLog(cast(Guest, machine))


def test_what_was_said_before_does_not_count(machine: Machine, log: KernelLog) -> None:
    assert log.read() == ""
    assert not log.has("lost")
    log.check(never="lost")
    machine.said.append("[ 3.0] disk found")
    assert log.read() == "[ 3.0] disk found\n"
    assert log.has("disk .ound")


def test_patterns_are_found_in_order(machine: Machine, log: KernelLog) -> None:
    machine.said += ["reset", "up", "reset"]
    log.check("reset", "up", "reset")
    with pytest.raises(AssertionError, match="did not say 'up'"):
        log.check("reset", "up", "up")
    with pytest.raises(AssertionError, match="did not say 'down'"):
        log.check("down")


def test_what_must_not_be_said(machine: Machine, log: KernelLog) -> None:
    machine.said.append("I/O error, dev sda")
    with pytest.raises(AssertionError, match="said 'I/O error'"):
        log.check("dev", never="lost|I/O error")
