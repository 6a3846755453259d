# SPDX-License-Identifier: MIT
"""The parts of a board as a person's options choose them."""

from __future__ import annotations

from pathlib import Path

from testbed.artifacts import BoardArtifacts, Progress, prepare
from testbed.options import Options


def parts_for(
    options: Options,
    progress: Progress,
    *,
    refresh: bool = False,
    pinned: Path | None = None,
    snapshot: str | None = None,
) -> BoardArtifacts:
    """Fetch and build what is missing, and say where everything is; see `artifacts.prepare`."""
    return prepare(
        options.board,
        progress=progress,
        qemu=options.qemu,
        qemu_source=options.qemu_source,
        kernel=options.kernel,
        guest_kernel=options.guest_kernel,
        kernel_series=options.kernel_series,
        guest_kernel_series=options.guest_kernel_series,
        nested_qemu=options.nested_qemu,
        nested_kernel=options.nested_kernel,
        refresh=refresh,
        pinned=pinned or options.manifest,
        remember=options.manifest is None,
        snapshot=snapshot,
    )
