# SPDX-License-Identifier: MIT
"""What the board `e500` is made of: built here from Debian's sources, as it has no packages."""

from __future__ import annotations

from functools import partial
from pathlib import Path

from testbed.artifacts import archive, kernel_image, lists, module_sets, nested_qemu, userland
from testbed.artifacts.archive import Archive
from testbed.artifacts.busybox import built_busybox_target
from testbed.artifacts.cross import CrossTools
from testbed.artifacts.guest_programs import guest_programs_target
from testbed.artifacts.initramfs import guest_initramfs_target, host_initramfs_target
from testbed.artifacts.kernel import linux_source_target, modules_target
from testbed.artifacts.kernel_build import KernelRecipe, built_headers_target, built_kernel_target
from testbed.artifacts.kernel_tree import TreeKind
from testbed.artifacts.kernels import brought_image, brought_kernel
from testbed.artifacts.nested_qemu import nested_qemu_target
from testbed.artifacts.parts import Choice, Composition, Kernel, Parts
from testbed.artifacts.payload import payload_target
from testbed.artifacts.payload_modules import all_modules_target, plain_job_ring_target
from testbed.artifacts.progress import Progress
from testbed.artifacts.qemu import Distributed, Qemu, bridge_target, qemu_source_target
from testbed.artifacts.resolver import Resolve
from testbed.artifacts.root import built_root_target
from testbed.artifacts.selection import Selection, Wish
from testbed.artifacts.userland import e2fsprogs_target, modprobe_target, sfdisk_target

# An e500v2 has no floating-point registers of the usual kind, but the libraries use them: the
# kernel emulates what is left.
TOOLS = CrossTools("powerpc-linux-gnu-", flags=(), family="ppc", endian="big", atomics="-latomic")
KERNEL = KernelRecipe(
    architecture="powerpc",
    cross=TOOLS.prefix,
    fragment=lists.GUESTS / "kernel" / "e500.config",
    series=tuple(
        lists.KERNEL_PATCHES / name
        for name in ("kvm-e500", "kvm-guest", "e500-hugetlb", "fsl-pamu", "vfio-platform")
    ),
)
TREES = TreeKind(
    board="e500",
    architecture="powerpc",
    cross=TOOLS.prefix,
    image="vmlinux",
    as_loaded=kernel_image.power_elf,
    modules=None,
)
# Of what Debian's Arm kernel is made from too.
_KERNEL_OF = "arm64"


def wishes(qemu: Qemu, progress: Progress, _choice: Choice) -> list[tuple[Wish, Resolve]]:
    """What to choose from the archive: sources, meson, and the source of the host's QEMU."""
    sources = {*nested_qemu.SOURCES, *userland.SOURCES}
    wanted: list[tuple[Wish, Resolve]] = [
        (archive.kernel_wish(_KERNEL_OF), Archive.kernel),
        (archive.sources_wish(sorted(sources)), partial(archive.take_sources, progress)),
        (archive.tools_wish(nested_qemu.TOOLS), partial(archive.take_tools, progress)),
    ]
    if qemu.source_version is not None:
        wanted.append((archive.qemu_source_wish(qemu.source_version), Archive.qemu_source))
    return wanted


def parts(selections: list[Selection], qemu: Qemu, choice: Choice) -> Parts:
    """Targets for the selections of `wishes`, in their order."""
    linux, sources, tools, *qemu_selection = selections
    kernel = built_kernel_target(KERNEL, linux)
    linux_source = linux_source_target(linux)
    linux_headers = built_headers_target(kernel)
    rings = modules_target(
        module_sets.PLAIN_JOB_RING, linux_source, linux_headers, cross=TOOLS.prefix
    )
    own = Kernel(kernel, (all_modules_target(kernel), plain_job_ring_target(kernel, rings)))
    host = brought_kernel(TREES, choice.kernel, "host") or own
    guest = brought_kernel(TREES, choice.guest_kernel, "guest") or own
    guest_image = brought_image(TREES, choice.guest_kernel, "guest") or guest.kernel
    programs = guest_programs_target(TOOLS.prefix)
    busybox = built_busybox_target(sources, TOOLS)
    guest_initramfs = guest_initramfs_target(guest.kernel, busybox, programs)
    nested = nested_qemu_target(nested_qemu.POWER, sources, tools, TOOLS)
    qemu_source = qemu_source_target(qemu_selection[0]) if qemu_selection else None
    return Parts(
        kernel=brought_image(TREES, choice.kernel, "host") or host.kernel,
        guest_kernel=guest_image,
        host_initramfs=host_initramfs_target(host.kernel, busybox),
        guest_initramfs=guest_initramfs,
        root=built_root_target(
            busybox,
            [
                e2fsprogs_target(sources, TOOLS),
                sfdisk_target(sources, TOOLS),
                modprobe_target(sources, tools, TOOLS),
            ],
        ),
        payload=payload_target(
            [nested, *host.modules],
            busybox=busybox,
            programs=programs,
            guest_kernel=guest_image,
            guest_initramfs=guest_initramfs,
            guest_modules=() if guest is host else guest.modules,
        ),
        bridge=bridge_target(qemu, qemu_source),
        nested_qemu=nested,
        linux_source=linux_source,
        linux_headers=linux_headers,
        qemu_source=qemu_source,
    )


COMPOSITION = Composition(
    qemu=Distributed(Path("/usr/bin/qemu-system-ppc"), "qemu-system-ppc"),
    wishes=wishes,
    parts=parts,
)
