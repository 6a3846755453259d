# SPDX-License-Identifier: MIT
"""The linked kernel of one that was brought."""

from __future__ import annotations

from pathlib import Path

import pytest

from testbed.artifacts.vmlinux import has_symbols, vmlinux_of
from testbed.debugger.kallsyms import Symbol
from testbed.debugger.symbol_file import ARM64, POWER, Machine, write_symbol_file

IMAGE = "arch/arm64/boot/Image"


@pytest.fixture
def tree(tmp_path: Path) -> Path:
    """With an image and no vmlinux yet."""
    image = tmp_path / IMAGE
    image.parent.mkdir(parents=True)
    image.touch()
    return tmp_path


def link(path: Path, machine: Machine = ARM64) -> Path:
    write_symbol_file(path, machine, [Symbol(0xC0000000, "T", "_start")])
    return path


def test_it_lies_on_top_of_the_tree(tree: Path) -> None:
    assert vmlinux_of(tree) is vmlinux_of(tree / IMAGE) is vmlinux_of(None) is None
    linked = link(tree / "vmlinux")
    assert vmlinux_of(tree) == vmlinux_of(tree / IMAGE) == linked


def test_it_lies_beside_the_image(tree: Path) -> None:
    link(tree / "vmlinux")
    beside = link((tree / IMAGE).with_name("vmlinux"))
    assert vmlinux_of(tree / IMAGE) == beside


@pytest.mark.parametrize("machine", [ARM64, POWER], ids=["arm64", "power"])
def test_one_without_symbols_is_of_no_use(tree: Path, machine: Machine) -> None:
    """As in a bundle, where it is what was loaded."""
    path = link(tree / "vmlinux", machine)
    assert has_symbols(path)
    whole = path.read_bytes()
    for size in (0, 3, 5, 16, 50, len(whole) - 200):
        path.write_bytes(whole[:size])
        assert not has_symbols(path), size
    assert vmlinux_of(tree) is None
    assert not has_symbols(tree)
