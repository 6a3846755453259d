# SPDX-License-Identifier: MIT
"""Kernel modules by name, from ELF files that the compiler makes."""

from __future__ import annotations

import gzip
import lzma
import subprocess
from pathlib import Path
from random import Random

import pytest

from testbed.artifacts.module_tree import ModuleTree, dependencies
from testbed.errors import TestbedError

_SOURCE = """
static const char license[] __attribute__((section(".modinfo"), used)) = "license=GPL";
static const char depends[] __attribute__((section(".modinfo"), used)) = "depends={depends}";
int text(void) {{ return {number}; }}
"""


def make_module(path: Path, depends: str, number: int = 0, compiler: str = "gcc") -> bytes:
    path.parent.mkdir(parents=True, exist_ok=True)
    source = _SOURCE.format(depends=depends, number=number)
    argv = [compiler, "-x", "c", "-c", "-o", path, "-"]
    subprocess.run(argv, input=source, text=True, check=True)
    content = path.read_bytes()
    if path.suffix == ".xz":
        path.write_bytes(lzma.compress(content))
    if path.suffix == ".gz":
        path.write_bytes(gzip.compress(content))
    return content


@pytest.fixture
def modules(tmp_path: Path) -> Path:
    folder = tmp_path / "modules"
    make_module(folder / "kernel/drivers/top-level.ko.xz", "middle_a,middle_b")
    make_module(folder / "kernel/drivers/middle_a.ko.gz", "base")
    make_module(folder / "kernel/drivers/middle-b.ko", "base,inside")
    make_module(folder / "kernel/lib/base.ko.xz", "")
    (folder / "modules.builtin").write_text("kernel/lib/inside.ko\n")
    return folder


def test_dependencies_come_first(modules: Path) -> None:
    tree = ModuleTree(modules, builtin=modules / "modules.builtin")
    assert tree.names() == ["base", "middle_a", "middle_b", "top_level"]
    order = tree.closure(["top_level"])
    assert order == ["base", "middle_a", "middle_b", "top_level"]
    assert tree.closure(["middle-b", "inside", "base"]) == ["base", "middle_b"]


def test_content_is_decompressed(tmp_path: Path, random: Random) -> None:
    number = random.randrange(1 << 30)
    for suffix in (".ko", ".ko.xz", ".ko.gz"):
        content = make_module(tmp_path / suffix / f"some-module{suffix}", "", number)
        assert ModuleTree(tmp_path / suffix).content("some_module") == content


def test_a_later_folder_wins(tmp_path: Path) -> None:
    make_module(tmp_path / "one/same.ko", "old")
    make_module(tmp_path / "two/same.ko", "")
    assert ModuleTree(tmp_path / "one", tmp_path / "two").closure(["same"]) == ["same"]


@pytest.mark.parametrize("compiler", ["aarch64-linux-gnu-gcc", "powerpc-linux-gnu-gcc"])
def test_modules_of_either_word_size_and_byte_order(tmp_path: Path, compiler: str) -> None:
    content = make_module(tmp_path / "some.ko", "base,other", compiler=compiler)
    assert dependencies(content) == ["base", "other"]


def test_an_unknown_module_is_named(modules: Path) -> None:
    with pytest.raises(TestbedError, match="the kernel has no module nowhere"):
        ModuleTree(modules).closure(["nowhere"])
    with pytest.raises(TestbedError, match="the kernel has no module inside"):
        ModuleTree(modules).closure(["top-level"])


def test_a_damaged_module_is_an_error(tmp_path: Path, random: Random) -> None:
    content = make_module(tmp_path / "some.ko", "base")
    for length in random.sample(range(len(content)), 50):
        try:
            dependencies(content[:length])
        except TestbedError as error:
            assert "kernel module" in error.message  # noqa: PT017
    (tmp_path / "other.ko.xz").write_bytes(b"not compressed")
    with pytest.raises(TestbedError, match="a kernel module is cut short or malformed"):
        dependencies(content[:4] + bytes(2) + content[6:])
    with pytest.raises(TestbedError, match="decompressing the kernel module other"):
        ModuleTree(tmp_path).closure(["other"])
