# SPDX-License-Identifier: MIT
from __future__ import annotations

import sys
from typing import NoReturn

import pytest

from testbed.runner.bisection import BAD, END, GOOD, SKIP, judge_or_end
from testbed.runner.commit import judge
from testbed.scenario.verdict import Outcome, Verdict


def verdict(outcome: Outcome, stage: str = "test") -> Verdict:
    return Verdict(name="a", board="x", verdict=outcome, stage=stage)


PASS, FAIL = verdict(Outcome.PASS, ""), verdict(Outcome.FAIL)
UNBOUND = verdict(Outcome.ERROR, "bind")


@pytest.mark.parametrize(
    ("verdicts", "bad", "status"),
    [
        ([PASS, PASS], [], GOOD),
        ([PASS, FAIL], [], BAD),
        ([PASS, UNBOUND], [], SKIP),
        ([UNBOUND, FAIL], [], BAD),
        ([UNBOUND], ["guest boot"], SKIP),
        ([UNBOUND], ["guest boot", "bind"], BAD),
        # The stage of a FAIL is where the scenario was, not what it is.
        ([FAIL], ["bind"], BAD),
    ],
)
def test_a_failure_is_bad_and_an_error_only_if_looked_for(
    verdicts: list[Verdict], bad: list[str], status: int
) -> None:
    assert judge(verdicts, bad) == status


@pytest.mark.parametrize("status", [GOOD, BAD, SKIP])
def test_a_judgement_is_handed_on(status: int) -> None:
    assert judge_or_end(lambda: status) == status


@pytest.mark.parametrize("status", [2, 3])
def test_what_git_would_take_for_a_bad_commit_ends_the_bisection(status: int) -> None:
    assert judge_or_end(lambda: status) == END | status
    assert judge_or_end(lambda: sys.exit(status)) == END | status


def test_a_mistake_of_the_testbed_ends_the_bisection(capsys: pytest.CaptureFixture[str]) -> None:
    """Python's own status for it is 1."""

    def broken() -> NoReturn:
        raise RuntimeError("mistaken")

    assert judge_or_end(broken) == END
    assert "RuntimeError: mistaken" in capsys.readouterr().err
