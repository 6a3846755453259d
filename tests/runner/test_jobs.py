# SPDX-License-Identifier: MIT
from __future__ import annotations

from itertools import islice
from pathlib import Path

from testbed.options import Options
from testbed.runner.discover import ScenarioFile
from testbed.runner.jobs import jobs

ONE = (ScenarioFile("one", Path("one.py")), Options())
TWO = (ScenarioFile("two", Path("two.py")), Options(board="e500"))


def test_once_in_the_order_asked() -> None:
    found = list(jobs([TWO, ONE], 1))
    assert [(job.number, job.label) for job in found] == [(0, "two"), (1, "one")]
    assert (found[0].scenario, found[0].options) == TWO


def test_several_times_all_in_turn() -> None:
    assert [(job.number, job.label) for job in jobs([ONE, TWO], 2)] == [
        (0, "one #1"),
        (1, "two #1"),
        (2, "one #2"),
        (3, "two #2"),
    ]


def test_without_end() -> None:
    assert [job.label for job in islice(jobs([ONE], None), 1000)][-1] == "one #1000"
