# SPDX-License-Identifier: MIT
"""`testbed shell`: a scenario's machines, set up and left to a person."""

from __future__ import annotations

import argparse
import sys
from dataclasses import replace

from testbed.artifacts import progress_for
from testbed.cli.arguments import options_of
from testbed.errors import Stage, TestbedError
from testbed.parts import parts_for
from testbed.runner.discover import UsageError, find
from testbed.runner.launch import Launch
from testbed.runner.report import exit_status


def main(parsed: argparse.Namespace) -> int:
    scenarios = find([parsed.scenario], parsed.board)
    if len(scenarios) != 1:
        raise UsageError(f"{parsed.scenario} is not one scenario")
    if not sys.stdin.isatty():
        raise TestbedError(
            Stage.INFRASTRUCTURE, "testbed shell needs a terminal on its standard input"
        )
    options = replace(options_of(parsed), shell=True)
    parts_for(options, progress_for())
    launch = Launch(scenarios[0], options, _show)
    verdict = launch.wait()
    print(f"{verdict.verdict} {verdict.message}\nthe run is in {verdict.results}")
    return exit_status([verdict])


def _show(event: dict[str, object]) -> None:
    if event["event"] == "end":
        # The terminal may be in raw mode already.
        print(
            f"  {event['at']:7.1f} s  {event['stage']:<11} {event['what']}", end="\r\n", flush=True
        )
