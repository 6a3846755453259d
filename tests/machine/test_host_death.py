# SPDX-License-Identifier: MIT
"""A host's QEMU ends: its channels break first, and its end is what is told."""

from __future__ import annotations

from collections.abc import Iterator
from functools import partial
from pathlib import Path
from types import SimpleNamespace
from typing import Any, cast

import pytest
from machine_rig import BOARD, host_tree, with_qemu

from testbed.channel import ChannelClosed
from testbed.errors import Stage, TestbedError
from testbed.machine.host import Host
from testbed.machine.template import Template
from testbed.process import Process
from testbed.run import Run
from testbed.scenario import Scenario
from testbed.watch import Watch
from tests.system.conftest import processes_of

DEATH = TestbedError(Stage.HOST_BOOT, "the host's QEMU killed by signal 9")
BROKEN = ChannelClosed("host: the channel was closed by the machine")
DIES_LATER = ("sleep 0.1; kill -9 $$", 30.0)
LIVES = ("exec sleep 1000", 0.1)


class FakeHost:
    """A host with this script as its QEMU, whose channels break when it is told the time."""

    def __init__(self, folder: Path, qemu: str, timeout_scale: float) -> None:
        self.run = Run(folder, timeout_scale=timeout_scale)
        self.board = BOARD
        self.template = None
        self.models = SimpleNamespace(failure=lambda: None)
        self.watch = Watch()
        self.failure = partial(Host.failure, cast(Host, self))
        self._process = Process(
            ["sh", "-c", qemu],
            cwd=folder,
            log=folder / "qemu.log",
            on_exit=lambda status: self.watch.fail(DEATH),
        ).start()

    def _start(self, seconds: float) -> None:
        """It does."""

    def _give_time_and_seed(self) -> None:
        raise BROKEN

    def shutdown(self) -> None:
        self.watch.close()
        self._process.stop()
        self.run.close()


@pytest.fixture
def host(tmp_path: Path, request: pytest.FixtureRequest) -> Iterator[FakeHost]:
    host = FakeHost(tmp_path, *request.param)
    yield host
    host.shutdown()


def error_of_boot(host: FakeHost) -> Exception:
    with pytest.raises((TestbedError, ChannelClosed)) as caught:
        Host.boot(cast(Host, host))
    return caught.value


@pytest.mark.parametrize("host", [DIES_LATER], indirect=True)
def test_a_qemu_that_ends_as_its_host_is_booted(host: FakeHost) -> None:
    assert error_of_boot(host) is DEATH


@pytest.mark.parametrize("host", [LIVES], indirect=True)
def test_a_channel_that_breaks_by_itself(host: FakeHost) -> None:
    assert error_of_boot(host) is BROKEN


@pytest.mark.parametrize("host", [DIES_LATER], indirect=True)
def test_a_qemu_that_ends_under_a_scenario(host: FakeHost) -> None:
    scenario: Any = SimpleNamespace(_error=BROKEN, _guests=[])
    assert Scenario._death_of(scenario, cast(Host, host)) is DEATH


def test_one_that_was_ended_before_its_qemu_began_has_none(tmp_path: Path) -> None:
    """A run is ended from another thread than its host is booted in."""
    kept = tmp_path / "kept"
    kept.mkdir()
    (kept / "console.log").touch()
    host_tree().save(kept / "host.dtb")
    artifacts = with_qemu(tmp_path, f"touch {tmp_path}/began\nexec sleep 1000")
    run = Run(tmp_path / "run")
    host = Host(run, BOARD, artifacts, devices=(), template=Template(kept, "'booted'"))
    host.shutdown()
    with pytest.raises(TestbedError, match="the host was ended before its QEMU began"):
        host.boot()
    run.close()
    assert not (tmp_path / "began").exists()
    assert not processes_of(run.directory)
