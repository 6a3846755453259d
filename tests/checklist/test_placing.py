# SPDX-License-Identifier: MIT
"""Devices of a board's tree in the emulated host."""

from __future__ import annotations

import secrets
from dataclasses import replace
from itertools import pairwise
from random import Random

import pytest

from testbed.boards import BOARDS
from testbed.checklist.placed import PlacedDevices, place_devices
from testbed.devicetree import Tree
from testbed.errors import TestbedError

SOC = "/soc@ffe000000"


@pytest.fixture
def placed(board_tree: Tree) -> PlacedDevices:
    return place_devices(board_tree, BOARDS["e500"])


def test_devices_are_where_the_part_has_them(placed: PlacedDevices) -> None:
    places = {device.node: device.place for device in placed.assignable}
    assert places == {
        f"{SOC}/serial@11c500": "/soc/serial@11c500",
        f"{SOC}/serial@11c600": "/soc/serial@11c600",
        f"{SOC}/crypto@300000/jr@1000": "/soc/crypto@300000/jr@1000",
    }
    made = {device.path: device for device in placed.devices}
    assert made["/soc/serial@11c500"].registers == ((0x11C500, 0x100),)
    assert made["/soc/crypto@300000/jr@1000"].regions == ((0x301000, 0x1000),)
    assert "/soc/iommu@20000" in made, "the board needs its own IOMMU"


def test_each_has_an_interrupt_and_a_stream_of_its_own(placed: PlacedDevices) -> None:
    lines = [line for device in placed.devices for line in device.interrupts]
    assert len(set(lines)) == len(lines)
    made = {device.path: device for device in placed.devices}
    assert made["/soc/serial@11c500"].interrupts == (36,), "the number that the part has"
    assert made["/soc/serial@11c600"].interrupts != (36,)
    streams = [device.stream_id for device in placed.devices if device.stream_id is not None]
    assert len(set(streams)) == len(streams)


def test_a_number_that_the_controller_here_has_not_is_another(board_tree: Tree) -> None:
    tree = Tree.parse(board_tree.to_blob())
    tree.node(f"{SOC}/serial@11c500").set("interrupts", (300, 2, 0, 0))
    lines = [line for d in place_devices(tree, BOARDS["e500"]).devices for line in d.interrupts]
    assert max(lines) < 255


def test_a_controller_without_cells_gives_no_interrupts(board_tree: Tree) -> None:
    tree = Tree.parse(board_tree.to_blob())
    tree.node(f"{SOC}/pic@40000").set("#interrupt-cells", 0)
    tree.node(f"{SOC}/serial@11c500").set("interrupts", 36)
    assert place_devices(tree, BOARDS["e500"]).assignable == ()


def test_a_node_keeps_what_is_its_own(placed: PlacedDevices) -> None:
    (uart,) = (device for device in placed.devices if device.path == "/soc/serial@11c500")
    assert uart.compatible == ("fsl,ns16550", "ns16550")
    assert uart.properties.keys() == {"clock-frequency", "acme,colour"}
    assert uart.properties["clock-frequency"] == 150_000_000, "firmware would have filled it in"


def test_a_place_that_is_taken_is_another_ones(board_tree: Tree) -> None:
    board = BOARDS["e500"]
    taken = replace(board.devices[0], name="taken@11c000", registers=((0x11C000, 0x1000),))
    crowded = replace(board, devices=(*board.devices, taken))
    (uart, *_) = place_devices(board_tree, crowded).assignable
    assert uart.place != "/soc/serial@11c500"
    windows = sorted(
        (start, start + size)
        for device in place_devices(board_tree, crowded).devices
        for start, size in device.registers
        if device.path.count("/") == 2
    )
    assert all(end <= start for (_, end), (start, _) in pairwise(windows))


def test_a_mutated_tree_is_placed_or_refused_in_one_line(board_tree: Tree) -> None:
    seed = secrets.randbits(32)
    print(f"seed {seed}")
    random = Random(seed)
    refused = []
    for _ in range(300):
        tree = Tree.parse(board_tree.to_blob())
        nodes = [node for node in tree.root.walk() if node.properties()]
        for _ in range(random.randint(1, 3)):
            node = random.choice(nodes)
            name = random.choice([*node.properties()] or ["reg"])
            if random.random() < 0.5:
                node.delete(name)
            else:
                node.set(name, random.randbytes(random.choice((0, 1, 4, 8, 16))))
        try:
            for kind in BOARDS:
                place_devices(tree, BOARDS[kind])
        except TestbedError as error:
            refused.append(error.message)
    assert 0 < len(refused) < 300
    assert not [message for message in refused if "\n" in message]


def test_a_node_that_is_not_of_the_models_shape_has_no_place(board_tree: Tree) -> None:
    tree = Tree.parse(board_tree.to_blob())
    tree.node(f"{SOC}/serial@11c500").delete("interrupts")
    tree.node(f"{SOC}/serial@11c600").set("reg", (0x11C600, 0x100, 0x11C700, 0x100))
    nodes = [device.node for device in place_devices(tree, BOARDS["e500"]).assignable]
    assert nodes == [f"{SOC}/crypto@300000/jr@1000"]


def test_a_ring_of_a_page_that_no_sec_has_is_not_placed(board_tree: Tree) -> None:
    tree = Tree.parse(board_tree.to_blob())
    tree.node(f"{SOC}/crypto@300000/jr@1000").set("reg", (0x1000, 0x100))
    nodes = [device.node for device in place_devices(tree, BOARDS["e500"]).assignable]
    assert nodes == [f"{SOC}/serial@11c500", f"{SOC}/serial@11c600"]


def test_more_than_there_is_room_for(board_tree: Tree) -> None:
    small = replace(BOARDS["e500"], soc_size=0x100000)
    with pytest.raises(
        TestbedError, match=r"has no room for 0x100 bytes of registers for .*serial"
    ):
        place_devices(board_tree, small)
