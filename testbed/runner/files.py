# SPDX-License-Identifier: MIT
"""The files that a person asked for besides the runs' folders: verdicts for other programs."""

from __future__ import annotations

import argparse
import sys
from collections.abc import Callable, Sequence
from pathlib import Path

from testbed.report.overview import write_overview
from testbed.runner.report import write_json, write_junit
from testbed.runner.tap import write_tap
from testbed.scenario.verdict import Verdict

_WRITERS: dict[str, Callable[[Path, Sequence[Verdict]], None]] = {
    "json": write_json,
    "junit": write_junit,
    "tap": write_tap,
    "html": write_overview,
}
"""By the options of `testbed run`."""


def write_files(parsed: argparse.Namespace, verdicts: Sequence[Verdict]) -> bool:
    """Write each file that the command line names; False, and a line each, when one cannot be.

    One that fails keeps none of the others from being written.
    """
    whole = True
    for option, write in _WRITERS.items():
        path: Path | None = getattr(parsed, option)
        if path is None:
            continue
        try:
            write(path, verdicts)
        except OSError as error:
            whole = False
            print(
                f"testbed: cannot write --{option} {path}: {error.strerror};"
                " each run's verdict is in its folder",
                file=sys.stderr,
            )
    return whole
