# SPDX-License-Identifier: MIT
"""What the board `arm-virt` is made of."""

from __future__ import annotations

from dataclasses import dataclass
from functools import partial
from pathlib import Path

from testbed.artifacts import (
    archive,
    kernel_image,
    lists,
    module_sets,
    nested_qemu,
    payload_modules,
    root,
)
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
from testbed.artifacts.kernel_build import KernelRecipe, built_headers_target, built_kernel_target
from testbed.artifacts.kernel_tree import TreeKind
from testbed.artifacts.kernels import brought_image, brought_kernel
from testbed.artifacts.nested_qemu import nested_qemu_target
from testbed.artifacts.parts import FAST_KERNEL, Choice, Composition, Kernel, Parts
from testbed.artifacts.payload import payload_target
from testbed.artifacts.payload_modules import (
    all_modules_target,
    packaged_modules_target,
    plain_job_ring_target,
)
from testbed.artifacts.progress import Progress
from testbed.artifacts.qemu import Distributed, Qemu, bridge_target, qemu_source_target
from testbed.artifacts.resolver import Resolve
from testbed.artifacts.root import root_target
from testbed.artifacts.selection import Selection, Wish
from testbed.artifacts.targets import Target

ARCHITECTURE = "arm64"
TOOLS = CrossTools("aarch64-linux-gnu-", flags=(), family="aarch64", endian="little")

FAST = KernelRecipe(
    architecture="arm64",
    cross=TOOLS.prefix,
    fragment=lists.GUESTS / "kernel" / "arm-virt-fast.config",
    series=(),
    image="arch/arm64/boot/Image",
    drivers=("clk", "mfd"),
)

TREES = TreeKind(
    board="arm-virt",
    architecture="arm64",
    cross=TOOLS.prefix,
    image="arch/arm64/boot/Image",
    as_loaded=kernel_image.raw_image,
    modules=payload_modules.PACKAGED,
)

_DISK_MODULES = ("virtio_blk", "squashfs")
"""What the machines' disks need of Debian's kernel."""
_HOST_MODULES = ("virtio_pci", "virtio_console", *_DISK_MODULES)
_GUEST_MODULES = ("virtio_mmio", "virtio_console")
"""What they need to be reached; what of it is built in differs from series to series."""


def wishes(qemu: Qemu, progress: Progress, choice: Choice) -> list[tuple[Wish, Resolve]]:
    """What to choose from the archive: kernel, root system and, unless brought, QEMU's source.

    And the sources of nested QEMU, to build one instead of taking the root system's, and kernels of
    other series.
    """
    packages = lists.read_list(root.PACKAGES)
    wanted: list[tuple[Wish, Resolve]] = [
        (archive.kernel_wish(ARCHITECTURE), Archive.kernel),
        (archive.root_wish(ARCHITECTURE, packages), partial(_system, progress)),
    ]
    if qemu.source_version is not None:
        wanted.append((archive.qemu_source_wish(qemu.source_version), Archive.qemu_source))
    if choice.nested_qemu:
        sources, tools = sorted(nested_qemu.SOURCES), nested_qemu.TOOLS
        wanted.append((archive.sources_wish(sources), partial(archive.take_sources, progress)))
        wanted.append((archive.tools_wish(tools), partial(archive.take_tools, progress)))
    others = (archive.kernel_wish(ARCHITECTURE, series) for series in _other_series(choice))
    return [*wanted, *((wish, Archive.kernel) for wish in others)]


