# SPDX-License-Identifier: MIT
"""What a person brings takes the place of the board's own part."""

from __future__ import annotations

import subprocess
from pathlib import Path

from testbed.artifacts import prepare
from testbed.artifacts.progress import progress_for
from tests.system.conftest import Testbed


def test_kernels_and_guest_qemu_of_ones_own(testbed: Testbed, tmp_path: Path) -> None:
    """On e500, whose host has least to bring them in with."""
    parts = prepare("e500", progress=progress_for())
    payload, program = tmp_path / "payload", "bin/qemu-system-ppc"
    subprocess.run(
        ["unsquashfs", "-no-progress", "-dest", payload, parts.payload, program],
        check=True,
        capture_output=True,
    )
    brought = {
        "--kernel": parts.host_kernel,
        "--guest-kernel": parts.guest_kernel,
        "--guest-qemu": payload / program,
    }
    options = [word for option in brought.items() for word in option]
    done = testbed.run("uart", "--board", "e500", *options)
    assert done.status == 0, done.output
    script = (Path(done.verdicts[0]["results"]) / "guest0/run.sh").read_text()
    assert "/run/testbed/guest-qemu" in script
