# SPDX-License-Identifier: MIT
"""On a machine: run one scenario, `python -m testbed.fleet.task NAME NUMBER ARGUMENT...`.

The arguments are those of `testbed run`. What it leaves is in folder NUMBER of folder NAME, and its
begin and end are told to `far_end`.
"""

from __future__ import annotations

import json
import sys
from dataclasses import replace

from testbed.cli.main import main as testbed
from testbed.fleet.journal import tell
from testbed.run import RESULTS
from testbed.scenario.verdict import Verdict

BEGIN, END = "begin", "end"
_MESSAGE = 1500
"""Bytes of a message, as JSON, that are told at once; the whole of it is in the run's folder."""


def main() -> int:
    name, number, *arguments = sys.argv[1:]
    folder = RESULTS / name
    own = folder / number
    tell(folder, event=BEGIN, task=int(number))
    status = testbed(["run", *arguments, "--results", str(own)])
    verdicts = [found for path in own.iterdir() if (found := Verdict.read(path)) is not None]
    if len(verdicts) == 1:
        short = replace(verdicts[0], message=shortened(verdicts[0].message), excerpt=())
        tell(folder, event=END, task=int(number), verdict=short.to_dict())
    return status


def shortened(message: str) -> str:
    """As much of it as may be told: JSON takes up to twelve bytes for a character."""
    message = message[:_MESSAGE]
    while len(json.dumps(message)) > _MESSAGE:
        message = message[: len(message) * 3 // 4]
    return message


if __name__ == "__main__":
    sys.exit(main())
