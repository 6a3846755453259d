# SPDX-License-Identifier: MIT
"""What a board is: data for the machine, its system-on-chip bus, and its guests."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field

from testbed.boards.iommu_fault import IommuFault
from testbed.devicetree.tree import Tree, Value
from testbed.remoteport.device import Device


@dataclass(frozen=True)
class PlatformDevice:
    """A device of the board's `/soc` bus and the model behind it.

    `name` is the node's path below `/soc`; what comes before its last '/' is a device listed
    earlier. `registers` are the (offset, size) pairs of its `reg` in bytes, on its parent's bus,
    `interrupts` input numbers of the board's interrupt controller (level, active high),
    `stream_id` what the IOMMU knows it by. `model` makes the model, given those of the devices
    listed earlier by device-tree path.
    """

    name: str
    compatible: tuple[str, ...]
    registers: tuple[tuple[int, int], ...]
    interrupts: tuple[int, ...]
    model: Callable[[Mapping[str, Device]], Device]
    stream_id: int | None = None
    properties: Mapping[str, Value] = field(default_factory=dict)
    windows: tuple[tuple[int, int], ...] | None = None
    """The (offset, size) pairs within `/soc` of the model's regions, where not `registers`."""
    idle: str = ""
    """A command that succeeds in the host once the native driver can be taken from the device."""
    stand_in: Callable[[Device], bytes] | None = None
    """From its model, what drivers of its parts read of it: the memory a guest finds in its place.

    The parts that a guest has lie at pages 1, 2 ... of it.
    """
    posted_writes: bool = False
    """Register writes do not wait for the model: faster, and no device here wants it."""

    @property
    def path(self) -> str:
        return f"/soc/{self.name}"

    @property
    def regions(self) -> tuple[tuple[int, int], ...]:
        """The (offset, size) pairs within `/soc` of the model's regions."""
        return self.registers if self.windows is None else self.windows

    @property
    def file_name(self) -> str:
        """What files about the device are called; also its id in the host's QEMU."""
        return self.name.replace("/", "-").replace("@", "-")


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
    guest_memory_start: int
    guest_memory_end: int
    interrupt_specifier: Callable[[int], tuple[int, ...]]
    """Cells of an `interrupts` property for a level input of the interrupt controller."""
    iommu_faults: Callable[[str], list[IommuFault]]
    """What its IOMMU refused, from the text of the host's kernel log."""
    add_soc: Callable[[Board, Tree, Sequence[PlatformDevice]], None]
    """Add the `/soc` bus with these devices to the tree QEMU made for the machine."""
