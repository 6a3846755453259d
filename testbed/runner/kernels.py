# SPDX-License-Identifier: MIT
"""The same scenarios on several kernels: each series in the host with each in the guest."""

from __future__ import annotations

import itertools
from collections.abc import Iterator, Sequence
from dataclasses import replace
from statistics import mean

from rich.table import Table
from rich.text import Text

from testbed.options import Options
from testbed.runner.live import COLOUR
from testbed.runner.report import printable
from testbed.scenario.verdict import Outcome, Verdict


def on_each(options: Options, series: Sequence[str]) -> list[Options]:
    """The options for every pair of kernels, the host's changing last; as they are without any."""
    if not series:
        return [options]
    return [
        replace(options, kernel_series=host, guest_kernel_series=guest)
        for host, guest in itertools.product(series, repeat=2)
    ]


def tables(verdicts: Sequence[Verdict], series: Sequence[str]) -> Iterator[Table]:
    """For each scenario a row for a kernel of the host, a column for one of the guest."""
    for name in dict.fromkeys(verdict.name for verdict in verdicts):
        yield _table(name, [verdict for verdict in verdicts if verdict.name == name], series)


def _table(name: str, verdicts: Sequence[Verdict], series: Sequence[str]) -> Table:
    table = Table(box=None, pad_edge=False)
    table.add_column(Text(printable(name)), style="bold")
    for guest in series:
        table.add_column(f"guest {guest}", justify="right")
    for host in series:
        row = [verdict for verdict in verdicts if verdict.host_kernel == host]
        cells = [[each for each in row if each.guest_kernel == guest] for guest in series]
        table.add_row(f"host {host}", *map(_cell, cells))
    return table


def _cell(verdicts: Sequence[Verdict]) -> Text:
    """The worst of the outcomes and how often, if it was several times; seconds on average."""
    if not verdicts:
        return Text("not run")
    found = [verdict.verdict for verdict in verdicts]
    worst = next(one for one in (Outcome.ERROR, Outcome.FAIL, Outcome.PASS) if one in found)
    several = f" {found.count(worst)} of {len(found)}" if len(found) > 1 else ""
    seconds = [verdict.seconds["total"] for verdict in verdicts if "total" in verdict.seconds]
    took = f"  {mean(seconds):.1f} s" if seconds else ""
    return Text.assemble((f"{worst}{several}", COLOUR[worst]), took)
