# SPDX-License-Identifier: MIT
from __future__ import annotations

from collections.abc import Callable

import pytest

from testbed.devicetree import Tree, TreeError
from testbed.devicetree.interrupts import Interrupt, interrupts

Compiled = Callable[[str], Tree]

GIC = 'gic: gic { compatible = "arm,gic-v3"; #interrupt-cells = <3>; phandle = <7>; };'


def lines_of(tree: Tree) -> list[Interrupt]:
    return interrupts(tree, tree.node("/soc/serial"))


def test_edges_and_levels_are_told_apart(compiled: Compiled) -> None:
    lines = "<0 1 1>, <0 2 2>, <0 3 4>, <0 4 8>"
    tree = compiled(f"interrupt-parent = <7>; {GIC} soc {{ serial {{ interrupts = {lines}; }}; }};")
    assert lines_of(tree) == [
        Interrupt((0, 1, 1), level=False),
        Interrupt((0, 2, 2), level=False),
        Interrupt((0, 3, 4), level=True),
        Interrupt((0, 4, 8), level=True),
    ]


def test_the_mpic_tells_them_apart_in_its_own_way(compiled: Compiled) -> None:
    mpic = 'pic { compatible = "fsl,mpic"; #interrupt-cells = <2>; phandle = <7>; };'
    lines = "<16 0>, <17 1>, <18 2>, <19 3>"
    tree = compiled(
        f"interrupt-parent = <7>; {mpic} soc {{ serial {{ interrupts = {lines}; }}; }};"
    )
    assert lines_of(tree) == [
        Interrupt((16, 0), level=False),
        Interrupt((17, 1), level=True),
        Interrupt((18, 2), level=True),
        Interrupt((19, 3), level=False),
    ]


def test_a_node_without_interrupts_has_no_lines(compiled: Compiled) -> None:
    assert lines_of(compiled("soc { serial { }; };")) == []


def test_the_nearest_interrupt_parent_counts(compiled: Compiled) -> None:
    other = "pic { #interrupt-cells = <1>; phandle = <8>; };"
    inside = "interrupt-parent = <7>; serial { interrupts = <0 1 4>; };"
    tree = compiled(f"interrupt-parent = <8>; {GIC} {other} soc {{ {inside} }};")
    assert lines_of(tree)[0].specifier == (0, 1, 4)


@pytest.mark.parametrize(
    ("controller", "parent", "value", "reason"),
    [
        (GIC, "interrupt-parent = <7>;", "<0 1>", "'interrupts' of /soc/serial has 2 cells: /gic"),
        (GIC, "interrupt-parent = <7>;", "[00]", "'interrupts' of /soc/serial has 1 bytes"),
        (GIC, "interrupt-parent = <9>;", "<0 1 4>", "interrupt-parent 0x9 of / is no node"),
        (GIC, "", "<0 1 4>", "/soc/serial has interrupts but no interrupt-parent"),
        (GIC.replace("v3", "v9"), "interrupt-parent = <7>;", "<0 1 4>", "of /gic is not known"),
        (GIC.replace("<3>", "<0>"), "interrupt-parent = <7>;", "<0>", "of /gic is not known"),
        (GIC.replace("<3>", "<1>"), "interrupt-parent = <7>;", "<1>", "of /gic is not known"),
    ],
)
def test_interrupts_that_cannot_be_read_are_named(
    compiled: Compiled, controller: str, parent: str, value: str, reason: str
) -> None:
    tree = compiled(f"{parent} {controller} soc {{ serial {{ interrupts = {value}; }}; }};")
    with pytest.raises(TreeError, match=reason):
        lines_of(tree)


def test_an_empty_interrupt_parent_is_named(compiled: Compiled) -> None:
    tree = compiled(f"{GIC} soc {{ serial {{ interrupts = <0 1 4>; }}; }};")
    tree.root.set("interrupt-parent", None)
    with pytest.raises(TreeError, match="'interrupt-parent' of / has 0 cells, not one"):
        lines_of(tree)
