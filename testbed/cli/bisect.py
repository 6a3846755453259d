# SPDX-License-Identifier: MIT
"""`testbed bisect`: scenarios as a step of `git bisect run`."""

from __future__ import annotations

import argparse
import sys
from collections.abc import Sequence
from dataclasses import replace

from testbed.artifacts import progress_for
from testbed.cli.given import options_of
from testbed.cli.run import run_scenarios
from testbed.errors import Stage
from testbed.options import Options
from testbed.parts import parts_for
from testbed.runner.commit import judge
from testbed.runner.discover import UsageError, find
from testbed.scenario.verdict import Verdict


def main(parsed: argparse.Namespace) -> int:
    options = options_of(parsed)
    if not any((options.kernel, options.guest_kernel, options.qemu, options.guest_qemu)):
        raise UsageError(
            "testbed bisect: what is built from the commit? Give --kernel or --guest-kernel with"
            " its tree, or --qemu or --guest-qemu"
        )
    # The first that fails decides, and the next commit has no use for the template of this one.
    parsed.until_fail, parsed.repeat = True, parsed.repeat or 1
    options = replace(options, cold=options.cold or parsed.repeat == 1)

    def judged(verdicts: Sequence[Verdict]) -> int:
        if any(verdict.stage == Stage.ARTIFACTS for verdict in verdicts):
            _check_other_parts(options)
        return judge(verdicts, parsed.bad)

    scenarios = find(parsed.scenarios, options.board)
    return run_scenarios(parsed, [(scenario, options) for scenario in scenarios], status=judged)


def _check_other_parts(options: Options) -> None:
    """TestbedError if there are none for any kernel: then it is not the commit that lacks them."""
    parts_for(replace(options, kernel=None, guest_kernel=None), progress_for(sys.stderr))
