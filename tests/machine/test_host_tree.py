# SPDX-License-Identifier: MIT
"""A QEMU that is asked for the tree of the host's machine, and does not make one."""

from __future__ import annotations

from pathlib import Path

import pytest
from machine_rig import BOARD, with_qemu

from testbed.errors import Stage, TestbedError
from testbed.machine import host as host_module
from testbed.machine.host import Host
from testbed.run import Run


def refusal(folder: Path, script: str, *, timeout_scale: float = 1.0) -> str:
    """Why there is no host that has this script as its QEMU."""
    artifacts = with_qemu(folder, script)
    run = Run(folder / "run", timeout_scale=timeout_scale)
    try:
        with pytest.raises(TestbedError) as caught:
            Host(run, BOARD, artifacts)
    finally:
        run.close()
    assert caught.value.stage is Stage.HOST_BOOT
    return caught.value.message


def test_what_it_says_last_is_the_reason(tmp_path: Path) -> None:
    said = refusal(tmp_path, "echo first >&2; echo no such machine >&2; exit 1")
    assert said == f"{tmp_path}/qemu does not make the machine of arm-virt: no such machine"


@pytest.mark.parametrize(("timeout_scale", "reason"), [(1, "timed out"), (1000, "status 1")])
def test_how_long_it_may_take_is_scaled(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, timeout_scale: float, reason: str
) -> None:
    monkeypatch.setattr(host_module, "_TREE_SECONDS", 0.01)
    assert reason in refusal(tmp_path, "sleep 0.3; exit 1", timeout_scale=timeout_scale)
