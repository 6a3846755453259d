# SPDX-License-Identifier: MIT
"""Several scenarios at a time, each in its own process, sharing nothing but the cache."""

from __future__ import annotations

import contextlib
import threading
from collections.abc import Callable, Iterator
from queue import SimpleQueue
from typing import Protocol

from testbed.runner.jobs import Job
from testbed.scenario.verdict import Outcome, Verdict


class Running(Protocol):
    """A started run; see `launch.Launch`."""

    def wait(self) -> Verdict: ...

    def end(self) -> None: ...


Start = Callable[[Job], Running | Verdict]
"""Starts a job, or says at once how it ended."""


class Pool:
    """Runs jobs, at most `width` at a time, and tells `done` of each verdict as it comes.

    With `until_fail` no job is started any more once one did not pass.
    """

    def __init__(
        self,
        start: Start,
        done: Callable[[Job, Verdict], None],
        *,
        width: int = 1,
        until_fail: bool = False,
    ) -> None:
        self._start = start
        self._done = done
        self._width = width
        self._until_fail = until_fail
        self._failed = False
        self._verdicts: dict[int, Verdict] = {}
        self._running: dict[int, _Waiter] = {}
        self._ended: SimpleQueue[int] = SimpleQueue()
        """Numbers of jobs; an interruption may lose one."""

    @property
    def verdicts(self) -> list[Verdict]:
        """Those that there are, in the order that their jobs were asked for."""
        return [self._verdicts[number] for number in sorted(self._verdicts)]

    def run(self, jobs: Iterator[Job]) -> None:
        """Run all jobs. An exception ends those that run, once their verdicts are there."""
        try:
            self._run(jobs)
        except BaseException:
            self._end_all()
            raise

    def _run(self, jobs: Iterator[Job]) -> None:
        while True:
            while len(self._running) < self._width and not (self._until_fail and self._failed):
                job = next(jobs, None)
                if job is None:
                    break
                self._begin(job)
            if not self._running:
                return
            self._take_ended(self._ended.get())

    def _begin(self, job: Job) -> None:
        # The kernel binds a process to the thread that started it: this one outlives them all.
        started = self._start(job)
        if isinstance(started, Verdict):
            self._take(job, started)
            return
        self._running[job.number] = waiter = _Waiter(job, started, self._ended)
        waiter.start()

    def _take_ended(self, number: int) -> None:
        waiter = self._running.pop(number)
        self._take(waiter.job, waiter.verdict())

    def _take(self, job: Job, verdict: Verdict) -> None:
        self._verdicts[job.number] = verdict
        self._failed = self._failed or verdict.verdict is not Outcome.PASS
        self._done(job, verdict)

    def _end_all(self) -> None:
        for waiter in self._running.values():
            # Each may take a while to end its machines: all at once, then.
            threading.Thread(target=waiter.running.end, daemon=True).start()
        for number, waiter in list(self._running.items()):
            waiter.join()
            with contextlib.suppress(Exception):  # what came first is told
                self._take_ended(number)


class _Waiter(threading.Thread):
    """Waits for the verdict of a run, and says in `ended` that it is there."""

    def __init__(self, job: Job, running: Running, ended: SimpleQueue[int]) -> None:
        super().__init__(name=f"wait {job.label}", daemon=True)
        self.job = job
        self.running = running
        self._ended = ended
        self._outcome: Verdict | Exception | None = None

    def run(self) -> None:
        try:
            self._outcome = self.running.wait()
        except Exception as error:  # told where somebody waits for the verdict
            self._outcome = error
        self._ended.put(self.job.number)

    def verdict(self) -> Verdict:
        """Once it is there. Raises what went wrong in waiting."""
        assert self._outcome is not None
        if isinstance(self._outcome, Exception):
            raise self._outcome
        return self._outcome
