# SPDX-License-Identifier: MIT
from __future__ import annotations

from testbed.runner.summary import summary
from testbed.scenario.verdict import Outcome, Verdict


def verdict(name: str, outcome: Outcome, seed: int = 0) -> Verdict:
    return Verdict(name=name, board="x", verdict=outcome, seed=seed, results=f"/r/{name}-{seed}")


PASS, FAIL, ERROR = Outcome.PASS, Outcome.FAIL, Outcome.ERROR


def test_one_verdict_speaks_for_itself() -> None:
    assert list(summary([verdict("a", PASS)], repeated=False)) == []
    assert list(summary([], repeated=True)) == []


def test_several_are_counted() -> None:
    verdicts = [verdict("a", PASS), verdict("b", PASS), verdict("c", ERROR)]
    assert list(summary(verdicts, repeated=False)) == ["2 PASS, 0 FAIL, 1 ERROR"]


def test_the_first_failing_seed_of_each_is_named() -> None:
    verdicts = [
        verdict("a", PASS, 1),
        verdict("b", PASS, 2),
        verdict("a", FAIL, 3),
        verdict("b", PASS, 4),
        verdict("a", ERROR, 5),
    ]
    assert list(summary(verdicts, repeated=True)) == [
        "a, 3 times: 1 PASS, 1 FAIL, 1 ERROR; the first not to pass with --seed 3 is /r/a-3",
        "b, 2 times: 2 PASS, 0 FAIL, 0 ERROR",
        "3 PASS, 1 FAIL, 1 ERROR",
    ]


def test_a_failure_before_there_was_a_seed_has_none() -> None:
    assert list(summary([verdict("a", ERROR)], repeated=True)) == [
        "a, 1 times: 0 PASS, 0 FAIL, 1 ERROR; the first not to pass is /r/a-0"
    ]
