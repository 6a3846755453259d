# SPDX-License-Identifier: MIT
"""A measured figure, its spread, and what the project aims at."""

from __future__ import annotations

import statistics
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from typing import Any


@dataclass(frozen=True)
class Figure:
    """`median`, `low` and `high` are in `unit`; `aim` is what the project aims at, if anything."""

    name: str
    unit: str
    median: float
    low: float | None = None
    high: float | None = None
    aim: str = ""

    @classmethod
    def of(cls, name: str, unit: str, values: Sequence[float], aim: str = "") -> Figure:
        """The median of `values`, with the fifth and ninety-fifth percentiles beside it."""
        ordered = sorted(values)
        low, high = ordered[len(ordered) // 20], ordered[-1 - len(ordered) // 20]
        return cls(name, unit, statistics.median(ordered), low, high, aim)

    def to_dict(self) -> dict[str, Any]:
        return asdict(self)
