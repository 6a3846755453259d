# SPDX-License-Identifier: MIT
from __future__ import annotations

import io
from pathlib import Path
from typing import Any

import pytest
from rich.console import Console

from testbed.options import Options
from testbed.runner.discover import ScenarioFile
from testbed.runner.jobs import Job
from testbed.runner.live import LineReport, TerminalReport, report_for
from testbed.scenario.verdict import Outcome, Verdict

NASTY = "\x1b[31m\x00 [b] \x7f ümlaut\ttab"
CLEAN = "\ufffd[31m\ufffd [b] \ufffd ümlaut\ttab"

PASS = Verdict("uart", "arm-virt", Outcome.PASS, seconds={"total": 12.25})
ERROR = Verdict(
    "odd",
    "arm-virt",
    Outcome.ERROR,
    stage="host boot",
    message="[/bold] died",
    seconds={"total": 2.0},
    results="/r/odd",
    evidence="/r/odd/testbed.log",
    excerpt=("line", NASTY),
)


def job(name: str, number: int = 0) -> Job:
    return Job(number, name, ScenarioFile(name, Path(name)), Options())


def event(kind: str, stage: str, what: str) -> dict[str, Any]:
    return {"event": kind, "stage": stage, "what": what, "at": 3.25, "seconds": 1.25}


def line(source: str, text: str) -> dict[str, Any]:
    return {"event": "line", "source": source, "line": text}


UART, ODD, MARKED = job("uart"), job("odd\x01name", 1), job("odd[/b]", 2)


@pytest.fixture
def shown() -> io.StringIO:
    return io.StringIO()


@pytest.fixture
def report(shown: io.StringIO) -> LineReport:
    return report_for(Console(file=shown, width=40, highlight=False), several=False)


@pytest.fixture
def together(shown: io.StringIO) -> LineReport:
    return report_for(Console(file=shown, width=40, highlight=False), several=True)


def test_a_pass_is_one_line(report: LineReport, shown: io.StringIO) -> None:
    report.verdict(UART, PASS)
    assert shown.getvalue() == "  PASS  uart  12.2 s  \n"


def test_what_is_not_a_pass_shows_why_and_where(report: LineReport, shown: io.StringIO) -> None:
    report.verdict(ODD, ERROR)
    assert shown.getvalue().split("\n") == [
        "  ERROR (host boot)  odd\ufffdname  2.0 s  /r/odd",
        "  [/bold] died",
        "    | line",
        f"    | {CLEAN}".expandtabs(),
        "  see /r/odd/testbed.log",
        "",
    ]


def test_each_stage_is_a_line_when_it_ends(report: LineReport, shown: io.StringIO) -> None:
    report.begin(UART)
    report.event(UART, event("begin", "bind", "assigning"))
    report.event(UART, event("end", "bind", "assigning [/soc/x] \x1b"))
    report.event(UART, event("failed", "guest boot", "booting"))
    report.event(UART, event("end", "test", "running the scenario"))
    assert shown.getvalue().split("\n") == [
        "uart on arm-virt",
        "      3.2 s  bind        assigning [/soc/x] \ufffd (1.2 s)",
        "      3.2 s  guest boot  booting (1.2 s)  failed",
        "",
    ]


def test_what_a_machine_prints_begins_with_its_name(report: LineReport, shown: io.StringIO) -> None:
    report.event(UART, line("guest0", "[ok] \x1b"))
    assert shown.getvalue() == "guest0| [ok] \ufffd\n"


def test_lines_of_several_begin_with_whose_they_are(
    together: LineReport, shown: io.StringIO
) -> None:
    together.begin(UART)
    together.begin(ODD)
    together.event(UART, event("end", "bind", "assigning"))
    together.event(ODD, line("host", "hello"))
    together.verdict(UART, PASS)
    together.say("1 PASS")
    assert shown.getvalue().split("\n") == [
        "uart | begins on arm-virt",
        "odd\ufffdname | begins on arm-virt",
        "uart     |       3.2 s  bind        assigning (1.2 s)",
        "odd\ufffdname | host| hello",
        "uart     |   PASS  uart  12.2 s  ",
        "1 PASS",
        "",
    ]


class Terminal:
    """A report on a terminal, and what is on that in the end."""

    def __init__(self, *, several: bool) -> None:
        self.console = Console(file=io.StringIO(), width=80, force_terminal=True, color_system=None)
        report = report_for(self.console, several=several)
        assert isinstance(report, TerminalReport)
        self.report = report

    def moving(self) -> list[str]:
        """The lines of what goes on now."""
        aside = Console(file=io.StringIO(), width=80, color_system=None)
        with aside.capture() as capture:
            aside.print(self.report._display.get_renderable())
        return [" ".join(shown.split()) for shown in capture.get().splitlines() if shown.strip()]


def test_a_terminal_shows_the_innermost_stage_that_goes_on() -> None:
    terminal = Terminal(several=False)
    terminal.report.begin(UART)
    terminal.report.event(UART, event("begin", "test", "running the scenario"))
    terminal.report.event(UART, event("begin", "guest boot", "booting [guest0]"))
    (now,) = terminal.moving()
    assert "guest boot: booting [guest0] 0 s" in now
    terminal.report.event(UART, event("end", "guest boot", "booting [guest0]"))
    (now,) = terminal.moving()
    assert "test: running the scenario" in now
    terminal.report.event(UART, event("failed", "test", "running the scenario"))
    assert "ending its machines" in terminal.moving()[0]
    terminal.report.verdict(UART, PASS)
    assert terminal.moving() == []
    terminal.report.close()


def test_a_terminal_shows_all_that_run_at_the_same_time() -> None:
    terminal = Terminal(several=True)
    terminal.report.begin(UART)
    terminal.report.begin(ODD)
    terminal.report.event(ODD, event("begin", "host boot", "booting"))
    first, second = terminal.moving()
    assert "uart starting" in first
    assert "odd\ufffdname host boot: booting" in second
    with terminal.console.capture() as capture:
        terminal.report.event(ODD, event("end", "host boot", "booting"))
        terminal.report.event(ODD, line("host", "hello"))
        terminal.report.verdict(UART, PASS)
    assert "odd\ufffdname host| hello" in capture.get()
    assert "PASS  uart" in capture.get()
    assert "3.2 s" not in capture.get()
    terminal.report.begin(MARKED)
    assert "odd[/b] starting" in terminal.moving()[1]
    terminal.report.close()
