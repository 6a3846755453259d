# SPDX-License-Identifier: MIT
"""Which template a run is restored from, and what becomes of one that cannot be restored."""

from __future__ import annotations

import os
import shutil
import threading
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any, cast

import pytest

from testbed.artifacts.cache import Cache
from testbed.artifacts.contents import templates
from testbed.artifacts.failure import Stopped
from testbed.artifacts.progress import PlainProgress
from testbed.channel import ChannelClosed, ChannelTimeout, CommandFailed
from testbed.devicetree.tree import TreeError
from testbed.errors import Stage, TestbedError
from testbed.machine.host import Host
from testbed.machine.template import Template
from testbed.machine.templates import Templates
from testbed.run import Run

UART = "/soc/serial@11c500"
CONTENT: dict[str, Any] = {"board": "none", "bound": [UART]}
FACTS = {"name": "11c500.serial"}
RECORDS = ("console.log", "host.dtb", "host.dts")
TIMEOUT = ChannelTimeout("host: no answer in 20 s")
COMMAND = CommandFailed("host", ["seed-random"], 127, b"", b"not found")
DEATH = TestbedError(Stage.HOST_BOOT, "the host's QEMU killed by signal 9")


class FakeHost:
    """Boots as `boot` says, and is saved as a few bytes."""

    def __init__(self, folder: Path, memory: Path | None, boot: Callable[[], None]) -> None:
        self.folder = folder
        folder.mkdir(exist_ok=True)
        self._memory = memory
        self.boot = boot
        self.ended = False

    def assign(self, path: str) -> FakeHost:
        assert path == UART
        return self

    def facts(self) -> dict[str, str]:
        """What VFIO has of the device, as of an assignment."""
        return FACTS

    def save(self, state: Path) -> None:
        assert self._memory is not None
        self._memory.write_bytes(bytes(1 << 20) + b"memory")
        state.write_bytes(b"state")
        for name in RECORDS:
            (self.folder / name).write_text(name)

    def shutdown(self) -> None:
        self.ended = True


class Rig:
    """A cache of its own, and hosts that fail to be restored as often as there are `errors`."""

    def __init__(self, folder: Path) -> None:
        self.cache = Cache(folder / "cache")
        self.cache.create()
        self.run = Run(folder / "run")
        self.errors: list[BaseException] = []
        self.lost: Path | None = None
        self.hosts: list[FakeHost] = []
        self.started: list[Host] = []
        self.made = 0
        self.stopped = False
        self.boots: Callable[[], None] = lambda: None
        """What the host does that a template is made of."""
        progress = PlainProgress((folder / "progress").open("w"))
        self.templates = Templates(self.run, self.cache, progress, lambda: self.stopped)

    def boot(self) -> None:
        """As a run does that asks for the template, and ends."""
        try:
            self.templates.boot(CONTENT, self.make_host, self.started.append)
        finally:
            self.templates.close()

    def make_host(
        self, *, name: str = "host", template: Template | None = None, memory: Path | None = None
    ) -> Host:
        self.made += template is None
        assert template is None or template.bound == {UART: FACTS}

        def boot() -> None:
            assert host in self.started, "nobody would end it"
            if template is None:
                self.boots()
            else:
                assert self.in_use == [True], "it could be pruned"
                self._restored()

        host = FakeHost(self.run.folder(name), memory, boot)
        self.hosts.append(host)
        return cast(Host, host)

    def _restored(self) -> None:
        if self.errors:
            if self.lost is not None:
                shutil.rmtree(self.lost) if self.lost.is_dir() else self.lost.unlink()
            raise self.errors.pop(0)

    @property
    def in_use(self) -> list[bool]:
        """Of each template, whether a run has it."""
        return [entry.in_use for entry in templates(self.cache)]

    @property
    def template(self) -> Path:
        (template,) = self.cache.templates.iterdir()
        return template

    def spoil(self, name: str) -> None:
        """Other content of the same size and time, as a disk that forgets leaves it."""
        file = self.template / name
        times = file.stat()
        file.write_bytes(b"\xff" * times.st_size)
        os.utime(file, ns=(times.st_atime_ns, times.st_mtime_ns))

    @property
    def log(self) -> str:
        return (self.run.directory / "testbed.log").read_text()


