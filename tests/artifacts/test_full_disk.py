# SPDX-License-Identifier: MIT
"""A full disk is one clear error wherever it is met, and leaves nothing half-done."""

from __future__ import annotations

import errno
import json
import os
import re
import subprocess
import sys
from pathlib import Path
from random import Random

import pytest
from artifact_rig import Archive, some_package

from testbed.artifacts.commands import Commands
from testbed.artifacts.failure import writing
from testbed.errors import Stage, TestbedError

# A disk of 1 MB and 200 files on which a scenario runs, in namespaces that need no privilege.
_TINY_DISK = 'mount -t tmpfs -o size=1m,nr_inodes=200 tiny "$1" && exec "$2" "$3" "$1" "$4"'


def on_a_tiny_disk(tmp_path: Path, scenario: str, argument: object = None) -> dict[str, object]:
    disk = tmp_path / "disk"
    disk.mkdir()
    script = Path(__file__).with_name("full_disk_scenarios.py")
    namespaces = ["unshare", "--map-root-user", "--mount"]
    program = [sys.executable, script, json.dumps([scenario, argument])]
    done = subprocess.run(
        # The script's $1 is the disk, then come the interpreter, its file and its argument.
        [*namespaces, "sh", "-c", _TINY_DISK, "sh", disk, *program],
        capture_output=True,
        text=True,
        timeout=60,
        env={"PATH": "/usr/sbin:/usr/bin:/sbin:/bin", "PYTHONPATH": ":".join(sys.path)}
        | {name: value for name, value in os.environ.items() if name == "APT_CONFIG"},
        check=False,
    )
    assert done.returncode == 0, done.stderr
    result = json.loads(done.stdout)
    assert isinstance(result, dict)
    return result


@pytest.mark.parametrize("scenario", ["python-build", "program-build", "selection", "folders"])
def test_writing_to_the_cache(tmp_path: Path, scenario: str, random: Random) -> None:
    result = on_a_tiny_disk(tmp_path, scenario, random.randrange(1 << 30))
    assert result["stage"] == Stage.ARTIFACTS
    message = str(result["message"])
    assert re.fullmatch(
        r"writing .+ to the cache failed: no space left on device \([01] MB free in /.+\); "
        r"free space or set TESTBED_CACHE",
        message,
    )
    assert result["left"] == []


def test_fetching_to_the_cache(tmp_path: Path, archive: Archive, random: Random) -> None:
    package, content = some_package(random, size=3_000_000)
    archive.files[f"/{package.path.replace('+', '%2B')}"] = content
    result = on_a_tiny_disk(tmp_path, "fetch", [archive.address, package.to_json()])
    assert "no space left on device" in str(result["message"])
    assert str(result["message"]).startswith(f"writing {package.title} to the cache failed")
    assert result["left"] == []


def test_the_error_of_the_operating_system(tmp_path: Path) -> None:
    with pytest.raises(TestbedError) as caught, writing("a thing", tmp_path):  # noqa: SIM117
        with Path("/dev/full").open("w") as full:
            full.write("x")
    assert caught.value.stage is Stage.ARTIFACTS
    assert "writing a thing to the cache failed: no space left on device" in caught.value.message


def test_the_error_of_a_program(commands: Commands) -> None:
    with pytest.raises(OSError, match="No space left") as caught:
        commands.run(["dd", "if=/dev/zero", "of=/dev/full", "count=1"], what="write")
    assert caught.value.errno == errno.ENOSPC


def test_other_errors_pass_through(tmp_path: Path) -> None:
    with pytest.raises(FileNotFoundError), writing("a thing", tmp_path):
        (tmp_path / "absent").read_bytes()
