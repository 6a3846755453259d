# SPDX-License-Identifier: MIT
"""`testbed bundle`: one file that replays a run elsewhere."""

from __future__ import annotations

import argparse
from pathlib import Path

from testbed.bundle.pack import pack


def main(parsed: argparse.Namespace) -> int:
    run: Path = parsed.run
    out: Path = parsed.output or Path(f"{run.resolve().name}.tar.gz")
    size = pack(run.resolve(), out)
    print(f"{out}: {size / 1e6:.1f} MB; on another machine: testbed replay {out.name}")
    return 0
