# SPDX-License-Identifier: MIT
"""Board `arm-virt`: QEMU's Arm `virt` with EL2, GICv3 and SMMUv3, KVM inside it for the guest."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import replace

from models.ahci import Ahci
from models.ata import AtaDisk, Media
from models.ns16550a import Ns16550a
from models.sec import PRESETS
from testbed.boards.board import (
    BenchSettings,
    Board,
    GuestBus,
    GuestVirtio,
    InterruptController,
    PlatformDevice,
)
from testbed.boards.iommu_fault import smmuv3_faults
from testbed.boards.sec import sec_devices
from testbed.devicetree.tree import Tree, Value

_DISK_SIZE = 256 << 20
_SPI = 0
_FIRST_SPI = 32
_LEVEL_HIGH = 4
_UART_CLOCK = 150_000_000
"""Hz; the platform clock / 2 that QorIQ DUARTs run from, within the driver's baud tolerance."""


def _specifier(spi: int) -> tuple[int, ...]:
    return (_SPI, spi, _LEVEL_HIGH)


def _uart(name: str, window: tuple[int, int], *, interrupt: int, stream_id: int) -> PlatformDevice:
    return PlatformDevice(
        name=name,
        compatible=("ns16550a",),
        registers=(window,),
        interrupts=(interrupt,),
        model=lambda _: Ns16550a(name=name, clock_frequency=_UART_CLOCK, size=window[1]),
        # Function numbers of the PCI root bus that no device uses; see the bridge's `sid`.
        stream_id=stream_id,
        properties={"clock-frequency": _UART_CLOCK, "current-speed": 115200},
    )


_SEC = replace(PRESETS["LS1028A"], page_size=4096, long_pointers=True)
"""The units of an LS1028A in the 4 KiB pages of the QorIQ P and T series."""


def _add_soc(board: Board, tree: Tree, devices: Sequence[PlatformDevice]) -> None:
    gic = tree.phandle(tree.compatible("arm,gic-v3"))
    smmu = tree.phandle(tree.compatible("arm,smmu-v3"))
    soc = tree.root.add(
        "soc",
        {
            "compatible": ("simple-bus",),
            "#address-cells": 1,
            "#size-cells": 1,
            "ranges": (0, board.soc_base >> 32, board.soc_base & 0xFFFFFFFF, board.soc_size),
            "interrupt-parent": gic,
        },
    )
    for device in devices:
        properties: dict[str, Value] = {
            "compatible": device.compatible,
            "reg": tuple(cell for window in device.registers for cell in window),
            "interrupts": tuple(cell for spi in device.interrupts for cell in _specifier(spi)),
            **device.properties,
        }
        if device.stream_id is not None:
            properties["iommus"] = (smmu, device.stream_id)
            properties["dma-coherent"] = None
        bus, _, name = device.name.rpartition("/")
        (tree.node(f"{soc.path}/{bus}") if bus else soc).add(name, properties)


ARM_VIRT = Board(
    name="arm-virt",
    summary="Arm virt, Cortex max, GICv3, SMMUv3; nested guests under KVM (VHE)",
    qemu="qemu-system-aarch64",
    machine=(
        *("-machine", "virt,virtualization=on,gic-version=3,iommu=smmuv3"),
        *("-cpu", "max,pauth-impdef=on"),
        *("-accel", "tcg,thread=multi,tb-size=512"),
        *("-smp", "1", "-m", "2048"),
    ),
    byteorder="little",
    word_bits=64,
    kernel_arguments="console=ttyAMA0 quiet loglevel=4 panic=-1 rdinit=/init",
    # The upper half of virt's platform-bus window: nothing uses it in the host, and 16 MiB is the
    # size of a QorIQ CCSR space, so that devices sit at the offsets real parts have.
    soc_base=0x0D000000,
    soc_size=0x01000000,
    devices=(
        # As in QorIQ parts: several in one page, so VFIO does not let user space map it and
        # each access of a guest goes through the nested QEMU.
        _uart("serial@11c500", (0x11C500, 0x100), interrupt=180, stream_id=0xF8),
        # Alone in its page: VFIO maps it, and a guest's accesses go straight to the device.
        _uart("serial@11d000", (0x11D000, 0x1000), interrupt=181, stream_id=0xF0),
        PlatformDevice(
            name="sata@221000",
            compatible=("fsl,ls1021a-ahci",),
            registers=((0x221000, 0x10000), (0x220520, 0x4)),
            interrupts=(182,),
            model=lambda _: Ahci("sata@221000", ports=(AtaDisk(Media(_DISK_SIZE)),)),
            stream_id=0xE8,
            properties={"reg-names": ("ahci", "sata-ecc")},
        ),
        *sec_devices(
            _SEC,
            compatible=("fsl,sec-v5.0", "fsl,sec-v4.0"),
            interrupt=183,
            rings=((184, 0xE0), (185, 0xD8)),
            properties={"dma-coherent": None},
        ),
    ),
    # RAM begins at 0x40000000; the host is told to use 1.875 GiB of its 2.
    bench=BenchSettings(
        arguments="mem=1920M",
        memory=0x40000000 + (1920 << 20),
        # QEMU's AHCI fails on a command table that an IOMMU scatters.
        around_iommu="iommu.passthrough=1",
        ciphers={"AES-CBC": "cbc-aes-ce", "SHA-256": "sha256-ce"},
        modules=("aes-ce-blk", "sha2-ce"),
    ),
    guest_qemu="qemu-system-aarch64",
    guest_machine=(
        *("-machine", "virt,gic-version=3"),
        *("-accel", "kvm"),
        *("-cpu", "host"),
        *("-smp", "1", "-m", "256"),
    ),
    guest_kernel_arguments="console=ttyAMA0 quiet loglevel=4 panic=-1 rdinit=/init",
    guest_bus=GuestBus(
        node="/platform-bus@c000000",
        base=0x0C000000,
        size=0x02000000,
        first_interrupt=112,
        interrupt_count=64,
    ),
    guest_virtio=GuestVirtio(
        block="virtio-blk-device",
        serial="virtio-serial-device",
        arguments=("-global", "virtio-mmio.force-legacy=false"),
    ),
    guest_memory_start=0x40000000,
    guest_memory_end=0x40000000 + (256 << 20),
    interrupts=InterruptController(
        name=re.compile(r"GIC\S*"),
        specifier=_specifier,
        hardware_number=lambda cells: cells[1] + _FIRST_SPI,
    ),
    iommu_faults=smmuv3_faults,
    iommu_write_only=False,  # the first stage of translation, which Linux uses, has no such pages
    add_soc=_add_soc,
)
