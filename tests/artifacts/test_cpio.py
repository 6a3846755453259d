# SPDX-License-Identifier: MIT
"""The initramfs writer, read back by the kernel's description of the format."""

from __future__ import annotations

from random import Random

import pytest
from artifact_rig import read_newc

from testbed.artifacts.cpio import CpioWriter


def test_entries_are_read_back(random: Random) -> None:
    files = {
        f"d{random.randrange(3)}/e{random.randrange(3)}/f{n}": random.randbytes(
            random.randrange(99)
        )
        for n in range(40)
    }
    writer = CpioWriter()
    writer.character_device("dev/console", 5, 1)
    writer.symlink("bin/sh", "busybox")
    writer.directory("tmp", 0o1777)
    for path, content in files.items():
        writer.file(path, content, 0o755 if len(content) % 2 else 0o644)

    entries = read_newc(writer.to_bytes())
    for path, content in files.items():
        assert entries[path][:2] == (0o100755 if len(content) % 2 else 0o100644, content)
    assert entries["dev/console"] == (0o020600, b"", (5, 1))
    assert entries["bin/sh"][:2] == (0o120777, b"busybox")
    assert entries["tmp"][0] == 0o041777
    assert entries["dev"][0] == 0o040755


def test_the_same_entries_give_the_same_bytes(random: Random) -> None:
    files = [(f"folder/{n}", random.randbytes(20)) for n in range(30)]
    archives = []
    for _ in range(2):
        random.shuffle(files)
        writer = CpioWriter()
        for path, content in files:
            writer.file(path, content)
        archives.append(writer.to_bytes())
    assert archives[0] == archives[1]


@pytest.mark.parametrize("path", ["", "/", "../up", "a/../../up", "nul\0"])
def test_paths_stay_inside(path: str) -> None:
    with pytest.raises(ValueError, match="not a path inside an archive"):
        CpioWriter().file(path, b"")


def test_a_leading_slash_is_the_same_path() -> None:
    writer = CpioWriter()
    writer.file("/init", b"x")
    assert list(read_newc(writer.to_bytes())) == ["init"]
