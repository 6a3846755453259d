# SPDX-License-Identifier: MIT
from __future__ import annotations

import os
import random
import subprocess
from pathlib import Path
from types import SimpleNamespace
from typing import Any, cast

import pytest

from testbed.channel import AgentClient
from testbed.deadline import Deadline
from testbed.scenario.files import FileTree


class LocalAgent:
    """Commands and files of a machine that is this one."""

    def put_file(self, path: str, data: bytes, *, deadline: Deadline) -> None:
        Path(path).write_bytes(data)

    def run(self, command: str, *, deadline: Deadline) -> Any:
        done = subprocess.run(["sh", "-c", command], capture_output=True, check=True)
        return SimpleNamespace(stdout=done.stdout)


AGENT = cast(AgentClient, LocalAgent())


@pytest.fixture
def written(tmp_path: Path) -> tuple[FileTree, Path]:
    seed = int.from_bytes(os.urandom(4))
    print(f"seed {seed}")
    tree = FileTree.make(random.Random(seed), 20)
    tree.write(AGENT, str(tmp_path), Deadline(10))
    return tree, tmp_path


def test_what_was_written_is_found(written: tuple[FileTree, Path]) -> None:
    tree, folder = written
    assert len(tree.files) == 20
    assert b"" in tree.files.values()
    tree.compare(AGENT, str(folder), Deadline(10))


def test_each_difference_is_found(written: tuple[FileTree, Path]) -> None:
    tree, folder = written
    victim = folder / max(tree.files, key=lambda path: len(tree.files[path]))
    content = bytearray(victim.read_bytes())
    content[len(content) // 2] ^= 1
    victim.write_bytes(content)
    with pytest.raises(AssertionError, match=r"1 files of .+ have other contents"):
        tree.compare(AGENT, str(folder), Deadline(10))
    victim.unlink()
    with pytest.raises(AssertionError, match="1 files are missing"):
        tree.compare(AGENT, str(folder), Deadline(10))
    victim.write_bytes(tree.files[str(victim.relative_to(folder))])
    (folder / "extra").write_bytes(b"")
    with pytest.raises(AssertionError, match="1 files nobody wrote"):
        tree.compare(AGENT, str(folder), Deadline(10))
