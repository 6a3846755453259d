# SPDX-License-Identifier: MIT
"""`testbed bench`: figures of this machine."""

from __future__ import annotations

import argparse
import os
import tempfile
import time
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

from rich.table import Table

from testbed.artifacts import prepare, progress_for
from testbed.bench.beside_qemu import measure_beside_qemu
from testbed.bench.crypto import measure_crypto
from testbed.bench.disks import measure_disks
from testbed.bench.figures import Figure
from testbed.bench.measure import measure
from testbed.boards import board
from testbed.cli.given import options_of
from testbed.cli.output import table_console, write_figures
from testbed.options import Options
from testbed.parts import parts_for
from testbed.run import Run, new_directory
from testbed.runner.discover import find
from testbed.runner.launch import Launch


def main(parsed: argparse.Namespace) -> int:
    options = options_of(parsed)
    console = table_console()
    figures = []
    if parsed.nested_reference:
        measured = measure_beside_qemu(options)
    else:
        measured = _figures(options, fresh=parsed.fresh)
    for figure in measured:
        figures.append(figure)
        console.print(f"{figure.name}: {_value(figure.median)} {figure.unit}")
    console.print(_table(figures))
    if parsed.json is not None:
        write_figures(parsed.json, {"figures": [figure.to_dict() for figure in figures]})
    return 0


def _figures(options: Options, *, fresh: bool) -> Iterator[Figure]:
    if fresh:
        yield from _fresh_setup(options)
    artifacts = parts_for(options, progress_for())
    for part in (measure, measure_disks, measure_crypto):
        run = Run(new_directory(options.results, "bench"), timeout_scale=options.timeout_scale)
        yield from part(run, board(options.board), artifacts)
        run.close()
    yield _whole_run(options)


def _whole_run(options: Options) -> Figure:
    """Scenario `uart`, from the start of its process to its verdict."""
    start = time.perf_counter()
    launch = Launch(find(["uart"], options.board)[0], replace(options, seed=1), lambda event: None)
    verdict = launch.wait_or_end()
    seconds = time.perf_counter() - start
    return Figure(f"scenario uart: {verdict.verdict}", "s", seconds, aim="under 30")


def _fresh_setup(options: Options) -> Iterator[Figure]:
    """Everything fetched and built into an empty cache, which is removed afterwards."""
    before = os.environ.get("TESTBED_CACHE")
    with tempfile.TemporaryDirectory(prefix="testbed-bench-") as folder:
        os.environ["TESTBED_CACHE"] = folder
        try:
            start = time.perf_counter()
            prepare(options.board, progress=progress_for())
            seconds = time.perf_counter() - start
            blobs = Path(folder, "blobs").rglob("*")
            fetched = sum(path.stat().st_size for path in blobs if path.is_file())
        finally:
            if before is None:
                del os.environ["TESTBED_CACHE"]
            else:
                os.environ["TESTBED_CACHE"] = before
    yield Figure("fresh set-up", "s", seconds)
    yield Figure("packages fetched", "MB", fetched / 1e6)


def _table(figures: list[Figure]) -> Table:
    table = Table(box=None, pad_edge=False)
    for title in ("figure", "median", "5 %", "95 %"):
        table.add_column(title, justify="left" if title == "figure" else "right")
    table.add_column("unit")
    table.add_column("aim")
    for figure in figures:
        spread = ["" if v is None else _value(v) for v in (figure.low, figure.high)]
        table.add_row(figure.name, _value(figure.median), *spread, figure.unit, figure.aim)
    return table


def _value(value: float) -> str:
    return f"{value:.0f}" if value >= 100 else f"{value:.1f}"
