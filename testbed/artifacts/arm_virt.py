# SPDX-License-Identifier: MIT
"""What the board `arm-virt` is made of."""

from __future__ import annotations

from functools import partial
from pathlib import Path

from testbed.artifacts import archive, kernel_image, lists, module_sets, nested_qemu, root
from testbed.artifacts.archive import Archive
from testbed.artifacts.busybox import packaged_busybox_target
from testbed.artifacts.cross import CrossTools
from testbed.artifacts.guest_programs import guest_programs_target
from testbed.artifacts.initramfs import guest_initramfs_target, host_initramfs_target
from testbed.artifacts.kernel import (
    kernel_target,
    linux_headers_target,
    linux_source_target,
    modules_target,
)
from testbed.artifacts.nested_qemu import nested_qemu_target
from testbed.artifacts.parts import Composition, Parts
from testbed.artifacts.payload import payload_target
from testbed.artifacts.payload_modules import packaged_modules_target, plain_job_ring_target
from testbed.artifacts.progress import Progress
from testbed.artifacts.qemu import Distributed, Qemu, bridge_target, qemu_source_target
from testbed.artifacts.resolver import Resolve
from testbed.artifacts.root import root_target
from testbed.artifacts.selection import Selection, Wish

ARCHITECTURE = "arm64"
TOOLS = CrossTools("aarch64-linux-gnu-", flags=(), family="aarch64", endian="little")

_DISK_MODULES = ("virtio_blk", "squashfs")
"""What the machines' disks need of Debian's kernel."""


def wishes(qemu: Qemu, progress: Progress, build_nested: bool) -> list[tuple[Wish, Resolve]]:
    """What to choose from the archive: kernel, root system and, unless brought, QEMU's source.

    And the sources of nested QEMU, to build one instead of taking the root system's.
    """
    packages = lists.read_list(root.PACKAGES)
    wanted: list[tuple[Wish, Resolve]] = [
        (archive.kernel_wish(ARCHITECTURE), Archive.kernel),
        (archive.root_wish(ARCHITECTURE, packages), partial(_system, progress)),
    ]
    if qemu.source_version is not None:
        wanted.append((archive.qemu_source_wish(qemu.source_version), Archive.qemu_source))
    if build_nested:
        sources, tools = sorted(nested_qemu.SOURCES), nested_qemu.TOOLS
        wanted.append((archive.sources_wish(sources), partial(archive.take_sources, progress)))
        wanted.append((archive.tools_wish(tools), partial(archive.take_tools, progress)))
    return wanted


def parts(
    selections: list[Selection], qemu: Qemu, guest_kernel: Path | None, build_nested: bool
) -> Parts:
    """Targets for the selections of `wishes`, in their order."""
    kernel_selection, system_selection, *rest = selections
    nested = None
    if build_nested:
        *rest, sources, tools = rest
        nested = nested_qemu_target(nested_qemu.ARM, sources, tools, TOOLS)
    kernel = kernel_target(kernel_selection)
    linux_source = linux_source_target(kernel_selection)
    linux_headers = linux_headers_target(kernel_selection)
    vfio_modules, plain_job_ring = (
        modules_target(wanted, linux_source, linux_headers, cross=TOOLS.prefix)
        for wanted in (module_sets.VFIO_PLATFORM, module_sets.PLAIN_JOB_RING)
    )
    programs = guest_programs_target(TOOLS.prefix)
    busybox = packaged_busybox_target(system_selection)
    guest_initramfs = guest_initramfs_target(
        kernel, busybox, programs, boot=("virtio_mmio",), system=_DISK_MODULES
    )
    qemu_source = qemu_source_target(rest[0]) if rest else None
    return Parts(
        kernel=kernel,
        host_initramfs=host_initramfs_target(kernel, busybox, boot=_DISK_MODULES),
        guest_initramfs=guest_initramfs,
        root=root_target(system_selection),
        payload=payload_target(
            [
                packaged_modules_target(kernel, vfio_modules),
                plain_job_ring_target(kernel, plain_job_ring),
                *([] if nested is None else [nested]),
            ],
            busybox=busybox,
            programs=programs,
            kernel=kernel,
            guest_initramfs=guest_initramfs,
            guest_kernel=guest_kernel,
            as_loaded=kernel_image.raw_image,
        ),
        bridge=bridge_target(qemu, qemu_source),
        nested_qemu=nested,
        linux_source=linux_source,
        linux_headers=linux_headers,
        qemu_source=qemu_source,
    )


def _system(progress: Progress, archive: Archive, wish: Wish) -> Selection:
    return archive.system(wish, progress)


COMPOSITION = Composition(
    qemu=Distributed(Path("/usr/bin/qemu-system-aarch64"), "qemu-system-arm"),
    wishes=wishes,
    parts=parts,
    kernel_image=kernel_image.raw_image,
    stock_nested_qemu=True,
)
