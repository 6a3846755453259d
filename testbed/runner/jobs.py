# SPDX-License-Identifier: MIT
"""What a `testbed run` is to do: each scenario once, several times, or until one fails."""

from __future__ import annotations

import itertools
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from testbed.options import Options
from testbed.runner.discover import ScenarioFile
from testbed.scenario.verdict import titled


@dataclass(frozen=True)
class Job:
    """One run of one scenario. `number` counts from 0 in the order asked for."""

    number: int
    label: str
    """The scenario's name, its kernels if asked for, and which repetition of it this is."""
    scenario: ScenarioFile
    options: Options


def jobs(chosen: Sequence[tuple[ScenarioFile, Options]], rounds: int | None) -> Iterator[Job]:
    """All scenarios in turn, `rounds` times, or without end if None."""
    numbers = itertools.count()
    for round_ in itertools.count(1) if rounds is None else range(1, rounds + 1):
        for scenario, options in chosen:
            title = titled(scenario.name, options.kernel_series, options.guest_kernel_series)
            label = title if rounds == 1 else f"{title} #{round_}"
            yield Job(next(numbers), label, scenario, options)
