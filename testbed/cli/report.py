# SPDX-License-Identifier: MIT
"""`testbed report`: the page of a run that is over, made again."""

from __future__ import annotations

import argparse

from testbed.errors import Stage, TestbedError
from testbed.report.folder import run_folder
from testbed.report.page import write_report


def main(parsed: argparse.Namespace) -> int:
    run = run_folder(parsed.run)
    try:
        path = write_report(run, parsed.output)
    except OSError as error:
        raise TestbedError(
            Stage.INFRASTRUCTURE,
            f"cannot write the report {error.filename}: {error.strerror}; choose another file"
            " with --output",
        ) from None
    print(path)
    return 0
