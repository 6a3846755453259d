# SPDX-License-Identifier: MIT
"""Several scenarios at a time: stand-ins that end when the test says so."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from pathlib import Path

import pytest

from testbed.options import Options
from testbed.runner.discover import ScenarioFile
from testbed.runner.jobs import Job, jobs
from testbed.runner.pool import Pool
from testbed.scenario.verdict import Outcome, Verdict

SECONDS = 10


class Run:
    """A running scenario."""

    def __init__(self, name: str) -> None:
        self.name = name
        self._end = threading.Event()
        self._outcome: Outcome | Exception = Outcome.PASS

    def wait(self) -> Verdict:
        assert self._end.wait(SECONDS), f"nobody ends {self.name}"
        if isinstance(self._outcome, Exception):
            raise self._outcome
        return Verdict(name=self.name, board="x", verdict=self._outcome)

    def end(self) -> None:
        self.end_in(Outcome.ERROR)

    def end_in(self, outcome: Outcome | Exception) -> None:
        self._outcome = outcome
        self._end.set()


class Rig:
    """A pool whose runs `script` ends: what it says for a name, as soon as that has begun."""

    def __init__(self, *, width: int, until_fail: bool = False) -> None:
        self.pool = Pool(self._start, self._done, width=width, until_fail=until_fail)
        self.runs: dict[str, Run] = {}
        self.began: list[str] = []
        self.ended: list[str] = []
        self.most = 0
        self.script: dict[str, list[tuple[str, Outcome | Exception]]] = {}

    def _start(self, job: Job) -> Run | Verdict:
        self.began.append(job.label)
        self.runs[job.label] = run = Run(job.label)
        self.most = max(self.most, len(self.began) - len(self.ended))
        for name, outcome in self.script.get(job.label, []):
            self.runs[name].end_in(outcome)
        return run

    def _done(self, _job: Job, verdict: Verdict) -> None:
        self.ended.append(verdict.name)

    def run(self, *names: str) -> None:
        self.pool.run(named(*names))

    @property
    def verdicts(self) -> list[tuple[str, str]]:
        return [(verdict.name, verdict.verdict) for verdict in self.pool.verdicts]


def named(*names: str) -> Iterator[Job]:
    return jobs([(ScenarioFile(name, Path(name)), Options()) for name in names], 1)


def test_one_at_a_time_in_order() -> None:
    rig = Rig(width=1)
    rig.script = {name: [(name, Outcome.PASS)] for name in "abc"}
    rig.run("a", "b", "c")
    assert (rig.ended, rig.most) == (["a", "b", "c"], 1)


def test_as_many_at_a_time_as_asked_and_verdicts_in_the_order_asked() -> None:
    rig = Rig(width=2)
    rig.script = {
        "b": [("b", Outcome.PASS)],
        "c": [("c", Outcome.FAIL)],
        "d": [("d", Outcome.PASS), ("a", Outcome.PASS)],
    }
    rig.run("a", "b", "c", "d")
    assert rig.began == ["a", "b", "c", "d"]
    assert rig.ended[:2] == ["b", "c"]
    assert rig.most == 2
    assert rig.verdicts == [("a", "PASS"), ("b", "PASS"), ("c", "FAIL"), ("d", "PASS")]


def test_until_fail_starts_none_after_a_failure_and_waits_for_those_that_run() -> None:
    rig = Rig(width=2, until_fail=True)
    rig.script = {"b": [("b", Outcome.PASS)], "c": [("c", Outcome.FAIL)]}

    def done(_job: Job, verdict: Verdict) -> None:
        rig.ended.append(verdict.name)
        if verdict.name == "c":
            rig.runs["a"].end_in(Outcome.PASS)

    rig.pool._done = done
    rig.run("a", "b", "c", "d")
    assert rig.began == ["a", "b", "c"]
    assert rig.verdicts == [("a", "PASS"), ("b", "PASS"), ("c", "FAIL")]


def test_jobs_without_end_are_taken_as_they_are_needed() -> None:
    rig = Rig(width=1, until_fail=True)
    rig.script = {f"a #{n}": [(f"a #{n}", Outcome.PASS)] for n in (1, 2, 3)}
    rig.script["a #4"] = [("a #4", Outcome.ERROR)]
    rig.pool.run(jobs([(ScenarioFile("a", Path("a")), Options())], None))
    assert [name for name, _ in rig.verdicts] == ["a #1", "a #2", "a #3", "a #4"]


def test_a_job_that_cannot_start_has_its_verdict_at_once() -> None:
    told: list[str] = []
    broken = Verdict(name="a", board="x", verdict=Outcome.ERROR)
    pool = Pool(lambda job: broken, lambda job, verdict: told.append(job.label), width=2)
    pool.run(named("a", "b", "c"))
    assert told == ["a", "b", "c"]
    assert pool.verdicts == [broken] * 3


def test_interrupted_ends_all_and_keeps_every_verdict() -> None:
    rig = Rig(width=2)
    rig.script = {"a": [("a", Outcome.PASS)]}
    start = rig.pool._start

    def interrupted_at_d(job: Job) -> Run | Verdict:
        if job.label == "d":
            raise KeyboardInterrupt
        if job.label == "c":
            rig.runs["b"].end_in(Outcome.PASS)
        return start(job)

    rig.pool._start = interrupted_at_d
    with pytest.raises(KeyboardInterrupt):
        rig.run("a", "b", "c", "d")
    assert rig.verdicts == [("a", "PASS"), ("b", "PASS"), ("c", "ERROR")]


def test_interrupted_when_one_has_just_ended_waits_for_no_other() -> None:
    rig = Rig(width=1)
    rig.script = {"a": [("a", Outcome.PASS)]}
    ended = rig.pool._ended

    class Interrupted:
        put = staticmethod(ended.put)

        @staticmethod
        def get() -> int:
            ended.get(timeout=SECONDS)
            raise KeyboardInterrupt

    rig.pool._ended = Interrupted()
    with pytest.raises(KeyboardInterrupt):
        rig.run("a", "b")
    assert rig.verdicts == [("a", "PASS")]


def test_one_that_cannot_be_started_ends_those_that_run() -> None:
    rig = Rig(width=2)
    start = rig.pool._start

    def full(job: Job) -> Run | Verdict:
        if job.label == "b":
            raise OSError("no space left on device")
        return start(job)

    rig.pool._start = full
    with pytest.raises(OSError, match="no space left"):
        rig.run("a", "b")
    assert rig.verdicts == [("a", "ERROR")]


def test_what_goes_wrong_in_waiting_reaches_the_caller() -> None:
    rig = Rig(width=1)
    rig.script = {"a": [("a", OSError("no space left on device"))]}
    with pytest.raises(OSError, match="no space left"):
        rig.run("a", "b")
