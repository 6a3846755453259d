# SPDX-License-Identifier: MIT
"""The kernel modules that are built here: which part of the source, which patches, which modules.

A set `name` has its patches in kernel-patches/`name` and its Kbuild in guests/modules/`name`.
"""

from __future__ import annotations

from dataclasses import dataclass
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


def _module_set(name: str, subtree: str, *modules: str) -> ModuleSet:
    return ModuleSet(
        name,
        PurePath(subtree),
        lists.KERNEL_PATCHES / name,
        lists.GUESTS / "modules" / name / "Kbuild",
        modules,
    )


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
