# SPDX-License-Identifier: MIT
"""`testbed setup`: fetch and build everything a board needs, and boot it once."""

from __future__ import annotations

import argparse

from testbed.artifacts import progress_for
from testbed.cli.arguments import options_of
from testbed.parts import parts_for
from testbed.runner.first_template import make_first_template


def main(parsed: argparse.Namespace) -> int:
    options = options_of(parsed)
    progress = progress_for()
    artifacts = parts_for(
        options,
        progress,
        refresh=parsed.refresh,
        pinned=parsed.manifest,
        snapshot=parsed.snapshot,
    )
    make_first_template(options, artifacts, progress)
    print(
        f"{options.board} is ready: QEMU {artifacts.qemu_version}, kernel {artifacts.host_kernel},"
        f" guests on the {artifacts.nested_qemu} QEMU and the {artifacts.nested_kernel} kernel"
    )
    return 0
