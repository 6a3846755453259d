# SPDX-License-Identifier: MIT
"""The emulated machine's root file system: a squashfs of packages, or of programs built here.

Packages are unpacked, not installed: no maintainer script runs and no privilege is needed. What
the scripts would have done that matters here is done below.
"""

from __future__ import annotations

import shutil
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

from testbed.artifacts import lists
from testbed.artifacts.selection import Selection
from testbed.artifacts.squashfs import make_squashfs
from testbed.artifacts.targets import Target, Workspace
from testbed.artifacts.unpack import unpack

PACKAGES = lists.GUESTS / "packages" / "arm64-root.txt"
_LEFT_OUT = lists.GUESTS / "packages" / "arm64-root-left-out.txt"

# The installation of a Debian system makes these; unpacking packages does not.
_MERGED = ("bin", "sbin", "lib")
_NAME = "root file system"
_MOUNT_POINTS = ("dev", "mnt", "proc", "root", "run", "sys", "testbed", "tmp", "usr/lib/modules")


def root_target(selection: Selection) -> Target:
    """Output: root.squashfs, of packages."""

    def build(work: Workspace) -> None:
        tree = work.scratch / "root"
        tree.mkdir()
        packages = selection.packages
        with ThreadPoolExecutor(2) as pool:
            halves = [pool.submit(unpack, work, packages[start::2], tree) for start in range(2)]
            for half in halves:
                half.result()
        merge_usr(tree)
        leave_out(tree, lists.read_list(_LEFT_OUT))
        _pack(work, tree)

    return Target(
        _NAME,
        build,
        packages=selection.packages,
        sources=(Path(__file__), _LEFT_OUT),
    )


def built_root_target(busybox: Target, trees: Sequence[Target]) -> Target:
    """Output: root.squashfs, of busybox and what the outputs of `trees` put below usr/."""

    def build(work: Workspace) -> None:
        tree = work.scratch / "root"
        for part in trees:
            shutil.copytree(work.need(part.name), tree, symlinks=True, dirs_exist_ok=True)
        merge_usr(tree)
        shutil.copyfile(work.need(busybox.name) / "busybox", tree / "usr/bin/busybox")
        (tree / "usr/bin/busybox").chmod(0o755)
        _pack(work, tree)

    return Target(_NAME, build, needs=(busybox, *trees), sources=(Path(__file__),))


def _pack(work: Workspace, tree: Path) -> None:
    # No shell is there yet; scripts that begin with #!/bin/sh get busybox.
    if not (tree / "usr/bin/sh").exists():
        (tree / "usr/bin/sh").symlink_to("busybox")
    for name in _MOUNT_POINTS:
        (tree / name).mkdir(parents=True, exist_ok=True)
    make_squashfs(work, tree, work.out / "root.squashfs", compression="lz4")


def merge_usr(tree: Path) -> None:
    """Make /bin, /sbin and /lib links into /usr, moving there what packages put in them."""
    for name in _MERGED:
        old, new = tree / name, tree / "usr" / name
        new.mkdir(parents=True, exist_ok=True)
        if old.is_dir() and not old.is_symlink():
            shutil.copytree(old, new, symlinks=True, dirs_exist_ok=True)
            shutil.rmtree(old)
        if not old.is_symlink():
            old.symlink_to(f"usr/{name}")


def leave_out(tree: Path, patterns: list[str]) -> None:
    """Remove what matches the patterns, which are globs below `tree`."""
    for pattern in patterns:
        for path in sorted(tree.glob(pattern)):
            if path.is_dir() and not path.is_symlink():
                shutil.rmtree(path)
            else:
                path.unlink()
