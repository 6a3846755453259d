# SPDX-License-Identifier: MIT
"""Board `arm-virt`: QEMU's Arm `virt` with EL2, GICv3 and SMMUv3, KVM inside it for the guest."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import replace

from models.ahci import Ahci
from models.ata import AtaDisk, Media
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
from testbed.boards.soc import add_devices, bus_window
from testbed.boards.uart import uart_device
from testbed.devicetree.tree import Tree

_DISK_SIZE = 256 << 20
_SPI = 0
_FIRST_SPI = 32
_LEVEL_HIGH = 4


def _specifier(spi: int) -> tuple[int, ...]:
    return (_SPI, spi, _LEVEL_HIGH)


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
            "ranges": bus_window(board),
            "interrupt-parent": gic,
        },
    )
    add_devices(
        tree,
        soc,
        devices,
        _specifier,
        lambda stream_id: {"iommus": (smmu, stream_id), "dma-coherent": None},
    )


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
        # Stream ids are function numbers of the PCI root bus that no device uses; see the bridge's
        # `sid`. As in QorIQ parts: several in one page, so VFIO does not let user space map it and
        # each access of a guest goes through the nested QEMU.
        uart_device("serial@11c500", (0x11C500, 0x100), interrupt=180, stream_id=0xF8),
        # Alone in its page: VFIO maps it, and a guest's accesses go straight to the device.
        uart_device("serial@11d000", (0x11D000, 0x1000), interrupt=181, stream_id=0xF0),
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
