# SPDX-License-Identifier: MIT
"""What a run took from a kernel tree, out of the cache, as a tree that has that and no more.

The tree itself may have been built again since: whoever bisects builds often.
"""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

from testbed.artifacts import arm_virt, e500
from testbed.artifacts.cache import Cache
from testbed.artifacts.digest import file_sha256
from testbed.artifacts.failure import failure
from testbed.artifacts.kernel_tree import TreeKind
from testbed.artifacts.manifest import described

_KINDS = {kind.board: kind for kind in (arm_virt.TREES, e500.TREES)}


def taken_from_tree(manifest: Mapping[str, Any], machine: str) -> dict[str, Path | bytes] | None:
    """Files of the tree that the "host" or the "guest" of a manifest had its kernel from.

    By their places in the tree, those of text that is not in a file as their content. None when
    there was no such tree. TestbedError when the cache has not got it any more.
    """
    recorded = manifest["objects"].get(f"{machine} kernel tree")
    if recorded is None:
        return None
    cache = Cache.default()
    cache.create()
    cache.use()
    folder = cache.objects / recorded["recipe"] / "out"
    files = {str(path.relative_to(folder)): path for path in folder.rglob("*") if path.is_file()}
    digests = {name: file_sha256(path) for name, path in sorted(files.items())}
    if {"recipe": recorded["recipe"], **described(digests)} != recorded:
        raise failure(
            f"the cache has the kernel of the run's {machine} no more, which came from a tree:"
            f" {folder}; run it again and bundle that run"
        )
    return _laid_out(_KINDS[manifest["board"]], files)


def _laid_out(kind: TreeKind, files: Mapping[str, Path]) -> dict[str, Path | bytes]:
    """The outputs of a kernel tree's target where it would take them from."""
    tree: dict[str, Path | bytes] = {}
    for name, path in files.items():
        if name == "Image":
            tree[kind.image] = path
        elif name == "config":
            tree[".config"] = path
        else:  # modules/RELEASE/...
            _, release, place = name.split("/", 2)
            tree["include/config/kernel.release"] = f"{release}\n".encode()
            tree[place.removeprefix("kernel/")] = path
    return tree