def parts(selections: list[Selection], qemu: Qemu, choice: Choice) -> Parts:
    """Targets for the selections of `wishes`, in their order."""
    series = _other_series(choice)
    count = len(selections) - len(series)
    kernel_selection, system_selection, *rest = selections[:count]
    nested = None
    if choice.nested_qemu:
        *rest, sources, tools = rest
        nested = nested_qemu_target(nested_qemu.ARM, sources, tools, TOOLS)
    linux_source = linux_source_target(kernel_selection)
    linux_headers = linux_headers_target(kernel_selection)
    stock = _stock_kernel(kernel_selection, linux_source, linux_headers)
    packaged = {archive.KERNEL_SERIES: _Packaged(stock, linux_source, linux_headers)}
    for name, selection in zip(series, selections[count:], strict=True):
        packaged[name] = _of_series(selection, name)
    hosts = packaged[choice.kernel_series or archive.KERNEL_SERIES]
    host = brought_kernel(TREES, choice.kernel, "host") or hosts.kernel
    own = packaged[choice.guest_kernel_series or archive.KERNEL_SERIES].kernel
    if choice.fast_kernel:
        own = _fast_kernel(kernel_selection, linux_source)
    guest = brought_kernel(TREES, choice.guest_kernel, "guest") or own
    programs = guest_programs_target(TOOLS.prefix)
    busybox = packaged_busybox_target(system_selection)
    guest_initramfs = guest_initramfs_target(
        guest.kernel, busybox, programs, boot=_GUEST_MODULES, system=_DISK_MODULES
    )
    guest_image = brought_image(TREES, choice.guest_kernel, "guest") or guest.kernel
    qemu_source = qemu_source_target(rest[0]) if rest else None
    return Parts(
        kernel=brought_image(TREES, choice.kernel, "host") or host.kernel,
        guest_kernel=guest_image,
        host_initramfs=host_initramfs_target(host.kernel, busybox, boot=_HOST_MODULES),
        guest_initramfs=guest_initramfs,
        root=root_target(system_selection),
        payload=payload_target(
            [*host.modules, *([] if nested is None else [nested])],
            busybox=busybox,
            programs=programs,
            guest_kernel=guest_image,
            guest_initramfs=guest_initramfs,
            guest_modules=() if guest is host else guest.modules,
        ),
        bridge=bridge_target(qemu, qemu_source),
        nested_qemu=nested,
        linux_source=hosts.source,
        linux_headers=hosts.headers,
        qemu_source=qemu_source,
    )


def _other_series(choice: Choice) -> list[str]:
    """The series of kernels that are wanted besides the board's own."""
    return [series for series in choice.series if series != archive.KERNEL_SERIES]


def _stock_kernel(selection: Selection, linux_source: Target, linux_headers: Target) -> Kernel:
    """Debian's kernel, with the modules that host and guest need of it and those it lacks."""
    kernel = kernel_target(selection)
    vfio, rings = (
        modules_target(wanted, linux_source, linux_headers, cross=TOOLS.prefix)
        for wanted in (module_sets.VFIO_PLATFORM, module_sets.PLAIN_JOB_RING)
    )
    modules = packaged_modules_target(kernel, vfio)
    return Kernel(kernel, (modules, plain_job_ring_target(kernel, rings)))


@dataclass(frozen=True)
class _Packaged:
    """A kernel of the distribution's, and what its modules are built from and against."""

    kernel: Kernel
    source: Target
    headers: Target


def _of_series(selection: Selection, series: str) -> _Packaged:
    """Debian's kernel of another series, with what of the wanted modules it has, and VFIO's."""
    wanted = module_sets.for_kernel(module_sets.VFIO_PLATFORM, series)
    source = linux_source_target(selection, [str(wanted.subtree)], f"linux-source {series}")
    headers = linux_headers_target(selection, f"linux-headers {series}")
    kernel = kernel_target(selection, f"kernel {series}")
    vfio = modules_target(wanted, source, headers, cross=TOOLS.prefix)
    modules = packaged_modules_target(kernel, vfio, all_listed=False)
    return _Packaged(Kernel(kernel, (modules,)), source, headers)


def _fast_kernel(selection: Selection, linux_source: Target) -> Kernel:
    """The kernel of guests that is built here, with all its modules."""
    kernel = built_kernel_target(FAST, selection, FAST_KERNEL)
    headers = built_headers_target(kernel)
    rings = modules_target(module_sets.PLAIN_JOB_RING, linux_source, headers, cross=TOOLS.prefix)
    return Kernel(kernel, (all_modules_target(kernel), plain_job_ring_target(kernel, rings)))


def _system(progress: Progress, archive: Archive, wish: Wish) -> Selection:
    return archive.system(wish, progress)


COMPOSITION = Composition(
    qemu=Distributed(Path("/usr/bin/qemu-system-aarch64"), "qemu-system-arm"),
    wishes=wishes,
    parts=parts,
    stock_nested_qemu=True,
    fast_kernel=True,
    kernel_series=tuple(archive.KERNEL_SUITES),
)
