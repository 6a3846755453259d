# SPDX-License-Identifier: MIT
"""`testbed sizing`: what runs cost, and what so many a day take."""

from __future__ import annotations

import argparse
from collections.abc import Sequence
from dataclasses import asdict
from pathlib import Path

from rich.table import Table
from rich.text import Text

from testbed.bench.sizing import Cost, Demand, Spread, costs, demand, passed_runs
from testbed.cli.output import table_console, write_figures
from testbed.run import RESULTS
from testbed.runner.discover import UsageError
from testbed.runner.report import printable


def main(parsed: argparse.Namespace) -> int:
    folders: Sequence[Path] = parsed.folders or [RESULTS]
    for folder in folders:
        if not folder.is_dir():
            raise UsageError(f"{folder}: no such folder; give one below which runs left theirs")
    runs, others = passed_runs(folders)
    if not runs:
        raise UsageError(
            f"no run below {', '.join(map(str, folders))} has passed and says what it took;"
            " 'testbed run' some first"
        )
    measured = costs(runs)
    total = demand(measured, parsed.runs)
    table_console().print(_table(measured))
    if others:
        print(f"{others} more did not pass and are left out")
    for line in _lines(total):
        print(line)
    if parsed.json is not None:
        scenarios = [asdict(cost) for cost in measured]
        write_figures(parsed.json, {"scenarios": scenarios, "a day": asdict(total)})
    return 0


def _table(measured: Sequence[Cost]) -> Table:
    """A spread is the least, the median and the most."""
    table = Table(box=None, pad_edge=False)
    for title in ("scenario", "board"):
        table.add_column(title)
    for title in ("runs", "seconds", "CPU seconds", "memory MiB", "folder MB"):
        table.add_column(title, justify="right")
    for cost in measured:
        spreads = (cost.seconds, cost.cpu_seconds, cost.memory, cost.disk)
        name = Text(printable(cost.name))
        table.add_row(name, cost.board, str(cost.runs), *map(_spread, spreads))
    return table


def _spread(spread: Spread) -> str:
    values = (spread.low, spread.median, spread.high)
    digits = 0 if spread.high >= 100 else 1
    return " ".join(f"{value:5.{digits}f}" for value in values)


def _lines(total: Demand) -> list[str]:
    return [
        f"{total.runs:,} runs a day, each scenario as often as any other, evenly over the day:",
        f"  {total.cores:.1f} cores busy all the time",
        f"  {total.at_once:.1f} runs at once, with {total.memory:.1f} GiB of memory",
        f"  {total.disk:.1f} GB left on the disk each day",
    ]
