# SPDX-License-Identifier: MIT
from __future__ import annotations

from collections.abc import Callable

import pytest

from testbed.devicetree import Tree, TreeError
from testbed.devicetree.address import cpu_address, linux_name, register_windows

Compiled = Callable[[str], Tree]

CELLS = "#address-cells = <{}>; #size-cells = <{}>;"
ROOT = CELLS.format(2, 2)


def soc(ranges: str, inside: str, cells: str = CELLS.format(1, 1)) -> str:
    return f"{ROOT} soc {{ {cells} {ranges} {inside} }};"


def test_windows_are_read_with_the_cells_of_the_bus(compiled: Compiled) -> None:
    tree = compiled(
        soc(
            "ranges;",
            "sata@1 { reg = <0x1 0x2 0x100 0x5 0x6 0x200>; };",
            CELLS.format(2, 1),
        )
    )
    windows = register_windows(tree, tree.node("/soc/sata"))
    assert windows == [(0x100000002, 0x100), (0x500000006, 0x200)]


@pytest.mark.parametrize(
    ("reg", "cells", "reason"),
    [
        ("<1 2 3>", CELLS.format(1, 1), "'reg' of /soc/sata@1 has 3 cells: not a multiple of 2"),
        ("<1 2>", CELLS.format(2, 1), "'reg' of /soc/sata@1 has 2 cells: not a multiple of 3"),
        ("<1>", CELLS.format(0, 0), "'reg' of /soc/sata@1 has 1 cells: not a multiple of 0"),
        ("[00 01]", CELLS.format(1, 1), "'reg' of /soc/sata@1 has 2 bytes"),
        ("<>", CELLS.format(1, 1), "'reg' of /soc/sata@1 is empty"),
        ("<1 2>", "#size-cells = <1>;", "/soc has no property '#address-cells'"),
        ("<1 2>", "#address-cells; #size-cells = <1>;", "'#address-cells' of /soc has 0 cells"),
    ],
)
def test_an_odd_reg_is_named(compiled: Compiled, reg: str, cells: str, reason: str) -> None:
    tree = compiled(soc("ranges;", f"sata@1 {{ reg = {reg}; }};", cells))
    with pytest.raises(TreeError, match=reason):
        register_windows(tree, tree.node("/soc/sata"))


def test_addresses_are_translated_by_the_range_they_are_in(compiled: Compiled) -> None:
    tree = compiled(
        soc(
            "ranges = <0x0 0x0 0xd000000 0x1000>, <0x8000 0xf 0xfe000000 0x1000>;",
            "serial@8100 { reg = <0x8100 0x100>; };",
        )
    )
    node = tree.node("/soc/serial")
    assert cpu_address(tree, node, 0xFFF) == 0xD000FFF
    assert cpu_address(tree, node, 0x8100) == 0xFFE000100
    assert linux_name(tree, node) == "ffe000100.serial"
    with pytest.raises(TreeError, match="0x1000 of /soc/serial@8100 is in none of the ranges of"):
        cpu_address(tree, node, 0x1000)


def test_every_bus_on_the_way_translates(compiled: Compiled) -> None:
    job_ring = "jr@1000 { reg = <0x1000 0x100>; };"
    crypto = f"crypto@300000 {{ {CELLS.format(1, 1)} ranges = <0 0x300000 0x10000>; {job_ring} }};"
    tree = compiled(soc("ranges = <0 0xf 0xfe000000 0x1000000>;", crypto))
    assert linux_name(tree, tree.node("/soc/crypto/jr")) == "ffe301000.jr"


def test_empty_ranges_change_nothing(compiled: Compiled) -> None:
    tree = compiled(soc("ranges;", "serial@123 { reg = <0x123 1>; };"))
    assert cpu_address(tree, tree.node("/soc/serial"), 0x123) == 0x123


def test_a_node_on_the_root_has_the_cpus_address(compiled: Compiled) -> None:
    tree = compiled(f"{ROOT} serial@9000000 {{ reg = <0 0x9000000 0 0x1000>; }};")
    assert linux_name(tree, tree.node("/serial")) == "9000000.serial"


@pytest.mark.parametrize(
    ("ranges", "reason"),
    [
        ("", "/soc has no property 'ranges'"),
        ("ranges = <0 0 0>;", "'ranges' of /soc has 3 cells: not a multiple of 4"),
        ("ranges = [00];", "'ranges' of /soc has 1 bytes"),
    ],
)
def test_ranges_that_cannot_be_read_are_named(compiled: Compiled, ranges: str, reason: str) -> None:
    tree = compiled(soc(ranges, "serial@0 { reg = <0 1>; };"))
    with pytest.raises(TreeError, match=reason):
        linux_name(tree, tree.node("/soc/serial"))
