# SPDX-License-Identifier: MIT
"""Reads the command line and calls the subcommand."""

from __future__ import annotations

import argparse
import contextlib
import importlib
import os
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import NoReturn

from testbed.cli import arguments
from testbed.errors import TestbedError
from testbed.runner.discover import UsageError

USAGE_STATUS = 3


class _Parser(argparse.ArgumentParser):
    def error(self, message: str) -> NoReturn:
        self.exit(USAGE_STATUS, f"testbed: {message}; see '{self.prog} --help'\n")


def run(argv: Sequence[str] | None = None) -> int:
    """Returns the exit status. Raises KeyboardInterrupt, SystemExit for usage errors."""
    parser = _Parser(
        prog="testbed",
        description="Hardware emulation testbed for platform devices assigned with VFIO.",
    )
    arguments.add_subcommands(parser)
    parsed = parser.parse_args(argv)
    try:
        command = importlib.import_module(f"testbed.cli.{parsed.command.replace('-', '_')}")
        status: int = command.main(parsed)
        sys.stdout.flush()
    except UsageError as error:
        print(f"testbed: {error}", file=sys.stderr)
        return USAGE_STATUS
    except TestbedError as error:
        print(f"testbed: ERROR ({error.stage}): {error.message}", file=sys.stderr)
        if error.evidence is not None:
            print(f"testbed: see {error.evidence}", file=sys.stderr)
        return 2
    except (BrokenPipeError, SystemExit):  # rich makes the one of the other, with a status of 1
        _print_nowhere()
        return 2
    return status


def _print_nowhere() -> None:
    """Nobody reads the output any more: Python would complain when it ends."""
    with contextlib.suppress(OSError), Path(os.devnull).open("wb") as nowhere:
        os.dup2(nowhere.fileno(), sys.stdout.fileno())
