# SPDX-License-Identifier: MIT
"""`testbed replay`: a bundled run once more, with the same parts, options and seed."""

from __future__ import annotations

import argparse
from dataclasses import replace
from pathlib import Path

from rich.console import Console

from testbed.artifacts import progress_for
from testbed.bundle.unpack import Bundle, read_index, unpack
from testbed.parts import parts_for
from testbed.paths import scenario_name
from testbed.run import new_directory
from testbed.runner.discover import ScenarioFile
from testbed.runner.invocation import revision
from testbed.runner.jobs import Job
from testbed.runner.launch import Launch
from testbed.runner.live import LineReport, report_for
from testbed.runner.pool import Pool
from testbed.runner.report import exit_status
from testbed.scenario.verdict import Verdict


def main(parsed: argparse.Namespace) -> int:
    results = (parsed.results or Path.cwd() / "testbed-results").resolve()
    read_index(parsed.bundle)  # no folder for what is no bundle
    bundle = unpack(parsed.bundle, new_directory(results, "bundle"))
    options = replace(bundle.options, results=results)
    report = report_for(Console(highlight=False), several=False)
    for line in _differences(bundle):
        report.say(line)
    parts_for(options, progress_for())
    name = scenario_name(bundle.scenario)
    job = Job(0, name, ScenarioFile(name, bundle.scenario), options)
    report.begin(job)
    try:
        pool = Pool(lambda job: _launch(job, report, parsed.verbose), report.verdict)
        pool.run(iter([job]))
    finally:
        report.close()
    report.say(_comparison(bundle.verdict, pool.verdicts[0]))
    return exit_status(pool.verdicts)


def _launch(job: Job, report: LineReport, verbose: int) -> Launch:
    return Launch(
        job.scenario, job.options, lambda event: report.event(job, event), verbose=verbose
    )


def _differences(bundle: Bundle) -> list[str]:
    """What is not as it was, and may matter."""
    here = revision()
    if bundle.revision == here:
        return []
    return [f"warning: the bundle is of testbed {bundle.revision}, this is {here}"]


def _comparison(before: Verdict, now: Verdict) -> str:
    same = (before.verdict, before.stage, before.message) == (now.verdict, now.stage, now.message)
    if same:
        return "the same verdict as in the bundle"
    stage = f" ({before.stage})" if before.stage else ""
    message = f": {before.message}" if before.message else ""
    return f"the bundle's verdict was {before.verdict}{stage}{message}"
