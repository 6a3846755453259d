# SPDX-License-Identifier: MIT
"""`testbed`: reads the command line and calls the subcommand."""

from __future__ import annotations

import argparse
import importlib
import signal
import sys
from collections.abc import Sequence
from types import FrameType
from typing import NoReturn

from testbed.cli import arguments
from testbed.errors import TestbedError
from testbed.runner.discover import UsageError

USAGE_STATUS = 3


class _Parser(argparse.ArgumentParser):
    def error(self, message: str) -> NoReturn:
        self.exit(USAGE_STATUS, f"testbed: {message}; see '{self.prog} --help'\n")


def main(argv: Sequence[str] | None = None) -> int:
    parser = _Parser(
        prog="testbed",
        description="Hardware emulation testbed for platform devices assigned with VFIO.",
    )
    arguments.add_subcommands(parser)
    parsed = parser.parse_args(argv)
    # SIGTERM unwinds as Ctrl-C does, so that what was started is ended.
    signal.signal(signal.SIGTERM, _interrupt)
    try:
        command = importlib.import_module(f"testbed.cli.{parsed.command}")
        status: int = command.main(parsed)
    except UsageError as error:
        print(f"testbed: {error}", file=sys.stderr)
        return USAGE_STATUS
    except TestbedError as error:
        print(f"testbed: ERROR ({error.stage}): {error.message}", file=sys.stderr)
        if error.evidence is not None:
            print(f"testbed: see {error.evidence}", file=sys.stderr)
        return 2
    except KeyboardInterrupt:
        print("testbed: interrupted", file=sys.stderr)
        return 2
    except BrokenPipeError:
        return 2
    return status


def _interrupt(_signal: int, _frame: FrameType | None) -> None:
    raise KeyboardInterrupt


if __name__ == "__main__":
    sys.exit(main())
