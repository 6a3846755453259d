# SPDX-License-Identifier: MIT
"""Give tasks out to machines, and see to it that each ends in a verdict.

avocado's remote spawner decides which machine runs what. It knows no machine that dies: one that is
gone takes every task that is left and fails it at once. So what counts is what the machines tell of
their tasks. A task that had begun on a machine that is gone is an ERROR. Those that had not begun
are given out once more, to the machines that are left.
"""

from __future__ import annotations

import itertools
import json
import os
import sys
from collections.abc import Callable, Collection, Sequence
from contextlib import ExitStack
from dataclasses import dataclass, replace
from pathlib import Path
from queue import SimpleQueue
from typing import Any

from testbed.deadline import Deadline
from testbed.errors import Stage, TestbedError
from testbed.fleet import task
from testbed.fleet.connection import Connection
from testbed.fleet.far_end import STATUS
from testbed.fleet.machines import Machine
from testbed.fleet.private_folder import private_folder
from testbed.fleet.sent import Sent
from testbed.fleet.ssh import Ssh, check_programs
from testbed.process import Process, tail
from testbed.run import RESULTS
from testbed.runner.jobs import Job
from testbed.runner.launch import error_verdict
from testbed.scenario.verdict import Verdict

_LISTEN = "status"
_GRACE_SECONDS = 30
"""How long avocado may take to end once there is nothing left to wait for."""


@dataclass
class _Task:
    """One run of one scenario. `machine` has begun it; `verdict` is its end."""

    job: Job
    arguments: list[str]
    machine: str = ""
    verdict: Verdict | None = None


