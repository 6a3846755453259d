# SPDX-License-Identifier: MIT
"""What a run took from a kernel tree, as a tree again."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
from artifact_rig import Steps, make_workshop, tree
from kernel_tree_rig import built_tree, small_kind

from testbed.artifacts import taken_tree
from testbed.artifacts.cache import Cache
from testbed.artifacts.kernel_tree import KernelTree, kernel_tree_target
from testbed.artifacts.manifest import make_manifest
from testbed.artifacts.qemu import Qemu
from testbed.artifacts.taken_tree import taken_from_tree
from testbed.errors import TestbedError

QEMU = Qemu(Path("/qemu"), "QEMU emulator version 10.0.2 (Debian 1:10.0.2+ds-2)", None, None)


@pytest.fixture
def built(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> KernelTree:
    monkeypatch.setenv("TESTBED_CACHE", str(tmp_path / "cache"))
    kind = small_kind(tmp_path, monkeypatch)
    monkeypatch.setattr(taken_tree, "_KINDS", {"small": kind})
    return built_tree(kind, tmp_path / "linux")


def made(cache: Cache, built: KernelTree) -> tuple[Path, dict[str, Any]]:
    """What a run takes from the tree for its host, and the run's manifest as it is read again."""
    target = kernel_tree_target(built, "host")
    shop = make_workshop(cache, Steps())
    shop.make([target])
    manifest = make_manifest("small", [], QEMU, [target], shop.objects, {})
    return shop.objects.folder(target.recipe), json.loads(json.dumps(manifest))


def contents(folder: Path) -> dict[str, bytes]:
    files = (folder / name for name in tree(folder) if (folder / name).is_file())
    return {str(path.relative_to(folder)): path.read_bytes() for path in files}


def written(files: dict[str, Path | bytes], folder: Path) -> Path:
    for name, content in files.items():
        path = folder / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(content if isinstance(content, bytes) else content.read_bytes())
    return folder


def test_the_tree_is_taken_as_the_run_took_it(
    cache: Cache, built: KernelTree, tmp_path: Path
) -> None:
    """Whatever became of it since: the same outputs are made of what was kept."""
    before, manifest = made(cache, built)
    (built.folder / "boot/Image").write_bytes(b"packed another")
    files = taken_from_tree(manifest, "host")
    assert files is not None
    again, _ = made(cache, KernelTree(built.kind, written(files, tmp_path / "again")))
    assert contents(again) == contents(before)


def test_a_kernel_that_came_from_elsewhere_is_none(cache: Cache, built: KernelTree) -> None:
    _, manifest = made(cache, built)
    assert taken_from_tree(manifest, "guest") is None


@pytest.mark.parametrize("change", ["gone", "another"])
def test_what_the_cache_has_no_more_is_said(cache: Cache, built: KernelTree, change: str) -> None:
    out, manifest = made(cache, built)
    module = out / "modules/6.12.0-mine/kernel/drivers/bus.ko"
    module.unlink() if change == "gone" else module.write_bytes(b"another")
    with pytest.raises(TestbedError) as caught:
        taken_from_tree(manifest, "host")
    assert caught.value.message == (
        "the cache has the kernel of the run's host no more, which came from a tree:"
        f" {out}; run it again and bundle that run"
    )
