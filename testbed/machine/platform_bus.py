# SPDX-License-Identifier: MIT
"""Where nested QEMU's dynamic platform bus puts devices.

Source: QEMU hw/core/platform-bus.c (platform_bus_map_mmio, platform_bus_map_irq): each region goes
to the lowest free offset aligned to its size rounded up to a power of two, each line to the lowest
free interrupt. It takes the devices in the order of a hash table. With a tree given by -dtb QEMU
writes no nodes, so the places are computed first and compared with what QEMU did.
"""

from __future__ import annotations

import re
from collections.abc import Sequence

from testbed.boards.board import Board
from testbed.devicetree.guest_nodes import Placement
from testbed.errors import Stage, TestbedError
from testbed.machine.assignment import Assignment
from testbed.qmp import Qmp


def place(board: Board, assignments: Sequence[Assignment]) -> list[Placement]:
    """The placement of each device, if QEMU takes them in this order; TestbedError when full."""
    bus = board.guest_bus
    taken: list[tuple[int, int]] = []
    interrupt = 0
    placements = []
    for assignment in assignments:
        offsets = []
        for index, region in enumerate(assignment.exposed.regions):
            offset = _lowest_free(region.size, taken, bus.size)
            if offset is None:
                raise TestbedError(
                    Stage.GUEST_BOOT,
                    f"the platform bus has no {region.size:#x} bytes left of its {bus.size:#x},"
                    f" {assignment.path} needs them for region {index}",
                )
            taken.append((offset, offset + region.size))
            offsets.append(offset)
        lines = len(assignment.exposed.interrupts)
        if interrupt + lines > bus.interrupt_count:
            raise TestbedError(
                Stage.GUEST_BOOT,
                f"the platform bus has {bus.interrupt_count - interrupt} of its"
                f" {bus.interrupt_count} interrupts left, {assignment.path} needs {lines}",
            )
        specifiers = tuple(
            board.interrupts.specifier(bus.first_interrupt + interrupt + line)
            for line in range(lines)
        )
        interrupt += lines
        placements.append(Placement(tuple(offsets), specifiers))
    return placements


def _lowest_free(size: int, taken: Sequence[tuple[int, int]], end: int) -> int | None:
    alignment = 1 << (size - 1).bit_length()
    for offset in range(0, end - size + 1, alignment):
        if all(offset + size <= start or offset >= stop for start, stop in taken):
            return offset
    return None


def read_placements(
    board: Board, qmp: Qmp, assignments: Sequence[Assignment], identifiers: Sequence[str]
) -> list[Placement]:
    """Where the nested QEMU did put each device; TestbedError when it did not."""
    memory_tree = qmp.monitor("info mtree -f")
    placements = []
    for assignment, identifier in zip(assignments, identifiers, strict=True):
        offsets = tuple(
            _address_of(memory_tree, assignment, index) - board.guest_bus.base
            for index in range(len(assignment.exposed.regions))
        )
        specifiers = tuple(
            board.interrupts.specifier(interrupt_of(qmp, assignment.path, identifier, line))
            for line in range(len(assignment.exposed.interrupts))
        )
        placements.append(Placement(offsets, specifiers))
    return placements


def _address_of(memory_tree: str, assignment: Assignment, index: int) -> int:
    """The start of `VFIO NAME region INDEX` in the text of `info mtree` (vfio_region_setup)."""
    pattern = rf"^\s*([0-9a-f]+)-[0-9a-f]+ .*: VFIO {re.escape(assignment.name)} region {index}\b"
    match = re.search(pattern, memory_tree, re.MULTILINE)
    if match is None:
        raise TestbedError(
            Stage.GUEST_BOOT,
            f"region {index} of {assignment.path} is nowhere in the guest's memory map",
        )
    return int(match.group(1), 16)


def interrupt_of(qmp: Qmp, device: str, identifier: str, line: int) -> int:
    """The controller's input a line is connected to: the link ends in `unnamed-gpio-in[INPUT]`.

    `device` is what errors call it, `identifier` its id in the nested QEMU.
    """
    target: str = qmp.execute(
        "qom-get",
        {"path": f"/machine/peripheral/{identifier}", "property": f"sysbus-irq[{line}]"},
    )
    match = re.search(r"gpio-in\[(\d+)\]$", target)
    if match is None:
        raise TestbedError(
            Stage.GUEST_BOOT,
            f"interrupt {line} of {device} goes to {target or 'nothing'} in the guest,"
            " not to its interrupt controller",
        )
    return int(match.group(1))
