# SPDX-License-Identifier: MIT
from __future__ import annotations

import io
from pathlib import Path

from rich.console import Console

from testbed.options import Options
from testbed.runner.discover import ScenarioFile
from testbed.runner.jobs import jobs
from testbed.runner.kernels import on_each, tables
from testbed.scenario.verdict import Outcome, Verdict

PASS, FAIL, ERROR = Outcome.PASS, Outcome.FAIL, Outcome.ERROR


def verdict(name: str, host: str, guest: str, outcome: Outcome, seconds: float | None) -> Verdict:
    return Verdict(
        name=name,
        board="x",
        verdict=outcome,
        seconds={} if seconds is None else {"total": seconds, "bind": 99.0},
        host_kernel=host,
        guest_kernel=guest,
    )


def shown(verdicts: list[Verdict], *series: str) -> list[str]:
    console = Console(width=100, file=io.StringIO(), record=True)
    for table in tables(verdicts, series):
        console.print(table)
    return [" ".join(line.split()) for line in console.export_text().splitlines()]


def test_each_host_with_each_guest() -> None:
    options = Options(seed=7)
    chosen = on_each(options, ("6.1", "7"))
    assert [(one.kernel_series, one.guest_kernel_series) for one in chosen] == [
        ("6.1", "6.1"),
        ("6.1", "7"),
        ("7", "6.1"),
        ("7", "7"),
    ]
    assert {one.seed for one in chosen} == {7}
    assert on_each(options, ()) == [options]


def test_a_job_is_called_by_its_kernels() -> None:
    scenario = ScenarioFile("one", Path("one.py"))
    chosen = [(scenario, options) for options in on_each(Options(), ("6.1",))]
    chosen.append((scenario, Options(kernel_series="7")))
    assert [job.label for job in jobs(chosen, 1)] == ["one (host 6.1, guest 6.1)", "one (host 7)"]
    assert next(jobs(chosen, 2)).label == "one (host 6.1, guest 6.1) #1"


def test_a_table_for_each_scenario() -> None:
    verdicts = [
        verdict("one", "6.1", "6.1", PASS, 12.34),
        verdict("two[x]", "6.1", "7", ERROR, None),
        verdict("one", "6.1", "7", FAIL, 2.0),
        verdict("one", "7", "6.1", PASS, 3.0),
        verdict("one", "7", "7", ERROR, 4.0),
    ]
    assert shown(verdicts, "6.1", "7") == [
        "one guest 6.1 guest 7",
        "host 6.1 PASS 12.3 s FAIL 2.0 s",
        "host 7 PASS 3.0 s ERROR 4.0 s",
        "two[x] guest 6.1 guest 7",
        "host 6.1 not run ERROR",
        "host 7 not run not run",
    ]


def test_what_ran_several_times_is_as_bad_as_its_worst() -> None:
    verdicts = [
        verdict("one", "7", "7", PASS, 1.0),
        verdict("one", "7", "7", FAIL, 2.0),
        verdict("one", "7", "7", PASS, 6.0),
    ]
    assert shown(verdicts, "7")[1] == "host 7 FAIL 1 of 3 3.0 s"
    assert shown(verdicts[::2], "7")[1] == "host 7 PASS 2 of 2 3.5 s"
