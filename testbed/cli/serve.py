# SPDX-License-Identifier: MIT
"""`testbed serve`: a board's device models, for a QEMU that somebody starts by hand."""

from __future__ import annotations

import argparse
import signal

from testbed.boards import board
from testbed.machine.models import Models
from testbed.watch import Watch


def main(parsed: argparse.Namespace) -> int:
    devices = board(parsed.board).devices
    watch = Watch()
    watch.subscribe(lambda failure: print(f"testbed: {failure}", flush=True))
    models = Models(devices, {}, parsed.directory.resolve(), watch)
    models.start()
    try:
        for device in devices:
            print(f"serving {device.path}", flush=True)
        signal.pause()
    finally:
        models.stop()
    return 0
