# SPDX-License-Identifier: MIT
"""Board `e500`: QEMU's Power `ppce500` with a PAMU model; KVM for e500v2 inside it for guests."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import replace

from models.ata import AtaDisk, Media
from models.device_config import DeviceConfig
from models.fsl_sata import FslSata
from models.pamu import Pamu
from models.sec import PRESETS
from testbed.boards.board import (
    BenchSettings,
    Board,
    GuestBus,
    GuestVirtio,
    InterruptController,
    PlatformDevice,
)
from testbed.boards.etsec import etsec_devices
from testbed.boards.iommu_fault import pamu_faults
from testbed.boards.sec import sec_devices
from testbed.boards.soc import add_devices, bus_window
from testbed.boards.uart import uart_device
from testbed.devicetree.tree import Tree
from testbed.remoteport.device import Device

_DISK_SIZE = 256 << 20
_ACTIVE_HIGH = 2
_SOURCES = 255
"""Inputs of the MPIC, as the numbers of QorIQ parts need them; QEMU's says 80, and has these."""
_PAMU = "iommu@20000"
_GUTS = "global-utilities@e2000"
"""At 0xe0000, where parts have it, is QEMU's own of another kind, which resets the machine."""


def _specifier(number: int) -> tuple[int, ...]:
    return (number, _ACTIVE_HIGH)


_SEC = replace(PRESETS["P4080"], long_pointers=True)
"""As U-Boot leaves it on a machine of 36-bit physical addresses."""


def _pamu(made: Mapping[str, Device]) -> Device:
    guts = made[f"/soc/{_GUTS}"]
    assert isinstance(guts, DeviceConfig)
    return Pamu(_PAMU, bypassed=guts.pamu_bypassed)


def _add_soc(board: Board, tree: Tree, devices: Sequence[PlatformDevice]) -> None:
    """Add to the `/soc` that QEMU makes, which ends after the first MiB of the CCSR space."""
    pic = tree.compatible("fsl,mpic")
    pic.set("last-interrupt-source", _SOURCES)
    soc = tree.node("/soc")
    soc.set("ranges", bus_window(board))
    soc.set("interrupt-parent", tree.phandle(pic))
    add_devices(tree, soc, devices, _specifier, lambda liodn: {board.iommu_property: liodn})


def _wire_models(models: Mapping[str, Device], devices: Sequence[PlatformDevice]) -> None:
    """Every device that has a LIODN reaches memory through the PAMU."""
    pamu = models.get(f"/soc/{_PAMU}")
    if not isinstance(pamu, Pamu):
        return  # a scenario's own devices, without it
    for device in devices:
        if device.stream_id is not None:
            models[device.path].dma.iommu = pamu.port(device.stream_id)


E500 = Board(
    name="e500",
    summary="Power ppce500, e500v2, PAMU; nested guests under KVM",
    qemu="qemu-system-ppc",
    machine=(
        *("-machine", "ppce500"),
        *("-cpu", "e500v2"),
        *("-accel", "tcg,tb-size=512"),
        *("-smp", "1", "-m", "2048"),
    ),
    byteorder="big",
    word_bits=32,
    # Huge pages for the memory of two guests: a PAMU maps at most 256 equal parts for a device.
    kernel_arguments=(
        "console=ttyS0 quiet loglevel=4 panic=-1 rdinit=/init"
        " default_hugepagesz=16M hugepagesz=16M hugepages=32"
    ),
    soc_base=0xFE0000000,
    soc_size=0x01000000,
    devices=(
        PlatformDevice(
            name=_GUTS,
            compatible=("fsl,qoriq-device-config-1.0",),
            registers=((0xE2000, 0x1000),),
            interrupts=(),
            model=lambda _: DeviceConfig(_GUTS),
        ),
        PlatformDevice(
            name=_PAMU,
            compatible=("fsl,pamu-v1.0", "fsl,pamu"),
            registers=((0x20000, 0x1000),),
            interrupts=(24, 25),
            model=_pamu,
        ),
        # Offsets and interrupts of QorIQ parts; of the UARTs the second is alone in its page, as on
        # board `arm-virt`.
        uart_device("serial@11c500", (0x11C500, 0x100), interrupt=36, stream_id=0xF8),
        uart_device("serial@11d000", (0x11D000, 0x1000), interrupt=37, stream_id=0xF0),
        *etsec_devices(
            mac=bytes.fromhex("02 04 9f 0b 00 00"),
            interrupts=(29, 30, 34),
            stream_id=0xD0,
            mdio_stream_id=0xC8,
        ),
        PlatformDevice(
            name="sata@221000",
            compatible=("fsl,pq-sata-v2",),
            registers=((0x221000, 0x1000),),
            interrupts=(69,),
            model=lambda _: FslSata("sata@221000", AtaDisk(Media(_DISK_SIZE))),
            stream_id=0xE8,
            properties={"cell-index": 2},
        ),
        *sec_devices(
            _SEC,
            compatible=("fsl,sec-v4.0",),
            interrupt=92,
            rings=((88, 0xE0), (89, 0xD8)),
            properties={},
        ),
    ),
    # The host is told to use all but 128 MiB of its 2 GiB.
    bench=BenchSettings(
        arguments="mem=1920M",
        memory=1920 << 20,
        around_iommu="",  # the PAMU translates nothing of the host's own
        ciphers={"AES-CBC": "cbc(aes-generic)", "SHA-256": "sha256-generic"},
        modules=("cbc", "aes_generic", "sha256_generic"),
    ),
    guest_qemu="/testbed/bin/qemu-system-ppc",
    guest_machine=(
        *("-machine", "ppce500,memory-backend=ram"),
        *("-accel", "kvm"),
        *("-cpu", "e500v2"),
        *("-smp", "1", "-m", "256"),
        *("-object", "memory-backend-file,id=ram,mem-path=/dev/hugepages,size=256M"),
    ),
    # QEMU's e500v2 does not compare addresses of instructions with those KVM has it stop at.
    guest_hardware_breakpoints=False,
    guest_kernel_arguments="console=ttyS0 quiet loglevel=4 panic=-1 rdinit=/init",
    guest_bus=GuestBus(
        node="/platform",
        base=0xF00000000,
        size=0x08000000,
        first_interrupt=5,
        interrupt_count=10,
    ),
    guest_virtio=GuestVirtio(block="virtio-blk-pci", serial="virtio-serial-pci"),
    guest_memory_start=0,
    guest_memory_end=256 << 20,
    interrupts=InterruptController(
        name=re.compile(r"OpenPIC"),
        specifier=_specifier,
        hardware_number=lambda cells: cells[0],
    ),
    iommu_faults=pamu_faults,
    add_soc=_add_soc,
    wire_models=_wire_models,
    iommu_property="fsl,liodn",
    iommu_parts=256,
    iommu_for_host=False,
    iommu_in_qemu=False,
    complete_tree=True,
)
