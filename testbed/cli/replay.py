# SPDX-License-Identifier: MIT
"""`testbed replay`: a bundled run once more, with the same parts, options and seed."""

from __future__ import annotations

import argparse
from collections.abc import Sequence
from functools import partial

from testbed.bundle.unpack import Bundle, read_index, unpack
from testbed.cli.given import replay_options_of
from testbed.cli.run import run_scenarios, width_of
from testbed.paths import scenario_name
from testbed.run import new_directory
from testbed.runner.discover import ScenarioFile
from testbed.runner.invocation import revision
from testbed.scenario.verdict import Verdict


def main(parsed: argparse.Namespace) -> int:
    read_index(parsed.bundle)  # no folder for what is no bundle
    width_of(parsed)
    bundle = unpack(parsed.bundle, new_directory(parsed.results, "bundle"))
    options = replay_options_of(parsed, bundle.options)
    scenario = ScenarioFile(scenario_name(bundle.scenario), bundle.scenario)
    return run_scenarios(
        parsed,
        [(scenario, options)],
        before=_differences(bundle),
        after=partial(_comparison, bundle.verdict),
    )


def _differences(bundle: Bundle) -> list[str]:
    """What is not as it was, and may matter."""
    here = revision()
    if bundle.revision == here:
        return []
    return [f"warning: the bundle is of testbed {bundle.revision}, this is {here}"]


def _comparison(before: Verdict, now: Sequence[Verdict]) -> str:
    same = sum(_ending(verdict) == _ending(before) for verdict in now)
    if same == len(now):
        return "the same verdict as in the bundle" + (f", {same} times" if same > 1 else "")
    stage = f" ({before.stage})" if before.stage else ""
    message = f": {before.message}" if before.message else ""
    counted = f"; {same} of {len(now)} runs had it" if len(now) > 1 else ""
    return f"the bundle's verdict was {before.verdict}{stage}{message}{counted}"


def _ending(verdict: Verdict) -> tuple[object, ...]:
    return verdict.verdict, verdict.stage, verdict.message
