# SPDX-License-Identifier: MIT
"""Programs of another release run with the C library that came with it."""

from __future__ import annotations

import re
import shutil
import subprocess
from pathlib import Path

import pytest

from testbed.artifacts.build_tools import run_with_library
from testbed.errors import TestbedError

LOADER = Path("/lib64/ld-linux-x86-64.so.2")


@pytest.fixture
def release(tmp_path: Path) -> Path:
    """Has `library`, this machine's C library at another place, and `tools`, empty."""
    libraries = tmp_path / "release/library/usr/lib/x86_64-linux-gnu"
    libraries.mkdir(parents=True)
    shutil.copy(LOADER.resolve(), libraries / LOADER.name)
    (loaded,) = re.findall(r"=> (\S+/libc\.so\.6) ", said("ldd", "/bin/cat"))
    shutil.copy(loaded, libraries)
    link = tmp_path / "release/library/usr/lib64" / LOADER.name
    link.parent.mkdir()
    link.symlink_to(f"../lib/x86_64-linux-gnu/{LOADER.name}")
    (tmp_path / "release/tools/mod").mkdir(parents=True)
    return tmp_path / "release"


def said(*command: str | Path) -> str:
    done = subprocess.run(command, capture_output=True, text=True, check=True, timeout=60)
    return done.stdout


def test_a_program_has_that_library_wherever_they_are_moved(release: Path, tmp_path: Path) -> None:
    program = release / "tools/mod/cat"
    shutil.copy("/bin/cat", program)
    run_with_library(release / "tools", release / "library")
    moved = release.rename(tmp_path / "moved to here")
    maps = said(moved / "tools/mod/cat", "/proc/self/maps")
    libraries = {line.split(maxsplit=5)[5] for line in maps.splitlines() if "libc.so" in line}
    assert libraries == {f"{moved}/library/usr/lib/x86_64-linux-gnu/libc.so.6"}


def test_a_program_knows_the_name_it_was_called_by(release: Path) -> None:
    """By which modpost finds the one of four that it runs."""
    program = release / "tools/shell"
    shutil.copy("/bin/sh", program)
    run_with_library(release / "tools", release / "library")
    assert said(program, "-c", 'echo "$0 $1"', "name", "two words") == "name two words\n"
    assert said(program, "-c", "echo $0") == f"{program}\n"


def test_scripts_and_data_stay_as_they_are(release: Path) -> None:
    script, data = release / "tools/script", release / "tools/mod/data"
    script.write_text("#!/bin/sh\necho unchanged\n")
    script.chmod(0o755)
    data.write_bytes(b"\x7fELF is not enough")
    run_with_library(release / "tools", release / "library")
    assert said(script) == "unchanged\n"
    assert data.read_bytes() == b"\x7fELF is not enough"
    assert sorted(path.name for path in release.glob("tools/**/*.elf")) == []


def test_another_package_is_told(release: Path) -> None:
    shutil.rmtree(release / "library/usr/lib")
    with pytest.raises(TestbedError, match=r"library has no ld-linux-x86-64\.so\.2; the package"):
        run_with_library(release / "tools", release / "library")
