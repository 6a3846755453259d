# SPDX-License-Identifier: MIT
"""Scenario `uart` from command to verdict, beside the same in the way of QEMU's own nested test."""

from __future__ import annotations

import sys
import time
from collections.abc import Iterator
from pathlib import Path

from testbed.bench.figures import Figure
from testbed.deadline import Deadline
from testbed.errors import Stage, TestbedError
from testbed.options import Options
from testbed.process import Process
from testbed.run import new_directory
from testbed.runner.discover import ScenarioFile
from testbed.runner.invocation import choosing
from testbed.scenario.verdict import Outcome, Verdict

_TIMES = 3
_SECONDS = 900
_REFERENCE = ScenarioFile("nested-reference", Path(__file__).with_name("nested_reference.py"))


def measure_beside_qemu(options: Options) -> Iterator[Figure]:
    """Run both by the command a person uses, and give the figures and their ratio.

    The first run is not counted: what later ones find in the cache, it may have to make. On boards
    that the reference is not for, there are only the figures of the scenario.
    """
    results = new_directory(options.results, "bench")
    _run("uart", options, results)
    ours = [_run("uart", options, results) for _ in range(_TIMES)]
    whole = Figure.of("uart: command to verdict", "s", [seconds for seconds, _ in ours])
    yield whole
    yield from _stages("uart", [verdict for _, verdict in ours])
    if not _REFERENCE.runs_on(options.board):
        return
    seconds, verdict = _run(str(_REFERENCE.path), options, results)
    name = "uart as QEMU's own nested test"
    yield Figure(f"{name}: command to verdict", "s", seconds)
    yield from _stages(name, [verdict])
    yield Figure(f"{name} / uart: command to verdict", "times", seconds / whole.median)


def _stages(name: str, verdicts: list[Verdict]) -> Iterator[Figure]:
    for stage in verdicts[0].seconds:
        if stage != "total":
            values = [verdict.seconds[stage] for verdict in verdicts]
            yield Figure.of(f"{name}: {stage}", "s", values)


def _run(scenario: str, options: Options, results: Path) -> tuple[float, Verdict]:
    """Seconds from the start of the command to its end, and the verdict it left.

    TestbedError when that is not PASS.
    """
    folder = new_directory(results, Path(scenario).stem)
    command = [sys.executable, "-m", "testbed.cli.main", "run", scenario]
    command += ["--board", options.board, "--results", str(folder)]
    command += ["--timeout-scale", str(options.timeout_scale), *choosing(options)]
    start = time.perf_counter()
    process = Process(command, cwd=Path.cwd(), log=folder / "output.log")
    try:
        ended = process.start().wait(Deadline(_SECONDS * options.timeout_scale))
    finally:
        process.stop(30)
    seconds = time.perf_counter() - start
    verdict = next((found for path in folder.iterdir() if (found := Verdict.read(path))), None)
    if not ended or verdict is None or verdict.verdict is not Outcome.PASS:
        came = "no end" if not ended else "no verdict" if verdict is None else verdict.verdict
        raise TestbedError(
            Stage.TEST,
            f"timing 'testbed run {scenario}': {came} came instead of PASS; its output says why",
            evidence=folder / "output.log",
        )
    return seconds, verdict
