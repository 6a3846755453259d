# SPDX-License-Identifier: MIT
from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from types import SimpleNamespace
from typing import Any, cast

import pytest
from machine_rig import BOARD, assignment, host_tree

from testbed.deadline import Deadline
from testbed.devicetree import Tree, TreeError
from testbed.devicetree.guest_nodes import Placement
from testbed.errors import TestbedError
from testbed.machine.assignment import Assignment
from testbed.machine.guest_tree import with_advice
from testbed.machine.host import Host
from testbed.machine.typed_device import TypedDevice, made_nodes, typed_device
from testbed.paths import FRAGMENTS

RING = "/soc/crypto@300000/jr@1000"
SATA = "/soc/sata@221000"
UART = "/soc/serial@11d000"
BUS = BOARD.guest_bus


class FakeHost:
    """As much of a host as is told of devices: the files that are put into it."""

    def __init__(self) -> None:
        self.board = BOARD
        self.files: dict[str, bytes] = {}
        self.agent = SimpleNamespace(put_file=self._put)
        self.run = SimpleNamespace(deadline=Deadline)

    def _put(self, path: str, content: bytes, *, deadline: Deadline) -> None:
        self.files[path] = content


def assigned(path: str) -> Assignment:
    return replace(assignment(path, [0x1000], 1), tree=host_tree(*BOARD.devices))


def typed(host: FakeHost, device: Assignment, stand_ins: bool = True) -> TypedDevice:
    return typed_device(cast(Host, host), device, "/run/guest0", stand_ins)


@pytest.mark.parametrize(
    ("path", "kind"),
    [
        (UART, "vfio-platform-uart"),
        (SATA, "vfio-platform-sata"),
        (RING, "vfio-platform-sec-jr"),
    ],
)
def test_a_device_of_a_known_binding_has_a_type(path: str, kind: str) -> None:
    host = FakeHost()
    assert typed(host, assigned(path)) == TypedDevice(kind)
    assert host.files == {}


def test_a_ring_without_stand_ins_has_no_controller() -> None:
    assert typed(FakeHost(), assigned(RING), False).options == ("controller=off",)
    assert typed(FakeHost(), assigned(UART), False).options == ()


def test_a_chosen_fragment_goes_into_the_host_compiled() -> None:
    host = FakeHost()
    device = replace(assigned(UART), fragment=FRAGMENTS / "ns16550a.dts")
    file = "/run/guest0/ns16550a.dtb"
    assert typed(host, device) == TypedDevice("vfio-platform", (f"dt-fragment={file}",))
    rules = Tree.parse(host.files[file]).root
    assert "ns16550a" in rules.strings("guest,compatible")


def test_a_chosen_fragment_has_to_be_for_the_device() -> None:
    with pytest.raises(TreeError, match=f"is for fsl,ls1021a-ahci.*, not for {UART}"):
        typed(FakeHost(), replace(assigned(UART), fragment=FRAGMENTS / "ahci.dts"))


def made(*nodes: tuple[str, dict[str, Any]]) -> Tree:
    """A guest's tree as nested QEMU would make it: nodes below its platform bus, with parents."""
    tree = host_tree()
    tree.source = "guest.dtb"
    cells = {"#address-cells": 1, "#size-cells": 1}
    tree.root.add(BUS.node.strip("/"), {**cells, "ranges": (0, 0, BUS.base, BUS.size)})
    for path, properties in nodes:
        above, _, name = path.rpartition("/")
        tree.node(f"{BUS.node}/{above}").add(name, {"compatible": "a", **properties})
    return tree


def found(tree: Tree, *devices: tuple[str, int]) -> list[str]:
    reports = made_nodes(
        cast(Host, FakeHost()),
        tree,
        [assigned(path) for path, _ in devices],
        [Placement((offset,), ()) for _, offset in devices],
    )
    assert [report.host_path for report in reports] == [path for path, _ in devices]
    return [report.guest_path for report in reports]


def test_each_device_is_found_by_where_it_is_and_what_it_is_called() -> None:
    tree = made(
        ("serial@0", {"reg": (0, 0x1000)}),
        ("sata@1000", {"reg": (0x1000, 0x1000)}),
        ("serial@2000", {"reg": (0x2000, 0x1000)}),
    )
    assert found(tree, (UART, 0x2000), (SATA, 0x1000)) == [
        f"{BUS.node}/serial@2000",
        f"{BUS.node}/sata@1000",
    ]


def test_a_ring_is_found_through_the_ranges_of_its_sec() -> None:
    ranges = (0x1000, 0x3000, 0x1000, 0x2000, 0x4000, 0x1000)
    controller = {"reg": (0x10000, 0x10000), "#address-cells": 1, "#size-cells": 1}
    tree = made(
        ("crypto@10000", {**controller, "ranges": ranges}),
        ("crypto@10000/jr@1000", {"reg": (0x1000, 0x1000)}),
        ("crypto@10000/jr@2000", {"reg": (0x2000, 0x1000)}),
    )
    assert found(tree, (RING, 0x4000)) == [f"{BUS.node}/crypto@10000/jr@2000"]


@pytest.mark.parametrize(("path", "offset"), [(UART, 0x1000), (SATA, 0)])
def test_a_device_without_a_node_is_named(path: str, offset: int) -> None:
    tree = made(("serial@0", {"reg": (0, 0x1000)}))
    with pytest.raises(TestbedError, match=f"the nested QEMU has no node of {path}$") as caught:
        found(tree, (path, offset))
    assert caught.value.evidence == Path("guest.dtb")


@pytest.mark.parametrize(
    "said",
    [
        "-device vfio-platform-uart,host=a: 'vfio-platform-uart' is not a valid device model name",
        "-device vfio-platform,host=a: Property 'vfio-platform.dt-fragment' not found",
    ],
)
def test_a_qemu_without_the_types_is_told_from_one_that_fails(said: str) -> None:
    assert with_advice(said).startswith(f"{said}; this QEMU does not make nodes")
    assert "--guest-qemu built" in with_advice(said)
    uart = "-device ns16550,id=a: 'ns16550' is not a valid device model name"
    assert with_advice(uart).endswith(
        "no UART for the platform bus: take the one that has, with --guest-qemu built"
    )
    other = "-device nonsense: 'nonsense' is not a valid device model name"
    assert with_advice(other) == other
