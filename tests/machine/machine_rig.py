# SPDX-License-Identifier: MIT
"""Assignments of devices that nobody has to boot for."""

from __future__ import annotations

import struct
from collections.abc import Sequence
from pathlib import Path

from testbed.artifacts import BoardArtifacts
from testbed.boards import BOARDS
from testbed.boards.board import PlatformDevice
from testbed.devicetree import Tree
from testbed.machine.assignment import Assignment
from testbed.machine.exposure import ExposedInterrupt, ExposedRegion, Exposure
from testbed.remoteport.device import Device

BOARD = BOARDS["arm-virt"]
E500 = BOARDS["e500"]


def device(
    name: str, registers: Sequence[tuple[int, int]], interrupts: Sequence[int] = ()
) -> PlatformDevice:
    return PlatformDevice(
        name=name,
        compatible=("ns16550a",),
        registers=tuple(registers),
        interrupts=tuple(interrupts),
        model=lambda _: Device(name),
    )


def host_tree(*devices: PlatformDevice) -> Tree:
    """A board's tree with nothing but what its `/soc` bus needs."""
    structure = struct.pack(">4I", 1, 0, 2, 9)
    header = struct.pack(">10I", 0xD00DFEED, 72, 56, 72, 40, 17, 16, 0, 0, len(structure))
    tree = Tree.parse(header + bytes(16) + structure)
    tree.root.set("#address-cells", 2)
    tree.root.set("#size-cells", 2)
    tree.root.add("intc", {"compatible": "arm,gic-v3", "#interrupt-cells": 3})
    tree.root.add("smmu", {"compatible": "arm,smmu-v3"})
    BOARD.add_soc(BOARD, tree, devices)
    return tree


def assignment(path: str, sizes: Sequence[int], lines: int = 0) -> Assignment:
    exposure = Exposure(
        tuple(ExposedRegion(size, frozenset({"read", "write"})) for size in sizes),
        tuple(ExposedInterrupt(1, frozenset({"eventfd"})) for _ in range(lines)),
    )
    offset = path.partition("@")[2]
    name = f"d{offset}.{path.rpartition('/')[2].partition('@')[0]}"
    return Assignment(path, name, "of_serial", 1, exposure, exposure, host_tree())


def with_qemu(folder: Path, script: str) -> BoardArtifacts:
    """Parts of a board of which only QEMU is there, a shell script in `folder`."""
    qemu = folder / "qemu"
    qemu.write_text(f"#!/bin/sh\n{script}\n")
    qemu.chmod(0o755)
    nothing = Path("/nonexistent")
    return BoardArtifacts(
        qemu=qemu,
        qemu_version="10.0.0",
        bridge=nothing,
        host_kernel=nothing,
        host_initramfs=nothing,
        root=nothing,
        payload=nothing,
        guest_kernel=nothing,
        guest_initramfs=nothing,
        nested_qemu="stock",
        nested_kernel="stock",
        manifest={},
    )
