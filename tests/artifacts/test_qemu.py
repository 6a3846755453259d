# SPDX-License-Identifier: MIT
"""Which QEMU is used: the distribution's, or the user's own with its source."""

from __future__ import annotations

from pathlib import Path

import pytest

from testbed.artifacts.commands import Commands
from testbed.artifacts.qemu import Distributed, bridge_target, find_qemu
from testbed.errors import TestbedError


def make_qemu(path: Path, version: str) -> Path:
    path.write_text(f"#!/bin/sh\necho 'QEMU emulator version {version}'\n")
    path.chmod(0o755)
    return path


@pytest.fixture
def distribution(tmp_path: Path) -> Distributed:
    program = make_qemu(tmp_path / "qemu-system-aarch64", "7.2.22 (Debian 1:7.2+dfsg-7)")
    return Distributed(program, "base-files")  # any package that is installed


@pytest.fixture
def own(tmp_path: Path) -> Path:
    return make_qemu(tmp_path / "own-qemu", "9.1.3")


@pytest.fixture
def source(tmp_path: Path) -> Path:
    (tmp_path / "qemu-src").mkdir()
    (tmp_path / "qemu-src/VERSION").write_text("9.1.3\n")
    return tmp_path / "qemu-src"


def test_an_own_qemu_comes_with_its_source(
    commands: Commands, own: Path, source: Path, distribution: Distributed
) -> None:
    found = find_qemu(commands, distribution, own, source)
    assert (found.program, found.version.release) == (own, "9.1.3")
    assert (found.source, found.source_version) == (source, None)


def test_its_bridge_is_of_that_program_and_source(
    commands: Commands, own: Path, source: Path, tmp_path: Path, distribution: Distributed
) -> None:
    digest = bridge_target(find_qemu(commands, distribution, own, source), None).recipe.digest
    own.write_text(own.read_text() + "# rebuilt\n")
    again = bridge_target(find_qemu(commands, distribution, own, source), None).recipe.digest
    assert again != digest
    other = tmp_path / "other-src"
    source.rename(other)
    moved = bridge_target(find_qemu(commands, distribution, own, other), None).recipe.digest
    assert moved != again


def test_an_own_qemu_without_source_is_refused(
    commands: Commands, own: Path, distribution: Distributed
) -> None:
    with pytest.raises(TestbedError, match=r"9\.1\.3, which is not the distribution's; name its"):
        find_qemu(commands, distribution, own, None)


def test_an_own_copy_of_the_distributions_needs_none(
    commands: Commands, tmp_path: Path, distribution: Distributed
) -> None:
    copy = tmp_path / "copy"
    copy.write_text(distribution.program.read_text())
    copy.chmod(0o755)
    found = find_qemu(commands, distribution, copy, None)
    assert found.program == copy
    assert found.source is None
    assert found.source_version


@pytest.mark.parametrize(
    ("program", "tree", "said"),
    [
        (None, "qemu-src", "without its program"),
        ("absent", "qemu-src", "is not there: .*absent$"),
        ("own-qemu", "empty", "is not a QEMU source tree: it has no file VERSION"),
        ("not-qemu", "qemu-src", "is not a QEMU system emulator"),
        ("broken", "qemu-src", "for its version: broken ended with status 3: no such library"),
    ],
)
def test_wrong_names_are_told(
    commands: Commands,
    tmp_path: Path,
    own: Path,
    source: Path,
    distribution: Distributed,
    program: str | None,
    tree: str,
    said: str,
) -> None:
    (tmp_path / "empty").mkdir()
    (tmp_path / "not-qemu").write_text("#!/bin/sh\necho hello\n")
    (tmp_path / "broken").write_text("#!/bin/sh\necho no such library >&2; exit 3\n")
    for name in ("not-qemu", "broken"):
        (tmp_path / name).chmod(0o755)
    with pytest.raises(TestbedError, match=said):
        find_qemu(
            commands, distribution, None if program is None else tmp_path / program, tmp_path / tree
        )


def test_a_missing_qemu_points_to_the_doctor(commands: Commands, distribution: Distributed) -> None:
    distribution.program.unlink()
    with pytest.raises(TestbedError, match="run 'testbed doctor'"):
        find_qemu(commands, distribution, None, None)
