# SPDX-License-Identifier: MIT
"""`testbed doctor`: what is missing on this machine, each with the command that mends it."""

from __future__ import annotations

import argparse

from testbed import doctor


def main(parsed: argparse.Namespace) -> int:
    return doctor.main([] if parsed.board is None else [parsed.board])
