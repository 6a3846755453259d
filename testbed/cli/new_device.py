# SPDX-License-Identifier: MIT
"""`testbed new-device`: the files of a device that works, to be changed into another."""

from __future__ import annotations

import argparse

from testbed.newdevice.write import write_device
from testbed.paths import PROJECT


def main(parsed: argparse.Namespace) -> int:
    written = write_device(parsed.name, PROJECT)
    for path, lines in written.items():
        print(f"  {lines:3}  {path}")
    print(f"{sum(written.values())} lines; next: testbed run {parsed.name}-works")
    return 0
