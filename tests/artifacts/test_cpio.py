# SPDX-License-Identifier: MIT
"""The initramfs writer, read back by the kernel's description of the format."""

from __future__ import annotations

import stat
from random import Random

import pytest

from testbed.artifacts.cpio import CpioWriter

Entry = tuple[int, bytes, tuple[int, int]]


def read_newc(archive: bytes) -> dict[str, Entry]:
    """Mode, content and device of every entry; checks what the kernel's unpacker relies on."""
    entries: dict[str, Entry] = {}
    inodes = set()
    offset = 0
    while True:
        assert offset % 4 == 0
        assert archive[offset : offset + 6] == b"070701"
        fields = [int(archive[offset + 6 + 8 * n : offset + 14 + 8 * n], 16) for n in range(13)]
        inode, mode, uid, gid, _, mtime, size, _, _, major, minor, name_size, check = fields
        start = offset + 110
        name = archive[start : start + name_size]
        assert name.endswith(b"\0")
        start = (start + name_size + 3) // 4 * 4
        content = archive[start : start + size]
        assert len(content) == size
        offset = (start + size + 3) // 4 * 4
        if name == b"TRAILER!!!\0":
            assert archive[offset:].strip(b"\0") == b""
            return entries
        assert (uid, gid, mtime, check) == (0, 0, 0, 0)
        assert inode not in inodes
        inodes.add(inode)
        path = name[:-1].decode()
        parent = path.rpartition("/")[0]
        assert not parent or stat.S_ISDIR(entries[parent][0]), f"{path} comes before its folder"
        entries[path] = (mode, content, (major, minor))


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
