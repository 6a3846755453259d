# SPDX-License-Identifier: MIT
"""Packing a folder as squashfs: all owned by root, dated 1970, the same bytes every time."""

from __future__ import annotations

from pathlib import Path
from typing import Literal

from testbed.artifacts.targets import Workspace

_REPRODUCIBLE = (
    *("-noappend", "-no-progress", "-quiet", "-comp", "lz4"),
    *("-all-root", "-no-xattrs", "-mkfs-time", "0", "-all-time", "0"),
)
_UNCOMPRESSED = ("-noI", "-noD", "-noF", "-noX")


def make_squashfs(
    work: Workspace, tree: Path, image: Path, *, compression: Literal["lz4", "none"]
) -> None:
    """Write `tree` to `image`. Raises TestbedError, OSError(ENOSPC)."""
    options = _UNCOMPRESSED if compression == "none" else ()
    work.commands.run(
        ["mksquashfs", tree, image, *_REPRODUCIBLE, *options],
        what=f"pack {image.name}",
        cwd=work.scratch,
    )
