# SPDX-License-Identifier: MIT
"""`testbed setup`: fetch and build everything a board needs."""

from __future__ import annotations

import argparse

from testbed.artifacts import prepare, progress_for
from testbed.cli.arguments import options_of


def main(parsed: argparse.Namespace) -> int:
    options = options_of(parsed)
    artifacts = prepare(
        options.board,
        progress=progress_for(),
        qemu=options.qemu,
        qemu_source=options.qemu_source,
        kernel=options.kernel,
        guest_kernel=options.guest_kernel,
        refresh=parsed.refresh,
        pinned=parsed.manifest,
        snapshot=parsed.snapshot,
    )
    print(
        f"{options.board} is ready: QEMU {artifacts.qemu_version}, kernel {artifacts.host_kernel}"
    )
    return 0
