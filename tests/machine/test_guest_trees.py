# SPDX-License-Identifier: MIT
"""What nested QEMU says of its trees is learnt once and kept, unless it cannot be."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from types import SimpleNamespace
from typing import cast

import pytest
from machine_rig import BOARD, host_tree

from testbed.artifacts.failure import NoSpace
from testbed.deadline import Deadline
from testbed.devicetree.guest_nodes import Placement
from testbed.machine.guest_tree import GuestTrees
from testbed.machine.host import Host


class FakeHost:
    """As much of a host as is asked for a tree."""

    def __init__(self) -> None:
        self.board = BOARD
        self.guest_qemu = None
        self.artifacts = SimpleNamespace(root="root", payload="payload")
        self.run = SimpleNamespace(deadline=Deadline)
        self.agent = SimpleNamespace(run=self._ask, get_file=self._get_file)
        self.asked = 0

    def _ask(self, argv: Sequence[str], *, deadline: Deadline) -> None:
        self.asked += 1

    def _get_file(self, path: str, *, deadline: Deadline) -> bytes:
        return host_tree().to_blob() + bytes(1 << 20)


class Rig:
    def __init__(self, cache: Path) -> None:
        self.folder = cache / "guest-trees"
        self.host = FakeHost()

    @property
    def trees(self) -> GuestTrees:
        return GuestTrees(cast(Host, self.host), "qemu", ())

    @property
    def kept(self) -> list[Path]:
        return list(self.folder.iterdir())


@pytest.fixture
def rig(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Rig:
    monkeypatch.setenv("TESTBED_CACHE", str(tmp_path))
    return Rig(tmp_path)


def test_qemu_is_asked_once(rig: Rig) -> None:
    trees = [rig.trees.base("/run") for _ in range(2)]
    assert trees[0].to_blob() == trees[1].to_blob() == host_tree().to_blob()
    assert rig.host.asked == 1


def test_only_the_tree_is_kept_of_what_qemu_wrote(rig: Rig) -> None:
    rig.trees.base("/run")
    (kept,) = rig.kept
    assert kept.read_bytes() == host_tree().to_blob()


@pytest.mark.parametrize("content", [b"", b"half a tree"])
def test_a_tree_that_is_not_whole_is_asked_for_again(rig: Rig, content: bytes) -> None:
    rig.trees.base("/run")
    (kept,) = rig.kept
    kept.write_bytes(content)
    assert rig.trees.base("/run").to_blob() == host_tree().to_blob()
    assert kept.read_bytes() == host_tree().to_blob()
    assert rig.host.asked == 2


def test_placements_are_remembered(rig: Rig) -> None:
    placements = [Placement((0x1000,), ((0, 113, 4),))]
    assert rig.trees.placements([]) is None
    rig.trees.remember([], placements)
    assert rig.trees.placements([]) == placements
    (kept,) = rig.kept
    kept.write_bytes(b"")
    assert rig.trees.placements([]) is None


def test_what_cannot_be_kept_leaves_nothing(rig: Rig, monkeypatch: pytest.MonkeyPatch) -> None:
    def full(path: Path, target: Path) -> Path:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(Path, "rename", full)
    with pytest.raises(NoSpace, match=r"writing the guest tree .* to the cache failed"):
        rig.trees.base("/run")
    assert rig.kept == []
