# SPDX-License-Identifier: MIT
"""A step of a set-up: all machines at a time, and how the first that did not succeed ended."""

from __future__ import annotations

from pathlib import Path

import pytest

from testbed.errors import TestbedError
from testbed.fleet import set_up as module


def step(logs: Path, seconds: float, **scripts: str) -> list[str]:
    commands = {name: ["sh", "-c", script] for name, script in scripts.items()}
    said: list[str] = []
    module._step("it", commands, logs, seconds / module._SECONDS, said.append)
    return said


def test_all_machines_are_named(tmp_path: Path) -> None:
    (said,) = step(tmp_path, 60, alpha="echo one", beta="echo two")
    assert said.startswith("it: on alpha, beta, ")
    assert (tmp_path / "beta.log").read_text() == "two\n"


@pytest.mark.parametrize(
    ("script", "seconds", "how"),
    [
        ("echo no such luck; exit 3", 60, "status 3, no such luck"),
        ("exec sleep 600", 1, "not done after 1 s"),
    ],
)
def test_how_a_machine_failed_is_told(
    tmp_path: Path, script: str, seconds: float, how: str
) -> None:
    with pytest.raises(TestbedError) as caught:
        step(tmp_path, seconds, beta=script, alpha="echo one")
    assert caught.value.message == f"setting up it on beta: {how}"
    assert caught.value.evidence == tmp_path / "beta.log"