@pytest.fixture
def rig(tmp_path: Path) -> Iterator[Rig]:
    rig = Rig(tmp_path)
    yield rig
    rig.run.close()
    assert all(host.ended for host in rig.hosts if host.folder.name == "template")
    assert not any(rig.in_use), "a run that has ended holds it"


def test_one_is_made_and_restored_from_then_on(rig: Rig) -> None:
    rig.boot()
    rig.boot()
    assert rig.made == 1
    assert len(rig.hosts) == 3


@pytest.mark.parametrize(
    "error", [TIMEOUT, DEATH, COMMAND, ChannelClosed("gone"), OSError("no space")]
)
def test_what_is_not_its_fault_leaves_it_there(rig: Rig, error: Exception) -> None:
    rig.boot()
    before = rig.template
    rig.errors = [error]
    with pytest.raises(type(error)) as raised:
        rig.boot()
    assert raised.value is error
    assert rig.hosts[-1].ended
    assert "is as it was saved, and stays" in rig.log
    rig.boot()
    assert rig.template == before
    assert rig.made == 1


@pytest.mark.parametrize("error", [TIMEOUT, DEATH, COMMAND, TreeError("no tree"), OSError("gone")])
@pytest.mark.parametrize("part", ["memory", "state", *RECORDS])
def test_one_that_is_not_what_was_saved_is_made_anew(rig: Rig, part: str, error: Exception) -> None:
    rig.boot()
    rig.spoil(part)
    rig.errors = [error]
    rig.boot()
    assert rig.made == 2
    assert f"is of no use and dropped: {error}" in rig.log
    rig.boot()
    assert rig.made == 2


@pytest.mark.parametrize("part", ["state", ""], ids=["a file", "all"])
def test_one_that_is_lost_meanwhile_is_made_anew(rig: Rig, part: str) -> None:
    rig.boot()
    rig.lost = rig.template / part
    rig.errors = [OSError("gone")]
    rig.boot()
    assert rig.made == 2


def test_run_that_ends_drops_nothing(rig: Rig) -> None:
    rig.boot()
    rig.spoil("memory")
    rig.errors, rig.stopped = [DEATH], True
    with pytest.raises(TestbedError, match="signal 9"):
        rig.boot()
    assert rig.made == 1
    assert rig.template.exists()


@pytest.mark.parametrize("error", [TIMEOUT, DEATH, KeyboardInterrupt()])
def test_new_one_that_was_never_restored_proves_nothing(rig: Rig, error: BaseException) -> None:
    rig.errors = [error]
    with pytest.raises(type(error)):
        rig.boot()
    assert not list(rig.cache.templates.iterdir())
    rig.boot()
    assert rig.made == 2


def test_end_of_a_run_waits_until_no_half_template_is_left(
    rig: Rig, monkeypatch: pytest.MonkeyPatch
) -> None:
    """It comes in another thread than the one that makes it, and the process would be gone."""
    booting, died, removing = threading.Event(), threading.Event(), threading.Event()
    rmtree = shutil.rmtree

    def dies() -> None:
        booting.set()
        assert died.wait(20)
        raise DEATH

    def remove(folder: Path, *, ignore_errors: bool) -> None:
        assert removing.wait(20)
        rmtree(folder, ignore_errors=ignore_errors)

    def make() -> None:
        with pytest.raises(TestbedError, match="signal 9"):
            rig.templates.boot(CONTENT, rig.make_host, rig.started.append)

    rig.boots = dies
    making, ending = threading.Thread(target=make), threading.Thread(target=rig.templates.close)
    making.start()
    assert booting.wait(20)
    monkeypatch.setattr(shutil, "rmtree", remove)
    died.set()
    ending.start()
    ending.join(0.05)
    assert ending.is_alive()
    removing.set()
    ending.join(20)
    assert not list(rig.cache.building.iterdir())
    making.join(20)


def test_run_that_ends_does_not_wait_for_one_that_another_makes(
    rig: Rig, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("testbed.artifacts.cache._LOCK_SECONDS", 5)  # an hour
    rig.boot()
    digest = rig.template.name
    shutil.rmtree(rig.template)
    rig.stopped = True
    with rig.cache.try_lock(digest), pytest.raises(Stopped):
        rig.boot()
