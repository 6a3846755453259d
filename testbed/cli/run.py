# SPDX-License-Identifier: MIT
"""`testbed run`: scenarios, live stages, verdicts; and how any command runs scenarios."""

from __future__ import annotations

import argparse
import sys
from collections.abc import Callable, Iterable, Sequence
from dataclasses import replace
from functools import partial

from rich.console import Console

from testbed.artifacts import progress_for
from testbed.cli.given import options_of
from testbed.errors import TestbedError
from testbed.options import Options
from testbed.parts import parts_for
from testbed.report.page import leave_report
from testbed.run import new_directory
from testbed.runner.discover import ScenarioFile, UsageError, find
from testbed.runner.files import write_files
from testbed.runner.jobs import Job, jobs
from testbed.runner.keeper import check_terminal, leave_to_person
from testbed.runner.kernels import on_each, tables
from testbed.runner.launch import Launch, error_verdict, leave_verdict
from testbed.runner.live import LineReport, report_for
from testbed.runner.pool import Pool
from testbed.runner.report import exit_status
from testbed.runner.summary import summary
from testbed.runner.width import SHARED_SCALE, default_width
from testbed.scenario.verdict import Verdict


def main(parsed: argparse.Namespace) -> int:
    options = options_of(parsed)
    scenarios = find(parsed.scenarios, options.board)
    wanted = [(one, each) for one in scenarios for each in on_each(options, parsed.kernels)]
    return run_scenarios(parsed, wanted, kernels=parsed.kernels)


def run_scenarios(
    parsed: argparse.Namespace,
    wanted: Sequence[tuple[ScenarioFile, Options]],
    *,
    kernels: Sequence[str] = (),
    before: Iterable[str] = (),
    after: Callable[[Sequence[Verdict]], str] | None = None,
    status: Callable[[Sequence[Verdict]], int] = exit_status,
) -> int:
    """Run each scenario with its options as the command line says, and return the exit status.

    `before` is said first, and at the end what `after` makes of the verdicts, after a table of them
    if `kernels` are those that scenarios are run on. `status` makes the exit status of them.
    """
    chosen = [
        (scenario, options.with_trees_by(scenario.guest_tree())) for scenario, options in wanted
    ]
    rounds = parsed.repeat or (None if parsed.until_fail else 1)
    width = width_of(parsed)
    several = width > 1 and (rounds != 1 or len(chosen) > 1)
    if several:
        chosen = [
            (scenario, replace(options, timeout_scale=SHARED_SCALE * options.timeout_scale))
            for scenario, options in chosen
        ]
    kept = parsed.keep or parsed.shell
    report = report_for(Console(highlight=False), several=several, moving=not kept)
    for line in before:
        report.say(line)
    starter = _Starter(report, parsed.verbose, attached=parsed.shell)
    pool = Pool(starter.start, report.verdict, width=width, until_fail=parsed.until_fail)
    try:
        starter.prepare([options for _, options in chosen])
        pool.run(jobs(chosen, rounds))
    finally:
        report.close()
        written = write_files(parsed, pool.verdicts)
        for table in tables(pool.verdicts, kernels) if kernels else ():
            report.show(table)
        for line in summary(pool.verdicts, repeated=rounds != 1):
            report.say(line)
        if after is not None and pool.verdicts:
            report.say(after(pool.verdicts))
    return status(pool.verdicts) if written else 2


def width_of(parsed: argparse.Namespace) -> int:
    """How many run at a time: one, if a person may be left its machines.

    UsageError or TestbedError when that person asked for more, or has no terminal.
    """
    option = next((f"--{name}" for name in ("keep", "shell", "gdb") if getattr(parsed, name)), None)
    if option is None:
        return parsed.jobs or default_width()
    if parsed.jobs not in (None, 1):
        raise UsageError(f"{option} is for one scenario at a time, not for -j {parsed.jobs}")
    if option != "--gdb":
        check_terminal(f"testbed {parsed.command} {option}")
    return 1


class _Starter:
    """Starts scenarios, if their parts are there."""

    def __init__(self, report: LineReport, verbose: int, *, attached: bool) -> None:
        self._report = report
        self._verbose = verbose
        self._attached = attached
        self._broken: dict[Options, TestbedError | None] = {}

    def prepare(self, wanted: Sequence[Options]) -> None:
        """Make the parts of all ready before the first one starts."""
        # What a nested QEMU has to be built for comes first: once it is there, others use it too.
        in_order = sorted(dict.fromkeys(wanted), key=lambda one: one.nested_qemu != "built")
        self._broken = {options: _prepare(options) for options in in_order}

    def start(self, job: Job) -> Launch | Verdict:
        self._report.begin(job)
        broken = self._broken[job.options]
        if broken is not None:
            return _not_run(job, broken)
        return Launch(
            job.scenario,
            job.options,
            lambda event: self._report.event(job, event),
            kept=partial(leave_to_person, attached=self._attached),
            verbose=self._verbose,
        )


def _prepare(options: Options) -> TestbedError | None:
    """Fetch and build what is missing, in sight, before any scenario starts."""
    try:
        parts_for(options, progress_for(sys.stderr))
    except TestbedError as error:
        return error
    return None


def _not_run(job: Job, error: TestbedError) -> Verdict:
    """The verdict of a scenario whose parts are missing or broken: an ERROR, never a skip."""
    name = job.scenario.name
    directory = new_directory(job.options.results, name)
    verdict = error_verdict(name, job.options, directory, error)
    leave_verdict(verdict)
    leave_report(directory)
    return verdict
