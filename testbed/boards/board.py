# SPDX-License-Identifier: MIT
"""What a board is: data for the machine, its system-on-chip bus, and its guests."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field

from testbed.devicetree.tree import Tree, Value
from testbed.remoteport.device import Device


@dataclass(frozen=True)
class PlatformDevice:
    """A device of the board's `/soc` bus and the model behind it.

    `registers` are (offset, size) in bytes within the bus, `interrupts` input numbers of the
    board's interrupt controller (level, active high), `stream_id` what the IOMMU knows it by.
    """

    name: str
    compatible: tuple[str, ...]
    registers: tuple[tuple[int, int], ...]
    interrupts: tuple[int, ...]
    model: Callable[[], Device]
    stream_id: int | None = None
    properties: Mapping[str, Value] = field(default_factory=dict)
    posted_writes: bool = False
    """Register writes do not wait for the model: faster, and no device here wants it."""

    @property
    def path(self) -> str:
        return f"/soc/{self.name}"


@dataclass(frozen=True)
class GuestBus:
    """The platform bus of the board's guests: where nested QEMU puts assigned devices."""

    node: str
    base: int
    size: int
    first_interrupt: int
    interrupt_count: int


@dataclass(frozen=True)
class Board:
    """A host machine. Functions take what differs from run to run."""

    name: str
    summary: str
    qemu: str
    """The workstation's QEMU program."""
    machine: tuple[str, ...]
    """QEMU arguments that make the host, without storage, consoles and devices."""
    kernel_arguments: str
    soc_base: int
    soc_size: int
    devices: tuple[PlatformDevice, ...]
    bench_arguments: str
    """Kernel arguments that keep the host out of the memory at `bench_memory`."""
    bench_memory: int
    guest_qemu: str
    guest_machine: tuple[str, ...]
    guest_kernel_arguments: str
    guest_bus: GuestBus
    interrupt_specifier: Callable[[int], tuple[int, ...]]
    """Cells of an `interrupts` property for a level input of the interrupt controller."""
    add_soc: Callable[[Board, Tree, Sequence[PlatformDevice]], None]
    """Add the `/soc` bus with these devices to the tree QEMU made for the machine."""
