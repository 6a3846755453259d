# SPDX-License-Identifier: MIT
"""What a person sees while scenarios run: lines that stay, and on a terminal what goes on now."""

from __future__ import annotations

import threading
import time
from typing import Any

from rich.console import Console
from rich.progress import Progress, ProgressColumn, SpinnerColumn, Task, TextColumn
from rich.table import Table
from rich.text import Text

from testbed.runner.jobs import Job
from testbed.runner.report import printable
from testbed.scenario.verdict import Outcome, Verdict

COLOUR = {Outcome.PASS: "green", Outcome.FAIL: "red", Outcome.ERROR: "yellow"}


class LineReport:
    """A line for each stage of a scenario as it ends, and one for its verdict.

    With `prefixed`, for scenarios that run at the same time, each line begins with whose it is.
    """

    def __init__(self, console: Console, *, prefixed: bool = False) -> None:
        self._console = console
        self._prefixed = prefixed
        self._width = 0

    def begin(self, job: Job) -> None:
        self._width = max(self._width, len(job.label))
        title = Text.assemble((printable(job.label), "bold"), f" on {job.options.board}")
        self._print(job, Text("begins on " + job.options.board) if self._prefixed else title)

    def event(self, job: Job, event: dict[str, Any]) -> None:
        """A stage of the job has begun or ended, or one of its machines printed a line."""
        if event["event"] == "line":
            self._print(job, Text(printable(f"{event['source']}| {event['line']}"), "dim"))
        elif event["event"] == "say":
            self._print(job, Text(f"  {printable(event['line'])}", "bold"))
        elif event["event"] != "begin" and not _is_all(event):
            mark = "" if event["event"] == "end" else "  failed"
            line = (
                f"  {event['at']:7.1f} s  {event['stage']:<11} {event['what']}"
                f" ({event['seconds']:.1f} s){mark}"
            )
            self._print(job, Text(printable(line)))

    def verdict(self, job: Job, verdict: Verdict) -> None:
        stage = f" ({verdict.stage})" if verdict.verdict is Outcome.ERROR else ""
        seconds = f"  {verdict.seconds['total']:.1f} s" if "total" in verdict.seconds else ""
        self._print(
            job,
            Text.assemble(
                ("  "),
                (verdict.verdict + stage, f"bold {COLOUR[verdict.verdict]}"),
                f"  {printable(job.label)}{seconds}  ",
                (verdict.results, "dim"),
            ),
        )
        if verdict.verdict is Outcome.PASS:
            return
        self._print(job, Text(f"  {printable(verdict.message)}"))
        for shown in verdict.excerpt:
            self._print(job, Text(f"    | {printable(shown)}", "dim"))
        self._print(job, Text(f"  see {verdict.evidence}"))

    def say(self, line: str) -> None:
        """A line about all scenarios."""
        self._console.print(Text(printable(line), "bold"), soft_wrap=True)

    def show(self, table: Table) -> None:
        """A table about all scenarios."""
        self._console.print(table)

    def close(self) -> None:
        """No scenario runs any more."""

    def _print(self, job: Job, line: Text) -> None:
        if self._prefixed:
            name = printable(job.label).ljust(self._width)
            line = Text.assemble((f"{name} | ", "cyan"), line)
        self._console.print(line, soft_wrap=True)


class _Since(ProgressColumn):
    """How long the stage has been going on."""

    def render(self, task: Task) -> Text:
        return Text(f"{time.monotonic() - task.fields['since']:.0f} s", style="cyan")


class _Doing:
    """The nested stages that a job is in, each with when it began, on a line of `display`."""

    def __init__(self, display: Progress, label: str) -> None:
        self._display = display
        self._stages: list[tuple[str, float]] = [("starting", time.monotonic())]
        what, since = self._stages[-1]
        self._task = display.add_task(what, total=None, label=label, since=since)

    def event(self, event: dict[str, Any]) -> None:
        if event["event"] == "begin":
            self._stages.append((f"{event['stage']}: {event['what']}", time.monotonic()))
        elif len(self._stages) > 1:
            self._stages.pop()
        if event["event"] != "begin" and _is_all(event):
            self._stages = [("ending its machines", time.monotonic())]

        what, since = self._stages[-1]
        self._display.update(self._task, description=printable(what), since=since)

    def end(self) -> None:
        self._display.remove_task(self._task)


class TerminalReport(LineReport):
    """The same on a terminal, where a line for each running scenario moves at the bottom.

    Of several at a time only the verdicts stay.
    """

    def __init__(self, console: Console, *, several: bool = False) -> None:
        super().__init__(console)
        self._several = several
        self._lock = threading.Lock()
        self._doing: dict[int, _Doing] = {}
        self._display = Progress(
            SpinnerColumn(),
            TextColumn("{task.fields[label]}", style="bold", markup=False),
            TextColumn("{task.description}", markup=False),
            _Since(),
            console=console,
            transient=True,
        )

    def begin(self, job: Job) -> None:
        if not self._several:
            super().begin(job)
        with self._lock:
            label = printable(job.label) if self._several else ""
            self._doing[job.number] = _Doing(self._display, label)
            self._display.start()

    def event(self, job: Job, event: dict[str, Any]) -> None:
        printed = event["event"] in ("line", "say")
        if not printed:
            with self._lock:
                self._doing[job.number].event(event)
        if event["event"] == "line" and self._several:
            event = {**event, "source": f"{job.label} {event['source']}"}
        if printed or not self._several:
            super().event(job, event)

    def verdict(self, job: Job, verdict: Verdict) -> None:
        with self._lock:
            if job.number in self._doing:
                self._doing.pop(job.number).end()
            if not self._doing:
                self._display.stop()
        super().verdict(job, verdict)

    def close(self) -> None:
        self._display.stop()


def _is_all(event: dict[str, Any]) -> bool:
    """The whole test is a stage too, of which the verdict tells."""
    return bool(event["stage"] == "test" and event["what"] == "running the scenario")


def report_for(console: Console, *, several: bool, moving: bool = True) -> LineReport:
    """What suits the console, for one scenario at a time or for `several`.

    Not `moving` where others use the terminal too.
    """
    if console.is_terminal and moving:
        return TerminalReport(console, several=several)
    return LineReport(console, prefixed=several)
