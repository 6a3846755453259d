# SPDX-License-Identifier: MIT
"""What verdicts say of the commit that scenarios ran on."""

from __future__ import annotations

from collections.abc import Collection, Sequence

from testbed.runner.bisection import BAD, GOOD, SKIP
from testbed.scenario.verdict import Outcome, Verdict


def judge(verdicts: Sequence[Verdict], bad: Collection[str] = ()) -> int:
    """An exit status for git. `bad` has the stages whose ERROR is looked for, as a FAIL is."""
    if any(_is_bad(verdict, bad) for verdict in verdicts):
        return BAD
    return SKIP if any(verdict.verdict is Outcome.ERROR for verdict in verdicts) else GOOD


def _is_bad(verdict: Verdict, bad: Collection[str]) -> bool:
    if verdict.verdict is Outcome.ERROR:
        return verdict.stage in bad
    return verdict.verdict is Outcome.FAIL
