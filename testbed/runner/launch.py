# SPDX-License-Identifier: MIT
"""One process for each scenario, its events as they come, and its verdict at the end."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import threading
from collections.abc import Callable
from dataclasses import replace
from functools import partial
from pathlib import Path
from typing import Any

from testbed.deadline import Deadline
from testbed.errors import Stage, TestbedError
from testbed.options import ENVIRONMENT, Options
from testbed.paths import PROJECT
from testbed.process import die_with_parent, tail
from testbed.report.page import leave_report
from testbed.run import new_directory, unwritable
from testbed.runner.discover import ScenarioFile
from testbed.runner.events import Listener, listen
from testbed.runner.follow import RunLogs
from testbed.runner.invocation import Invocation, revision
from testbed.scenario.verdict import Outcome, Verdict

_LOG = "scenario.log"
_GRACE_SECONDS = 30
"""How long a scenario that was asked to end may take to end its machines."""


Kept = Callable[["Launch", str], None]


class Launch:
    """A running scenario. `listener` is called with each event, from a thread.

    `kept` is called from that thread, with this and why, when its machines are left to a person,
    until `go_on`.
    `verbose` 1 makes an event of each line on its machines' consoles, 2 of each in its log too.
    """

    def __init__(
        self,
        scenario: ScenarioFile,
        options: Options,
        listener: Listener,
        *,
        kept: Kept | None = None,
        verbose: int = 0,
    ) -> None:
        self.scenario = scenario
        self.directory = new_directory(options.results, scenario.name)
        try:
            Invocation(scenario.path, options, revision()).write(self.directory)
        except OSError as error:
            raise unwritable(self.directory, error) from None
        reader, writer = os.pipe()
        chosen = replace(options, directory=self.directory, events=writer)
        self._options = options
        parent = os.getpid()
        with (self.directory / _LOG).open("wb") as log:
            self._process = subprocess.Popen(
                [sys.executable, "-m", "testbed.scenario.process", str(scenario.path)],
                stdin=subprocess.PIPE if options.stays else subprocess.DEVNULL,
                stdout=log,
                stderr=subprocess.STDOUT,
                pass_fds=(writer,),
                env=_environment(chosen),
                start_new_session=True,
                preexec_fn=lambda: die_with_parent(parent),
            )
        os.close(writer)
        logs = RunLogs(self.directory, own=verbose > 1) if verbose else None
        listener = partial(self._heard, listener, kept)
        self._events = threading.Thread(target=listen, args=(reader, listener, logs), daemon=True)
        self._events.start()

    def _heard(self, listener: Listener, kept: Kept | None, event: dict[str, Any]) -> None:
        if event.get("event") != "kept":
            listener(event)
        elif kept is not None:
            kept(self, event["why"])

    @property
    def pid(self) -> int:
        """Process id of the scenario's process."""
        return self._process.pid

    def go_on(self) -> None:
        """Let a run whose machines were kept end them."""
        if self._process.stdin is not None:
            self._process.stdin.close()

    def wait(self) -> Verdict:
        """The verdict, once the scenario has ended and nothing of it runs any more."""
        status = self._process.wait()
        self.go_on()
        self._events.join()
        verdict = Verdict.read(self.directory)
        if verdict is None:
            verdict = error_verdict(
                self.scenario.name, self._options, self.directory, self._no_verdict(status)
            )
            leave_verdict(verdict)
        leave_report(self.directory)
        return verdict

    def wait_or_end(self) -> Verdict:
        """The same, where KeyboardInterrupt ends the scenario first."""
        try:
            return self.wait()
        except KeyboardInterrupt:
            self.end()
            self.wait()
            raise

    def end(self) -> None:
        """Ask the scenario to end; kill it when it does not."""
        if self._process.poll() is not None:
            return
        self.go_on()
        self._process.send_signal(signal.SIGTERM)
        deadline = Deadline(_GRACE_SECONDS)
        try:
            self._process.wait(deadline.remaining)
        except subprocess.TimeoutExpired:
            self._process.kill()

    def _no_verdict(self, status: int) -> TestbedError:
        log = self.directory / _LOG
        how = f"was killed by signal {-status}" if status < 0 else f"exited with status {status}"
        return TestbedError(
            Stage.INFRASTRUCTURE,
            f"the scenario's process {how} and left no verdict",
            evidence=log,
            excerpt=tail(log),
        )


def error_verdict(name: str, options: Options, results: Path, error: TestbedError) -> Verdict:
    """Of a run that left none itself, because of `error`; its folder is `results`."""
    return Verdict(
        name=name,
        board=options.board,
        host_kernel=options.kernel_series or "",
        guest_kernel=options.guest_kernel_series or "",
        verdict=Outcome.ERROR,
        stage=error.stage,
        message=error.message,
        results=str(results),
        evidence=str(error.evidence or results),
        excerpt=error.excerpt,
    )


def leave_verdict(verdict: Verdict) -> None:
    """Write the verdict of a run into its folder. Where that is full it still is the verdict."""
    try:
        verdict.write()
    except OSError as error:
        print(
            f"testbed: cannot write to {verdict.results}: {error.strerror}; free space there",
            file=sys.stderr,
        )


def _environment(options: Options) -> dict[str, str]:
    """Ours, with the options and with everything avocado would write kept in the run's folder."""
    environment = dict(os.environ)
    environment[ENVIRONMENT] = options.to_json()
    path = [str(PROJECT), *filter(None, [environment.get("PYTHONPATH")])]
    environment["PYTHONPATH"] = os.pathsep.join(path)
    return environment
