# SPDX-License-Identifier: MIT
"""`testbed setup`: fetch and build everything a board needs, and boot it once."""

from __future__ import annotations

import argparse

from testbed.artifacts import progress_for
from testbed.cli.given import options_of
from testbed.parts import parts_for
from testbed.runner.first_template import make_first_template
from testbed.runner.kernels import on_each


def main(parsed: argparse.Namespace) -> int:
    progress = progress_for()
    for options in on_each(options_of(parsed), parsed.kernels):
        artifacts = parts_for(
            options,
            progress,
            refresh=parsed.refresh,
            pinned=parsed.manifest,
            snapshot=parsed.snapshot,
        )
        make_first_template(options, artifacts, progress)
        guests = options.guest_kernel_series or artifacts.nested_kernel
        print(
            f"{options.board} is ready: QEMU {artifacts.qemu_version}, kernel"
            f" {artifacts.host_kernel}, guests on the {artifacts.nested_qemu} QEMU and the"
            f" {guests} kernel"
        )
    return 0
