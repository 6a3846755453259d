# SPDX-License-Identifier: MIT
"""`testbed serve`: a board's device models, for a QEMU that somebody starts by hand."""

from __future__ import annotations

import argparse
import os
import signal
import subprocess

from testbed.boards import board
from testbed.machine.models import Models
from testbed.process import die_with_parent
from testbed.runner.discover import UsageError
from testbed.watch import Watch


def main(parsed: argparse.Namespace) -> int:
    chosen = board(parsed.board)
    watch = Watch()
    watch.subscribe(lambda failure: print(f"testbed: {failure}", flush=True))
    models = Models(chosen, chosen.devices, parsed.directory.resolve(), watch, traced=False)
    models.start()
    try:
        if parsed.qemu_command:
            # The sockets are there: QEMU can connect.
            parent = os.getpid()
            try:
                return subprocess.run(
                    parsed.qemu_command, check=False, preexec_fn=lambda: die_with_parent(parent)
                ).returncode
            except OSError as error:
                command = parsed.qemu_command[0]
                raise UsageError(f"cannot run {command}: {error.strerror}") from None
        for device in chosen.devices:
            print(f"serving {device.path}", flush=True)
        signal.pause()
    finally:
        models.stop()
    return 0