class FanOut:
    """Runs jobs on machines; `directory` gets all they leave, by the numbers of the jobs.

    `sent` are the scenarios that the machines do not have.
    `begun` and `ended` are told of each job, from the thread that calls `run`.
    """

    def __init__(
        self,
        machines: Sequence[Machine],
        directory: Path,
        *,
        config: Path | None,
        scale: float,
        sent: Collection[Sent],
        begun: Callable[[Job, str], None],
        ended: Callable[[Job, Verdict], None],
        say: Callable[[str], None],
    ) -> None:
        self._machines = machines
        self._directory = directory
        self._config = config
        self._scale = scale
        self._sent = sent
        self._begun = begun
        self._ended = ended
        self._say = say
        self._events: SimpleQueue[tuple[Connection | None, dict[str, Any]]] = SimpleQueue()
        self._connections: list[Connection] = []
        self._tasks: list[_Task] = []

    @property
    def verdicts(self) -> list[Verdict]:
        """Those there are, in the order of the jobs."""
        return [one.verdict for one in self._tasks if one.verdict is not None]

    def run(self, jobs: Sequence[tuple[Job, list[str]]]) -> None:
        """Run each job as `testbed run` with these arguments there, and give it a verdict.

        TestbedError, before anything is run, when a machine cannot be used.
        """
        self._tasks = [_Task(job, arguments) for job, arguments in jobs]
        with ExitStack() as stack:
            private = stack.enter_context(private_folder())
            self._connect(private, stack)
            try:
                for number in itertools.count():
                    left = [connection for connection in self._connections if connection.alive]
                    waiting = self._waiting()
                    if not (waiting and left):
                        break
                    self._round(number, waiting, left, private)
                self._give_up("no machine was left to run it")
            except TestbedError as error:
                self._give_up(error.message)
                raise
            except BaseException:
                self._give_up("the run was interrupted before this scenario had ended")
                raise
            finally:
                self._gather()

    # -- connections

    def _connect(self, private: Path, stack: ExitStack) -> None:
        check_programs()
        logs = self._directory / "machines"
        logs.mkdir()
        name = self._directory.name
        for index, machine in enumerate(self._machines):
            ssh = Ssh(machine, self._config, private / f"{index}")
            connection = Connection(
                ssh,
                name,
                len(self._tasks),
                logs / f"{machine.name}.log",
                lambda which, event: self._events.put((which, event)),
                self._scale,
            )
            stack.callback(connection.close)
            self._connections.append(connection)
        for connection in self._connections:
            connection.wait_until_ready()
            for scenario in self._sent:
                connection.place(scenario.path.parent, scenario.names, scenario.folder)
            connection.forward(private / _LISTEN)
            self._say(f"{connection.name} runs {connection.slots} at a time")

    # -- giving out

    def _round(
        self, number: int, waiting: list[int], left: list[Connection], private: Path
    ) -> None:
        """Give the waiting tasks to the machines that are left, until all have ended or begun."""
        log = self._directory / f"avocado-{number}.log"
        listen = private / _LISTEN
        listen.unlink(missing_ok=True)
        slots = []
        for connection in left:
            session = private / f"{connection.name}.json"
            session.write_text(json.dumps(connection.ssh.session()))
            slots += [str(session)] * connection.slots
        wanted = private / "job.json"
        there = RESULTS / self._directory.name
        wanted.write_text(
            json.dumps(
                {
                    "slots": slots[: len(waiting)],
                    "listen": str(listen),
                    "status": str(there / STATUS),
                    "results": str(private / f"avocado-{number}"),
                    "scale": self._scale,
                    "tasks": [(str(there / str(n)), self._command(n)) for n in waiting],
                }
            )
        )
        avocado = Process(
            [sys.executable, "-m", "testbed.fleet.job", str(wanted)],
            cwd=private,
            log=log,
            env=_environment(private),
            on_exit=lambda status: self._events.put((None, {"event": "done", "round": number})),
        )
        try:
            avocado.start()
            self._follow(number, left)
            avocado.wait(Deadline(_GRACE_SECONDS))
        finally:
            avocado.stop()
            avocado.kill_group()  # aexpect's helpers, if it left any
        self._lost_by_avocado(log)
        if self._waiting() == waiting and all(connection.alive for connection in left):
            said = tail(log, 4)
            raise TestbedError(
                Stage.INFRASTRUCTURE,
                "avocado began none of the scenarios on any machine; its output says why",
                evidence=log,
                excerpt=said,
            )

    def _command(self, number: int) -> list[str]:
        name = self._directory.name
        return ["-m", task.__name__, name, str(number), *self._tasks[number].arguments]

    def _follow(self, number: int, left: list[Connection]) -> None:
        """Take events until avocado has ended and all is told, or nothing can come any more."""
        unsynced = set(left)
        while unsynced:
            connection, event = self._events.get()
            if connection is None:
                if event["round"] == number:
                    for machine in left:
                        machine.sync()
            elif event["event"] == "synced":
                unsynced.discard(connection)
            elif event["event"] == "gone":
                self._gone(connection)
                unsynced.discard(connection)
            elif event["event"] == task.BEGIN:
                self._begin(connection, event["task"])
            elif event["event"] == task.END:
                self._end(event["task"], Verdict.from_dict(event["verdict"]))
            if all(one.verdict for one in self._tasks):
                return

    def _begin(self, connection: Connection, number: int) -> None:
        self._tasks[number].machine = connection.name
        self._begun(self._tasks[number].job, connection.name)

    def _end(self, number: int, verdict: Verdict) -> None:
        ended = self._tasks[number]
        if ended.verdict is None:
            ended.verdict = self._brought_here(number, replace(verdict, machine=ended.machine))
            self._ended(ended.job, ended.verdict)

    def _gone(self, connection: Connection) -> None:
        """What a machine had begun and not ended is an ERROR: it may be what ended the machine."""
        lost = [
            number
            for number, one in enumerate(self._tasks)
            if one.machine == connection.name and one.verdict is None
        ]
        for number in lost:
            self._error(
                number,
                f"the connection to {connection.name} ended before the scenario did; see if the"
                " machine is up, and run it again",
                connection.log,
            )

    def _lost_by_avocado(self, log: Path) -> None:
        """What had begun when avocado ended has left no verdict."""
        for number, one in enumerate(self._tasks):
            if one.machine and one.verdict is None:
                self._error(number, f"it left no verdict on {one.machine}", log)

    def _waiting(self) -> list[int]:
        return [number for number, one in enumerate(self._tasks) if one.verdict is None]

    def _give_up(self, why: str) -> None:
        for number in self._waiting():
            self._error(number, why, self._directory / "machines")

    def _error(self, number: int, message: str, evidence: Path) -> None:
        job = self._tasks[number].job
        error = TestbedError(Stage.INFRASTRUCTURE, message, evidence=evidence)
        self._end(number, error_verdict(job.scenario.name, job.options, self._own(number), error))

    # -- gathering

    def _own(self, number: int) -> Path:
        return self._directory / str(number)

    def _gather(self) -> None:
        """Bring what the runs left here, and let their verdicts say where it is now."""
        for connection in self._connections:
            if connection.alive:
                try:
                    connection.gather(self._directory)
                except TestbedError as error:
                    self._say(f"{error.message}; see {error.evidence}")
        for number, one in enumerate(self._tasks):
            own = self._own(number)
            own.mkdir(exist_ok=True)
            runs = [(path, found) for path in own.iterdir() if (found := Verdict.read(path))]
            if one.verdict is None:
                continue
            if one.verdict.results != str(own) and runs:
                folder, found = runs[0]
                here = self._brought_here(number, replace(found, machine=one.machine))
                one.verdict = replace(here, results=str(folder))
            else:
                one.verdict = replace(one.verdict, results=str(own))  # what it left is lost
            one.verdict.write()

    def _brought_here(self, number: int, verdict: Verdict) -> Verdict:
        """With the paths that what is on the machine will have, or has, here."""
        theirs = next(
            (c.folder for c in self._connections if c.name == self._tasks[number].machine), ""
        )

        def here(path: str) -> str:
            inside = theirs and path.startswith(f"{theirs}/")
            return f"{self._directory}{path.removeprefix(theirs)}" if inside else path

        return replace(verdict, results=here(verdict.results), evidence=here(verdict.evidence))


def _environment(private: Path) -> dict[str, str]:
    """avocado's and aexpect's own files go into a folder that is removed at the end."""
    programs = str(Path(sys.executable).parent)
    return {
        **os.environ,
        "HOME": str(private),
        "TMPDIR": str(private),
        "PATH": f"{programs}{os.pathsep}{os.environ.get('PATH', os.defpath)}",
    }
