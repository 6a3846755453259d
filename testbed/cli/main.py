# SPDX-License-Identifier: MIT
"""`testbed`: a command that a person can interrupt at any time, while Python still loads it too."""

from __future__ import annotations

import importlib
import signal
import sys
import traceback
from collections.abc import Sequence
from types import FrameType

from testbed.runner.bisection import judge_or_end


def main(argv: Sequence[str] | None = None) -> int:
    """Run the command line, of this process when none is given, and return its exit status."""
    words = sys.argv[1:] if argv is None else argv
    # SIGTERM unwinds as Ctrl-C does, so that what was started is ended.
    signal.signal(signal.SIGTERM, _interrupt)
    if words[:1] == ["bisect"]:
        return judge_or_end(lambda: _run(words))
    return _run(words)


def _run(words: Sequence[str]) -> int:
    try:
        status: int = importlib.import_module("testbed.cli.command_line").run(words)
    except KeyboardInterrupt:
        print("testbed: interrupted", file=sys.stderr)
        return 2
    except Exception:  # Python's own status for it is 1, which says that a scenario failed
        traceback.print_exc()
        return 2
    return status


def _interrupt(_signal: int, _frame: FrameType | None) -> None:
    raise KeyboardInterrupt


if __name__ == "__main__":
    sys.exit(main())
