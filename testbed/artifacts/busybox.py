# SPDX-License-Identifier: MIT
"""The busybox of the emulated machines: their shell, and every small program they have."""

from __future__ import annotations

from pathlib import Path

from testbed.artifacts.failure import failure
from testbed.artifacts.selection import Selection
from testbed.artifacts.targets import Target, Workspace
from testbed.artifacts.unpack import one, unpack

_PLACES = ("usr/bin/busybox", "bin/busybox")


def packaged_busybox_target(root: Selection) -> Target:
    """Output: busybox, static, from its package among those of the root file system."""
    package = one(root.packages, "busybox-static")

    def build(work: Workspace) -> None:
        unpack(work, [package], work.scratch)
        for place in _PLACES:
            if (work.scratch / place).is_file():
                (work.scratch / place).rename(work.out / "busybox")
                return
        raise failure(f"{package.file_name} has no busybox in it")

    return Target("busybox", build, packages=(package,), sources=(Path(__file__),))
