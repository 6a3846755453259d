# SPDX-License-Identifier: MIT
"""The root file system's folder, before it is packed."""

from __future__ import annotations

from pathlib import Path

from artifact_rig import tree

from testbed.artifacts.lists import files_below, read_list
from testbed.artifacts.root import leave_out, merge_usr


def write(path: Path, text: str = "x") -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(text)


def test_what_packages_put_beside_usr_moves_into_it(tmp_path: Path) -> None:
    write(tmp_path / "bin/old", "old")
    write(tmp_path / "lib/aarch64/lib.so")
    (tmp_path / "lib/ld.so").symlink_to("aarch64/lib.so")
    write(tmp_path / "usr/bin/new")
    write(tmp_path / "usr/lib/aarch64/other.so")
    merge_usr(tmp_path)
    for name in ("bin", "sbin", "lib"):
        assert (tmp_path / name).readlink() == Path("usr") / name
    assert (tmp_path / "bin/old").read_text() == "old"
    assert (tmp_path / "lib/ld.so").readlink() == Path("aarch64/lib.so")
    assert tree(tmp_path / "usr/lib/aarch64") == ["lib.so", "other.so"]
    before = tree(tmp_path)
    merge_usr(tmp_path)
    assert tree(tmp_path) == before


def test_what_matches_is_left_out(tmp_path: Path) -> None:
    outside = tmp_path / "outside"
    write(outside / "kept")
    root = tmp_path / "root"
    write(root / "usr/share/doc/a/b")
    write(root / "usr/share/qemu/rom")
    write(root / "usr/share/kept")
    (root / "usr/share/qemu/link").symlink_to(outside)
    leave_out(root, ["usr/share/doc", "usr/share/qemu/*", "no/such/thing"])
    assert tree(root) == ["usr", "usr/share", "usr/share/kept", "usr/share/qemu"]
    assert (outside / "kept").exists()


def test_lists_take_comments(tmp_path: Path) -> None:
    (tmp_path / "list").write_text("# all\n\none # first\n  two\n")
    assert read_list(tmp_path / "list") == ["one", "two"]


def test_files_of_a_recipe_are_sorted_and_without_leftovers(tmp_path: Path) -> None:
    for name in ("b/x.c", "a.h", "b/__pycache__/y.c", "c.txt"):
        write(tmp_path / name)
    found = files_below(tmp_path, suffixes=(".c", ".h"))
    assert found == (tmp_path / "a.h", tmp_path / "b/x.c")
