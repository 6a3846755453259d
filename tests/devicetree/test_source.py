# SPDX-License-Identifier: MIT
"""Trees as people have them: blobs, and source with includes as the kernel's has them."""

from __future__ import annotations

from pathlib import Path

import pytest

from testbed.devicetree.source import include_folders, read_tree
from testbed.devicetree.tree import TreeError

_BOARD = """/dts-v1/;
#include <dt-bindings/acme/irq.h>
#include "part.dtsi"
/include/ "older.dtsi"
/ { board { interrupts = <ACME_IRQ(3)>; }; };
"""


@pytest.fixture
def board(tmp_path: Path) -> Path:
    """A board's source in a kernel tree of its own."""
    bindings = tmp_path / "linux/include/dt-bindings/acme"
    bindings.mkdir(parents=True)
    (bindings / "irq.h").write_text("#define ACME_IRQ(n) (32 + (n))\n")
    (tmp_path / "linux/scripts/dtc/include-prefixes").mkdir(parents=True)
    folder = tmp_path / "linux/arch/acme/boot/dts"
    folder.mkdir(parents=True)
    (folder / "part.dtsi").write_text("/ { part { linux,code = <1>; }; };\n")
    (folder / "older.dtsi").write_text("/ { older { }; };\n")
    path = folder / "board.dts"
    path.write_text(_BOARD)
    return path


def test_source_with_the_includes_of_its_kernel_tree(board: Path) -> None:
    tree = read_tree(board)
    assert tree.node("/board").cell("interrupts") == 35
    # -undef: no macro of the workstation's compiler, such as `linux`, changes a name.
    assert tree.node("/part").cell("linux,code") == 1
    assert tree.node("/older")


def test_a_blob_by_its_content(board: Path, tmp_path: Path) -> None:
    path = tmp_path / "tree"
    path.write_bytes(read_tree(board).to_blob())
    assert read_tree(path).node("/board").cell("interrupts") == 35


def test_includes_are_looked_for_upwards(board: Path) -> None:
    linux = board.parents[4]
    assert include_folders(board)[0] == board.parent
    assert linux / "include" in include_folders(board)
    assert linux / "scripts/dtc/include-prefixes" in include_folders(board)


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ('/dts-v1/;\n#include "none.dtsi"\n', "none.dtsi: No such file"),
        ("/dts-v1/;\n/ { a = <; };\n", "syntax error"),
        ("", "syntax error"),
    ],
)
def test_what_is_wrong_is_one_line(tmp_path: Path, text: str, said: str) -> None:
    path = tmp_path / "board.dts"
    path.write_text(text)
    with pytest.raises(TreeError) as error:
        read_tree(path)
    assert str(path) in error.value.message
    assert said in error.value.message
    assert "\n" not in error.value.message


def test_a_file_that_is_not_there(tmp_path: Path) -> None:
    with pytest.raises(TreeError, match=r"cannot read device tree .*none.dts: No such file"):
        read_tree(tmp_path / "none.dts")
