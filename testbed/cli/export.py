# SPDX-License-Identifier: MIT
"""`testbed export`: a run for other people's viewers."""

from __future__ import annotations

import argparse
import sys

from testbed.errors import Stage, TestbedError
from testbed.report.folder import run_folder
from testbed.report.perfetto import write_perfetto
from testbed.report.recording import read_run
from testbed.report.waves import write_vcd
from testbed.runner.discover import UsageError


def main(parsed: argparse.Namespace) -> int:
    if parsed.perfetto is None and parsed.vcd is None:
        raise UsageError("export into what? give --perfetto FILE, --vcd FILE, or both")
    recording = read_run(run_folder(parsed.run), whole=True)
    for problem in recording.problems:
        print(f"testbed: {problem}", file=sys.stderr)
    try:
        if parsed.perfetto is not None:
            write_perfetto(parsed.perfetto, recording)
        if parsed.vcd is not None:
            write_vcd(parsed.vcd, recording.activities)
    except OSError as error:
        raise TestbedError(
            Stage.INFRASTRUCTURE,
            f"cannot write the export: {error.strerror}; choose another place for it",
        ) from None
    return 2 if recording.problems else 0
