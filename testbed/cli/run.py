# SPDX-License-Identifier: MIT
"""`testbed run`: scenarios one after another, live stages, verdicts."""

from __future__ import annotations

import argparse
import sys
from collections.abc import Iterator, Sequence
from pathlib import Path

from rich.console import Console

from testbed.artifacts import progress_for
from testbed.cli.arguments import options_of
from testbed.errors import TestbedError
from testbed.options import Options
from testbed.parts import parts_for
from testbed.run import new_directory
from testbed.runner.discover import ScenarioFile, find
from testbed.runner.launch import Launch
from testbed.runner.report import LiveReport, exit_status, write_json, write_junit
from testbed.scenario.verdict import Outcome, Verdict


def main(parsed: argparse.Namespace) -> int:
    options = options_of(parsed)
    scenarios = find(parsed.scenarios, options.board)
    report = LiveReport(Console(highlight=False))
    verdicts: list[Verdict] = []
    try:
        verdicts.extend(_run(scenarios, options, report))
    finally:
        if parsed.json is not None:
            write_json(parsed.json, verdicts)
        if parsed.junit is not None:
            write_junit(parsed.junit, verdicts)
    if len(verdicts) > 1:
        report.summary(verdicts)
    return exit_status(verdicts)


def _run(
    scenarios: Sequence[ScenarioFile], options: Options, report: LiveReport
) -> Iterator[Verdict]:
    chosen = [
        options.with_built_qemu()
        if scenario.wants_built_qemu() or options.guest_tree == "qemu"
        else options
        for scenario in scenarios
    ]
    # What a nested QEMU has to be built for comes first: once it is there, others use it too.
    in_order = sorted(dict.fromkeys(chosen), key=lambda wanted: wanted.nested_qemu != "built")
    parts = {wanted: _prepare(wanted) for wanted in in_order}
    for scenario, options in zip(scenarios, chosen, strict=True):
        broken = parts[options]
        report.begin(scenario.name, options.board)
        if broken is None:
            launch = Launch(scenario, options, report.event)
            try:
                verdict = launch.wait()
            except KeyboardInterrupt:
                launch.end()
                verdict = launch.wait()
                report.verdict(verdict)
                yield verdict
                raise
        else:
            verdict = _not_run(scenario, options, broken)
        report.verdict(verdict)
        yield verdict


def _prepare(options: Options) -> TestbedError | None:
    """Fetch and build what is missing, in sight, before any scenario starts."""
    try:
        parts_for(options, progress_for(sys.stderr))
    except TestbedError as error:
        return error
    return None


def _not_run(scenario: ScenarioFile, options: Options, error: TestbedError) -> Verdict:
    """The verdict of a scenario whose parts are missing or broken: an ERROR, never a skip."""
    directory = new_directory(options.results or Path.cwd() / "testbed-results", scenario.name)
    verdict = Verdict(
        name=scenario.name,
        board=options.board,
        verdict=Outcome.ERROR,
        stage=error.stage,
        message=error.message,
        results=str(directory),
        evidence=str(error.evidence or directory),
        excerpt=error.excerpt,
    )
    verdict.write()
    return verdict
