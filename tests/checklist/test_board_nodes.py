# SPDX-License-Identifier: MIT
"""Which nodes of a board's tree a guest could be given, and what the part has against it."""

from __future__ import annotations

from testbed.checklist.board_nodes import BoardNode, board_nodes
from testbed.devicetree import Tree

SOC = "/soc@ffe000000"


def by_name(tree: Tree) -> dict[str, BoardNode]:
    return {node.node.name: node for node in board_nodes(tree)}


def test_who_is_no_device_says_why(board_tree: Tree) -> None:
    reasons = {name: node.reason for name, node in by_name(board_tree).items() if node.reason}
    assert reasons == {
        "cpu@0": "not memory-mapped: cpus leads to it",
        "pic@40000": "the whole machine's: the interrupt controller of others",
        "serial@11d500": "disabled",
        "eeprom@50": "not memory-mapped: i2c@118000 leads to it",
    }


def test_addresses_are_those_of_the_cpus(board_tree: Tree) -> None:
    nodes = by_name(board_tree)
    assert nodes["serial@11c500"].windows == ((0xFFE11C500, 0x100),)
    assert nodes["jr@1000"].windows == ((0xFFE301000, 0x1000),)


def test_parts_know_what_they_belong_to(board_tree: Tree) -> None:
    above = {name: node.above for name, node in by_name(board_tree).items()}
    assert above["serial@11c500"] is None
    assert above["jr@1000"] is not None
    assert above["jr@1000"].path == f"{SOC}/crypto@300000"


def test_what_the_part_has_against_it(board_tree: Tree) -> None:
    nodes = by_name(board_tree)

    def has(name: str, word: str) -> bool:
        return any(word in note for note in nodes[name].notes)

    assert has("serial@11c500", "shares an interrupt")
    assert has("serial@11c500", "shares a page")
    assert not has("i2c@118000", "shares")
    assert has("i2c@118000", "names no IOMMU")
    assert not has("serial@11c500", "names no IOMMU")
    assert not has("jr@1000", "names no IOMMU"), "its parent says so for it"
    assert not has("jr@1000", "shares a page"), "it lies in its parent's registers"
