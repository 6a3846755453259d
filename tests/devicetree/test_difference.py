# SPDX-License-Identifier: MIT
from __future__ import annotations

from collections.abc import Callable

import pytest

from testbed.devicetree import Tree
from testbed.devicetree.difference import Difference, differences

Compiled = Callable[[str], Tree]

SOURCE = """
    interrupt-parent = <&pic>;
    pic: pic@1000 { reg = <0x1000>; #address-cells = <0>; #interrupt-cells = <2>; };
    other: other { #clock-cells = <1>; };
    chosen { rng-seed = <1 2>; };
    pci {
        #address-cells = <3>; #interrupt-cells = <1>;
        interrupt-map = <0 0 0 1 &pic 2 1 0 0 0 2 &pic 3 1>;
        msi-map = <0 &pic 0 0x100>;
    };
    soc { serial { compatible = "a", "b"; clocks = <&other 1>, <&other 2>; }; };
"""


def renumbered(source: str) -> str:
    """The same tree with other phandles: some that are also numbers in its properties."""
    return source.replace("pic@1000 {", "pic@1000 { phandle = <2>;").replace(
        "other {", "other { phandle = <1>;"
    )


def found(compiled: Compiled, before: str, after: str) -> list[str]:
    return [str(each) for each in differences(compiled(before), compiled(after))]


def test_equal_trees_do_not_differ_whatever_their_phandles(compiled: Compiled) -> None:
    assert found(compiled, SOURCE, SOURCE) == []
    assert found(compiled, SOURCE, renumbered(SOURCE)) == []


@pytest.mark.parametrize(
    ("before", "after", "message"),
    [
        ('"a", "b"', '"a"', 'compatible of /soc/serial: compatible = "a", "b", compatible = "a"'),
        ("reg = <0x1000>;", "", "reg of /pic@1000: reg = <0x1000>, not there"),
        ("chosen {", "chosen { more;", "more of /chosen: not there, more"),
        ("soc {", "soc { dma { }; ", "/soc/dma: not there, there"),
        ("chosen { rng-seed = <1 2>; };", "", "/chosen: there, not there"),
        (
            "<&other 2>",
            "<&other 3>",
            "clocks of /soc/serial: clocks = <&{/other} 0x1 &{/other} 0x2>,"
            " clocks = <&{/other} 0x1 &{/other} 0x3>",
        ),
        (
            "interrupt-parent = <&pic>",
            "interrupt-parent = <&other>",
            "interrupt-parent of /: interrupt-parent = <&{/pic@1000}>,"
            " interrupt-parent = <&{/other}>",
        ),
        (
            "<0 &pic 0 0x100>",
            "<0 &other 0 0x100>",
            "msi-map of /pci: msi-map = <0x0 &{/pic@1000} 0x0 0x100>,"
            " msi-map = <0x0 &{/other} 0x0 0x100>",
        ),
    ],
    ids=["value", "gone", "new", "node", "no-node", "clock", "leads", "map"],
)
def test_each_difference_is_a_line(
    compiled: Compiled, before: str, after: str, message: str
) -> None:
    assert SOURCE.count(before) == 1
    assert found(compiled, SOURCE, renumbered(SOURCE.replace(before, after))) == [message]


def test_a_map_leads_each_entry_somewhere(compiled: Compiled) -> None:
    (line,) = found(compiled, SOURCE, SOURCE.replace("2 &pic 3 1", "2 &pic 4 1"))
    assert "0x2 &{/pic@1000} 0x4 0x1>" in line


def test_a_phandle_to_nothing_is_shown_as_it_is(compiled: Compiled) -> None:
    (line,) = found(compiled, SOURCE, SOURCE.replace("<&other 1>, <&other 2>", "<0x77 1>"))
    assert line.endswith("clocks = <0x77 0x1>")


def test_a_long_property_is_cut_in_the_message(compiled: Compiled) -> None:
    cells = " ".join(["0xdeadbeef"] * 1000)
    (line,) = found(compiled, SOURCE, SOURCE.replace("reg = <0x1000>", f"reg = <{cells}>"))
    assert len(line) < 300
    assert line.endswith("...")


def test_named_properties_are_not_compared(compiled: Compiled) -> None:
    other = compiled(SOURCE.replace("<1 2>", "<3 4>"))
    assert differences(compiled(SOURCE), other, without=("rng-seed",)) == []
    (difference,) = differences(compiled(SOURCE), other)
    assert difference == Difference(
        "/chosen", "rng-seed", "rng-seed = <0x1 0x2>", "rng-seed = <0x3 0x4>"
    )


def test_a_node_that_lies_elsewhere_is_compared_with_what_is_below_it(compiled: Compiled) -> None:
    ours = "a { sec: sec@1 { reg = <1>; ring { x; }; }; }; b { }; user { clocks = <&sec>; };"
    theirs = "a { }; b { sec: sec@2 { reg = <2>; ring { y; }; }; }; user { clocks = <&sec>; };"
    moved = differences(compiled(ours), compiled(theirs), moved={"/a/sec@1": "/b/sec@2"})
    assert [(each.path, each.name) for each in moved] == [
        ("/a/sec@1", "reg"),
        ("/a/sec@1/ring", "x"),
        ("/a/sec@1/ring", "y"),
    ]
    assert len(differences(compiled(ours), compiled(theirs))) == 5
