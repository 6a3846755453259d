# SPDX-License-Identifier: MIT
from __future__ import annotations

import struct
import subprocess
from collections.abc import Callable
from pathlib import Path

import pytest
from hypothesis import given, settings
from tree_rig import SPECS, Spec, build, empty_tree, spec_of

from testbed.devicetree import Tree, TreeError
from testbed.devicetree.tree import Value
from testbed.errors import Stage

Compiled = Callable[[str], Tree]


@given(SPECS)
@settings(max_examples=60)
def test_a_tree_survives_its_blob(spec: Spec) -> None:
    tree = build(spec)
    assert spec_of(tree.root) == spec
    again = Tree.parse(tree.to_blob())
    assert spec_of(again.root) == spec
    assert list(again.root.properties()) == list(tree.root.properties())


@given(SPECS)
@settings(max_examples=10)
def test_dtc_reads_the_same_tree(tmp_path_factory: pytest.TempPathFactory, spec: Spec) -> None:
    blob = tmp_path_factory.mktemp("dtc") / "some.dtb"
    build(spec).save(blob)
    again = subprocess.check_output(["dtc", "-q", "-I", "dtb", "-O", "dtb", str(blob)])
    assert spec_of(Tree.parse(again).root) == spec


@pytest.mark.parametrize(
    ("value", "raw"),
    [
        (1, b"\0\0\0\1"),
        ((0xD00DFEED, 2), b"\xd0\x0d\xfe\xed\0\0\0\2"),
        ("ns16550a", b"ns16550a\0"),
        (("a", "", "b"), b"a\0\0b\0"),
        (b"\xff\0\x80", b"\xff\0\x80"),
        (None, b""),
    ],
)
def test_values_are_encoded_as_the_specification_says(value: Value, raw: bytes) -> None:
    tree = empty_tree()
    tree.root.set("value", value)
    assert Tree.parse(tree.to_blob()).root.require("value") == raw


def test_setting_a_property_again_replaces_it_and_deleting_removes_it() -> None:
    root = empty_tree().root
    root.set("reg", 1)
    root.set("reg", "text")
    assert root.properties() == {"reg": b"text\0"}
    root.delete("reg")
    root.delete("reg")
    assert root.properties() == {}


def test_a_property_is_put_before_the_nodes_even_when_a_nop_follows_them() -> None:
    tree = build(({}, {"gone": ({}, {}), "stays": ({}, {})}))
    blob = tree.to_blob()
    nop = struct.pack(">I", 4)
    node = struct.pack(">I", 1) + b"stays\0\0\0" + struct.pack(">I", 2)
    changed = Tree.parse(blob.replace(node, nop * (len(node) // 4)))
    changed.root.set("new", 1)
    assert spec_of(Tree.parse(changed.to_blob()).root) == ({"new": b"\0\0\0\1"}, {"gone": ({}, {})})
    assert changed.to_blob().index(b"gone") > changed.to_blob().index(struct.pack(">3I", 3, 4, 0))


def test_cells_of_an_odd_size_are_named(compiled: Compiled) -> None:
    node = compiled("serial@1 { reg = [00 00 01]; };").node("/serial@1")
    with pytest.raises(TreeError, match=r"'reg' of /serial@1 has 3 bytes: not a list of cells"):
        node.cells("reg")


@pytest.mark.parametrize(("value", "count"), [("", 0), (" = <1 2>", 2)])
def test_one_cell_is_one_cell(compiled: Compiled, value: str, count: int) -> None:
    root = compiled(f"width{value};").root
    with pytest.raises(TreeError, match=f"'width' of / has {count} cells, not one"):
        root.cell("width")


def test_a_property_that_is_no_text_is_named(compiled: Compiled) -> None:
    root = compiled('compatible = "a", "b"; model = [61];').root
    assert root.strings("compatible") == ("a", "b")
    with pytest.raises(TreeError, match="'model' of / is not a list of strings"):
        root.strings("model")


def test_a_property_that_is_not_there_is_named(compiled: Compiled) -> None:
    with pytest.raises(TreeError, match="node /soc has no property 'ranges'"):
        compiled("soc { };").node("/soc").cells("ranges")


def test_paths_may_leave_out_an_address_that_only_one_node_has(compiled: Compiled) -> None:
    tree = compiled("soc { serial@1 { }; disk@1 { }; disk@2 { }; };")
    assert tree.node("/soc/serial").path == "/soc/serial@1"
    with pytest.raises(TreeError, match="/soc has no 'disk', it has disk@1, disk@2, serial@1"):
        tree.node("/soc/disk")


def test_a_path_that_does_not_exist_says_where_it_ends(compiled: Compiled) -> None:
    tree = compiled("soc { serial@1 { }; };")
    with pytest.raises(
        TreeError, match=r"no device-tree node /soc/serial@1/x in .*: /soc/serial@1"
    ):
        tree.node("/soc/serial@1/x")


def test_a_child_is_added_once(compiled: Compiled) -> None:
    root = compiled("soc { };").root
    with pytest.raises(TreeError, match="already has a child 'soc'"):
        root.add("soc")


def test_nodes_are_found_by_what_they_are_compatible_with(compiled: Compiled) -> None:
    tree = compiled('one { compatible = "a,bc"; }; two { compatible = "x", "a,b"; };')
    assert tree.compatible("a,b").path == "/two"
    with pytest.raises(TreeError, match="no node compatible with 'b'"):
        tree.compatible("b")


def test_a_phandle_is_kept_or_new_and_never_taken_twice(compiled: Compiled) -> None:
    tree = compiled("a { phandle = <2>; }; b { }; c { }; d { phandle = <1>; };")
    given = [tree.phandle(tree.node(path)) for path in ("/a", "/b", "/c", "/d", "/b")]
    assert given == [2, 3, 4, 1, 3]


def test_save_writes_blob_and_source(tmp_path: Path) -> None:
    tree = build(({"model": b"board\0"}, {}))
    tree.save(tmp_path / "guest.dtb")
    assert (tmp_path / "guest.dtb").read_bytes() == tree.to_blob()
    assert 'model = "board";' in (tmp_path / "guest.dts").read_text()


def test_files_that_are_no_trees_are_named(tmp_path: Path) -> None:
    broken = tmp_path / "broken.dts"
    broken.write_text("/dts-v1/; / { reg = <; };")
    with pytest.raises(TreeError, match=r"cannot compile .*broken.dts: .*syntax error") as caught:
        Tree.compile(broken)
    assert "\n" not in caught.value.message
    assert caught.value.stage is Stage.INFRASTRUCTURE
    with pytest.raises(TreeError, match=r"broken.dts is not a flattened device tree"):
        Tree.load(broken)
    with pytest.raises(TreeError, match=r"cannot read device tree .*none: No such file"):
        Tree.load(tmp_path / "none")


def test_without_dtc_the_package_is_named(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setenv("PATH", str(tmp_path))
    with pytest.raises(TreeError, match="package device-tree-compiler"):
        Tree.compile(tmp_path / "some.dts")
