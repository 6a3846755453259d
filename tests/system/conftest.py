# SPDX-License-Identifier: MIT
"""Running `testbed` as a person does, and looking at what it leaves behind."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

from testbed.artifacts import Sources
from testbed.artifacts.cache import Cache
from testbed.bridge.build import build
from testbed.deadline import Deadline

SCENARIOS = Path(__file__).parent / "scenarios"
TESTBED = [sys.executable, "-m", "testbed.cli.main"]


def processes_of(results: Path) -> list[str]:
    """The command lines of processes that work in a results folder or were given it."""
    found = []
    for process in Path("/proc").glob("[0-9]*"):
        try:
            cwd = str((process / "cwd").readlink())
            environment = (process / "environ").read_bytes()
            command = (process / "cmdline").read_bytes().replace(b"\0", b" ").decode()
        except OSError:
            continue  # it ended meanwhile, or is another user's
        ours = int(process.name) == os.getpid()
        if not ours and (cwd.startswith(str(results)) or str(results).encode() in environment):
            found.append(f"{process.name} {command}")
    return found


@dataclass
class Finished:
    """A `testbed run` that ended."""

    status: int
    output: str
    verdicts: list[dict[str, Any]]


class Testbed:
    """`testbed run` with a results folder of its own."""

    __test__ = False

    def __init__(self, folder: Path) -> None:
        self.results = folder / "results"
        self._json = folder / "verdicts.json"
        self._process: subprocess.Popen[str] | None = None

    def start(self, *arguments: str | Path, **popen: Any) -> subprocess.Popen[str]:
        """Start it; lines of its output can be read from `stdout` of what is returned."""
        command = [*TESTBED, "run", *map(str, arguments)]
        command += ["--results", str(self.results), "--json", str(self._json)]
        self._process = subprocess.Popen(
            command, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True, **popen
        )
        return self._process

    def run(self, *arguments: str | Path, **popen: Any) -> Finished:
        """Run it to its end."""
        self.start(*arguments, **popen)
        return self.finish()

    def finish(self) -> Finished:
        assert self._process is not None
        output, _ = self._process.communicate(timeout=300)
        verdicts = json.loads(self._json.read_text())["scenarios"] if self._json.exists() else []
        return Finished(self._process.returncode, output, verdicts)

    def wait_for(self, text: str) -> None:
        """Read output until a line has `text`."""
        assert self._process is not None
        assert self._process.stdout is not None
        seen = []
        for line in self._process.stdout:
            seen.append(line)
            if text in line:
                return
        pytest.fail(f"{text!r} never came:\n{''.join(seen)}")

    def wait_until_nothing_runs(self, seconds: float = 10) -> None:
        deadline = Deadline(seconds)
        while left := processes_of(self.results):
            assert not deadline.expired, f"left behind after {seconds} s: {left}"

    def kill(self) -> None:
        if self._process is not None and self._process.poll() is None:
            self._process.send_signal(signal.SIGKILL)
            self._process.communicate()


@pytest.fixture
def testbed(tmp_path: Path) -> Iterator[Testbed]:
    runner = Testbed(tmp_path)
    yield runner
    runner.kill()
    runner.wait_until_nothing_runs()


@pytest.fixture
def own_cache(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A cache for what the test runs: all parts are in it, and no template yet."""
    cache = Cache.default().root
    own = tmp_path / "cache"
    own.mkdir()
    for place in cache.iterdir():
        if place.name not in ("templates", "building"):
            (own / place.name).symlink_to(place)
    monkeypatch.setenv("TESTBED_CACHE", str(own))
    return own


@pytest.fixture(scope="session")
def other_bridge(sources: Sources, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A bridge that was built for a packaging of QEMU that this machine does not have."""
    out = tmp_path_factory.mktemp("bridge") / "testbed-rp.so"
    release = (sources.qemu / "VERSION").read_text().strip()
    build(sources.qemu, f"QEMU emulator version {release} (Elsewhere 1:{release}-1)", out)
    return out
