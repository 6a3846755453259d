# SPDX-License-Identifier: MIT
"""The kernel modules that are built here: which part of the source, which patches, which modules.

A set `name` has its patches in kernel-patches/`name` and its Kbuild in guests/modules/`name`. Reset
handlers for vfio-platform that are no patches yet are in kernel-patches/vfio-platform/reset.

The patches are for the kernel that machines usually have; what those of another series need before
them is in kernel-patches/`name`-`series`.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from pathlib import Path, PurePath

from testbed.artifacts import lists


@dataclass(frozen=True)
class ModuleSet:
    """Modules that are built together from one folder of the patched kernel source."""

    name: str
    subtree: PurePath
    """The folder, from the top of the source."""
    series: Path
    """The patches; they may change more of the source than that folder."""
    kbuild: Path
    """Kbuild file that takes the place of the folder's own."""
    modules: tuple[str, ...]
    """Module files, from `subtree`, in an order in which they can be loaded."""
    resets: tuple[Path, ...] = ()
    """Sources of reset handlers that are added, each of a module of its own."""
    before: tuple[Path, ...] = ()
    """Folders of patches that come before those of `series`."""

    @property
    def all_series(self) -> tuple[Path, ...]:
        """Folders of patches, in the order to apply them."""
        return (*self.before, self.series)

    def reset_name(self, source: Path) -> str:
        """What the module of an added reset handler is called."""
        return f"vfio-platform-{source.stem}"

    @property
    def files(self) -> tuple[str, ...]:
        """All of its modules."""
        added = (f"reset/{self.reset_name(source)}.ko" for source in self.resets)
        return (*self.modules, *added)


def _module_set(name: str, subtree: str, *modules: str) -> ModuleSet:
    series = lists.KERNEL_PATCHES / name
    return ModuleSet(
        name,
        PurePath(subtree),
        series,
        lists.GUESTS / "modules" / name / "Kbuild",
        modules,
        tuple(sorted((series / "reset").glob("*.c"))),
    )


def for_kernel(wanted: ModuleSet, series: str) -> ModuleSet:
    """The set for kernels of a series such as "6.1", with the patches that those need first."""
    first = lists.KERNEL_PATCHES / f"{wanted.name}-{series}"
    before = (first,) if first.is_dir() else ()
    return replace(wanted, name=f"{wanted.name} {series}", before=before)


VFIO_PLATFORM = _module_set(
    "vfio-platform",
    "drivers/vfio/platform",
    "vfio-platform-base.ko",
    "reset/vfio-platform-ns16550a.ko",
    "reset/vfio-platform-ahci.ko",
    "reset/vfio-platform-caam-jr.ko",
    "reset/vfio-platform-fsl-sata.ko",
    "vfio-platform.ko",
)
"""Debian's arm64 kernel leaves it out."""

PLAIN_JOB_RING = _module_set(
    "caam-plain-job-ring",
    "drivers/crypto/caam",
    "error.ko",
    "caamalg_desc.ko",
    "caamhash_desc.ko",
    "caam.ko",
    "caam_jr.ko",
)
"""The CAAM drivers, able to run on a job ring that has no controller."""
