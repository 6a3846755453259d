# SPDX-License-Identifier: MIT
"""Running the battery for a checklist, and putting what it found into it."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

from testbed.checklist.battery import BATTERY, CHECKS_FILE, GIVEN_BACK, write_scenario
from testbed.checklist.result import Check, Checklist, Entry, Outcome, load_checks
from testbed.devicetree.tree import Tree
from testbed.options import Options
from testbed.run import new_directory
from testbed.runner.discover import ScenarioFile
from testbed.runner.jobs import jobs
from testbed.runner.launch import Launch
from testbed.runner.live import LineReport
from testbed.scenario.verdict import Outcome as Ended
from testbed.scenario.verdict import Verdict

_END = "end of the run"


def run_battery(
    checklist: Checklist, tree: Tree, name: str, options: Options, report: LineReport
) -> Checklist:
    """The checklist with what a run of the battery found, which has a folder of its own."""
    folder = new_directory(options.results, f"checklist-{name}")
    scenario = ScenarioFile(name, write_scenario(tree, name, folder))
    (job,) = jobs([(scenario, replace(options, results=folder))], 1)
    report.begin(job)
    launch = Launch(scenario, job.options, lambda event: report.event(job, event))
    try:
        verdict = launch.wait()
    except KeyboardInterrupt:
        launch.end()
        report.verdict(job, launch.wait())
        raise
    finally:
        report.close()
    report.verdict(job, verdict)
    return with_checks(checklist, load_checks(Path(verdict.results) / CHECKS_FILE), verdict)


def with_checks(checklist: Checklist, found: dict[str, list[Check]], verdict: Verdict) -> Checklist:
    """The checklist with the checks that were made, by place, and an ERROR for what was not.

    A run that did not pass, though all its checks did, is an ERROR of every device in it.
    """
    entries = [_with(entry, found.get(entry.place, []), verdict) for entry in checklist.entries]
    tested = replace(
        checklist,
        entries=tuple(entries),
        run=verdict.results,
        columns=(*checklist.columns, *BATTERY),
    )
    if verdict.verdict is Ended.PASS or tested.exit_status() != 0:
        return tested
    text = f"the run's verdict is {verdict.verdict}: {verdict.message}"
    end = Check(_END, Outcome.ERROR, text, verdict.evidence)
    marked = [replace(e, checks=(*e.checks, end)) if e.place else e for e in entries]
    return replace(tested, entries=tuple(marked))


def _with(entry: Entry, made: list[Check], verdict: Verdict) -> Entry:
    if not entry.place:
        return entry
    whole = bool(made) and (made[-1].name == GIVEN_BACK or made[-1].outcome is not Outcome.PASS)
    if not whole:
        text = f"the run ended before: {verdict.message or verdict.verdict}"
        name = BATTERY[len(made)]
        made = [*made, Check(name, Outcome.ERROR, text, verdict.evidence)]
    return replace(entry, checks=(*entry.checks, *made))
