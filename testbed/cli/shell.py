# SPDX-License-Identifier: MIT
"""`testbed shell`: a scenario's machines, set up and left to a person; or those of a kept run."""

from __future__ import annotations

import argparse
from dataclasses import replace
from functools import partial
from pathlib import Path

from testbed.artifacts import progress_for
from testbed.cli.given import options_of
from testbed.parts import parts_for
from testbed.runner.attach import attach
from testbed.runner.discover import UsageError, find
from testbed.runner.keeper import check_terminal, leave_to_person
from testbed.runner.launch import Launch
from testbed.runner.report import exit_status


def main(parsed: argparse.Namespace) -> int:
    kept = Path(parsed.scenario)
    is_run = (kept / "testbed.log").exists()
    scenarios = [] if is_run else find([parsed.scenario], parsed.board)
    if not is_run and len(scenarios) != 1:
        raise UsageError(f"{parsed.scenario} is not one scenario")
    check_terminal("testbed shell")
    if is_run:
        attach(kept)
        return 0
    options = replace(options_of(parsed), shell=True)
    parts_for(options, progress_for())
    launch = Launch(scenarios[0], options, _show, kept=partial(leave_to_person, attached=True))
    verdict = launch.wait_or_end()
    print(f"{verdict.verdict} {verdict.message}\nthe run is in {verdict.results}")
    return exit_status([verdict])


def _show(event: dict[str, object]) -> None:
    if event["event"] == "end":
        print(f"  {event['at']:7.1f} s  {event['stage']:<11} {event['what']}", flush=True)
