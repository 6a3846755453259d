# SPDX-License-Identifier: MIT
"""A small kernel tree of board "small", as make leaves it."""

from __future__ import annotations

from pathlib import Path

import pytest
from test_module_tree import make_module

from testbed.artifacts import kernel_tree
from testbed.artifacts.kernel_tree import KernelTree, TreeKind

VFIO = "drivers/vfio/platform"
CONFIG = """\
#
# Linux/arm64 6.12.0 Kernel Configuration
#
CONFIG_KVM=y
CONFIG_VFIO=y
CONFIG_SQUASHFS=m
CONFIG_VFIO_PLATFORM_AHCI_RESET=m
"""
NEEDS = """\
# Why
CONFIG_KVM=y
CONFIG_VFIO=m
CONFIG_SQUASHFS=m
CONFIG_VFIO_PLATFORM_AHCI_RESET=m
"""


def small_kind(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> TreeKind:
    """Of board "small", which lists two modules and asks for four symbols."""
    needs = tmp_path / "needs"
    needs.mkdir()
    (needs / "small-host.config").write_text(NEEDS)
    (needs / "small-guest.config").write_text("CONFIG_SQUASHFS=m\n")
    monkeypatch.setattr(kernel_tree, "_NEEDS", needs)
    (tmp_path / "listed.txt").write_text("disk\nnot-in-this-kernel\n")
    return TreeKind(
        board="small",
        architecture="arm64",
        cross="",
        image="boot/Image",
        as_loaded=lambda path: path.read_bytes().removeprefix(b"packed "),
        modules=tmp_path / "listed.txt",
    )


def built_tree(kind: TreeKind, folder: Path) -> KernelTree:
    """A tree as make leaves it; of its modules, `disk` needs `bus`, which is not listed."""
    make_module(folder / "drivers/disk.ko", "bus")
    make_module(folder / "drivers/bus.ko", "")
    make_module(folder / "drivers/sound.ko", "")
    make_module(folder / f"{VFIO}/reset/vfio-platform-ahci.ko", "inside")
    make_module(folder / "left-behind/disk.ko", "")  # of another configuration
    for name, text in {
        ".config": CONFIG,
        "include/config/kernel.release": "6.12.0-mine\n",
        "boot/Image": "packed kernel",
        "modules.order": "drivers/bus.o\ndrivers/sound.o\ndrivers/disk.o\n"
        f"{VFIO}/reset/vfio-platform-ahci.o\n",
        "modules.builtin": "kernel/drivers/inside.ko\n",
    }.items():
        (folder / name).parent.mkdir(parents=True, exist_ok=True)
        (folder / name).write_text(text)
    return KernelTree(kind, folder)
