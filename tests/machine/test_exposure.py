# SPDX-License-Identifier: MIT
from __future__ import annotations

import pytest
from machine_rig import device, host_tree

from testbed.machine.exposure import (
    ExposedInterrupt,
    ExposedRegion,
    Exposure,
    expected_exposure,
    parse_exposure,
)

TRAPPED = frozenset({"read", "write"})
MAPPED = TRAPPED | {"mmap"}
LEVEL = frozenset({"eventfd", "maskable", "automasked"})
EDGE = frozenset({"eventfd"})


@pytest.mark.parametrize(
    ("window", "flags"),
    [
        ((0x11D000, 0x1000), MAPPED),
        ((0x11D000, 0x3000), MAPPED),
        ((0x11C500, 0x100), TRAPPED),  # neither is whole pages
        ((0x11D000, 0x100), TRAPPED),  # its end is inside a page
        ((0x11C500, 0x1000), TRAPPED),  # its begin is inside a page
    ],
)
def test_a_window_of_whole_pages_can_be_mapped(
    window: tuple[int, int], flags: frozenset[str]
) -> None:
    tree = host_tree(device("serial@1", [window]))
    expected = expected_exposure(tree, tree.node("/soc/serial@1"))
    assert expected.regions == (ExposedRegion(window[1], flags),)


def test_the_address_on_the_cpus_bus_decides_whether_a_window_is_pages() -> None:
    tree = host_tree(device("serial@1", [(0x1000, 0x1000)]))
    tree.node("/soc").set("ranges", (0, 0, 0xD000800, 0x10000))
    assert expected_exposure(tree, tree.node("/soc/serial")).regions[0].flags == TRAPPED


def test_levels_are_masked_by_vfio_and_edges_are_not() -> None:
    tree = host_tree(device("serial@1", [(0, 0x1000)], [180, 181]))
    node = tree.node("/soc/serial@1")
    node.set("interrupts", (0, 180, 1, 0, 181, 4))
    assert expected_exposure(tree, node).interrupts == (
        ExposedInterrupt(1, EDGE),
        ExposedInterrupt(1, LEVEL),
    )


def test_what_the_tool_printed_is_read() -> None:
    exposure = parse_exposure(
        {
            "regions": [{"size": 256, "flags": 3, "flag_names": ["write", "read"]}],
            "irqs": [{"count": 1, "flags": 7, "flag_names": ["automasked", "eventfd", "maskable"]}],
        }
    )
    assert exposure == Exposure((ExposedRegion(256, TRAPPED),), (ExposedInterrupt(1, LEVEL),))
    assert exposure.differences(exposure) == []


def test_each_difference_is_a_line() -> None:
    exposed = Exposure((ExposedRegion(0x100, TRAPPED),), (ExposedInterrupt(1, EDGE),))
    node = Exposure(
        (ExposedRegion(0x1000, MAPPED), ExposedRegion(8, TRAPPED)), (ExposedInterrupt(1, LEVEL),)
    )
    assert exposed.differences(node) == [
        "1 regions exposed, the node has 2",
        "region 0 is 0x100 read|write, by the node it is 0x1000 mmap|read|write",
        "interrupt 0 is 1 line eventfd, by the node it is 1 line automasked|eventfd|maskable",
    ]


def test_equal_exposures_have_the_same_text() -> None:
    flags = ["write", "mmap", "read"]
    texts = {
        repr(Exposure((ExposedRegion(1, frozenset(order)),), ())) for order in (flags, flags[::-1])
    }
    assert texts == {"Exposure(0x1 mmap|read|write)"}
