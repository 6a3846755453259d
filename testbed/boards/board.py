# SPDX-License-Identifier: MIT
"""What a board is: data for the machine, its system-on-chip bus, and its guests."""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Literal

from testbed.boards.iommu_fault import IommuFault
from testbed.devicetree.tree import Tree, Value
from testbed.remoteport.device import Device


@dataclass(frozen=True)
class Reference:
    """A property that leads to another node, listed earlier: its path below `/soc`, or from '/' on.

    `cells` follow, as the binding of what is there has them.
    """

    name: str
    cells: tuple[int, ...] = ()


@dataclass(frozen=True)
class ChildNode:
    """A node that belongs to a device and is none itself: a part of it, or what is attached to it.

    `registers` are on the device's own bus, as those of a device are on its parent's. What belongs
    to the whole board, such as a clock, is a child of the tree's root.
    """

    name: str
    registers: tuple[tuple[int, int], ...] = ()
    interrupts: tuple[int, ...] = ()
    properties: Mapping[str, Value | Reference] = field(default_factory=dict)


ModelFactory = Callable[[Mapping[str, Device]], Device]
"""Makes a model, given those of the devices listed earlier by device-tree path."""


@dataclass(frozen=True)
class PlatformDevice:
    """A device of the board's `/soc` bus and the model behind it.

    `name` is the node's path below `/soc`; what comes before its last '/' is a device listed
    earlier. `registers` are the (offset, size) pairs of its `reg` in bytes, on its parent's bus,
    `interrupts` input numbers of the board's interrupt controller (level, active high),
    `stream_id` what the IOMMU knows it by. `model` makes the model.
    """

    name: str
    compatible: tuple[str, ...]
    registers: tuple[tuple[int, int], ...]
    interrupts: tuple[int, ...]
    model: ModelFactory
    stream_id: int | None = None
    properties: Mapping[str, Value | Reference] = field(default_factory=dict)
    children: tuple[ChildNode, ...] = ()
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
class BenchSettings:
    """What `testbed bench` has to know of a board."""

    arguments: str
    """Kernel arguments that keep the host out of the memory at `memory`."""
    memory: int
    around_iommu: str
    """Kernel arguments that let the host's own devices go around the IOMMU."""
    ciphers: Mapping[str, str]
    """The kernel's drivers of AES-CBC and SHA-256 on the CPU, and `modules` that bring them."""
    modules: tuple[str, ...]


@dataclass(frozen=True)
class GuestVirtio:
    """The virtio devices that nested QEMU has on the board: where they sit is the machine's."""

    block: str
    serial: str
    arguments: tuple[str, ...] = ()
    """What nested QEMU is told besides about them."""


@dataclass(frozen=True)
class InterruptController:
    """How the board's interrupt controller counts its inputs, in host and guest alike."""

    name: re.Pattern[str]
    """What `/proc/interrupts` calls it."""
    specifier: Callable[[int], tuple[int, ...]]
    """Cells of an `interrupts` property for a level input, by its number in QEMU."""
    hardware_number: Callable[[tuple[int, ...]], int]
    """The number in `/proc/interrupts`, from the cells of an `interrupts` property."""


def wire_nothing(models: Mapping[str, Device], devices: Sequence[PlatformDevice]) -> None:
    """The models of a board whose devices reach memory through QEMU alone."""


@dataclass(frozen=True)
class Board:
    """A host machine. Functions take what differs from run to run."""

    name: str
    summary: str
    qemu: str
    """The workstation's QEMU program."""
    machine: tuple[str, ...]
    """QEMU arguments that make the host, without storage, consoles and devices."""
    byteorder: Literal["little", "big"]
    """Of the CPU, host and guest."""
    word_bits: Literal[32, 64]
    """Of its registers."""
    kernel_arguments: str
    soc_base: int
    soc_size: int
    devices: tuple[PlatformDevice, ...]
    bench: BenchSettings
    guest_qemu: str
    guest_machine: tuple[str, ...]
    guest_kernel_arguments: str
    guest_bus: GuestBus
    guest_virtio: GuestVirtio
    guest_memory_start: int
    guest_memory_end: int
    interrupts: InterruptController
    iommu_faults: Callable[[str], list[IommuFault]]
    """What its IOMMU refused, from the text of the host's kernel log."""
    add_soc: Callable[[Board, Tree, Sequence[PlatformDevice]], None]
    """Add the `/soc` bus with these devices to the tree QEMU made for the machine."""
    wire_models: Callable[[Mapping[str, Device], Sequence[PlatformDevice]], None] = wire_nothing
    """Connect models with each other, such as an IOMMU with those whose DMA it translates."""
    iommu_property: str = "iommus"
    """By which a device's node says that the IOMMU stands before it."""
    iommu_parts: int | None = None
    """What its IOMMU maps for a device lies in one range of a power of two bytes, at a multiple of
    its size, in at most this many equal parts. None: any pages anywhere."""
    iommu_write_only: bool = True
    """Its IOMMU can let a device write memory and not read it; otherwise who writes also reads."""
    iommu_for_host: bool = True
    """The IOMMU translates for the host's own drivers too: a device that nobody uses reaches no
    memory. Where it does not, as x86 with iommu=pt, only its reset keeps such a device from that.
    """
    iommu_in_qemu: bool = True
    """QEMU has the IOMMU, and its bridge is told the stream id of each device."""
    guest_hardware_breakpoints: bool = True
    """KVM can stop its guests at an address that is not mapped yet."""
    complete_tree: bool = False
    """QEMU takes a tree given by -dtb as it is, host's and guest's: memory, initramfs and kernel
    arguments have to be in it. Otherwise it adds them."""
