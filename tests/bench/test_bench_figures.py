# SPDX-License-Identifier: MIT
from __future__ import annotations

import json

from testbed.bench.figures import Figure


def test_a_figure_is_the_median_and_the_middle_nine_tenths() -> None:
    values = [float(value) for value in range(100, 0, -1)]
    figure = Figure.of("MMIO read", "us", values, "under 15")
    assert figure == Figure("MMIO read", "us", 50.5, 6.0, 95.0, "under 15")


def test_few_values_are_their_own_spread() -> None:
    assert Figure.of("boot", "s", [3.0]) == Figure("boot", "s", 3.0, 3.0, 3.0)
    assert Figure.of("boot", "s", [3.0, 1.0, 2.0]) == Figure("boot", "s", 2.0, 1.0, 3.0)


def test_an_outlier_is_no_part_of_the_spread() -> None:
    figure = Figure.of("x", "us", [1.0] * 19 + [1000.0])
    assert (figure.median, figure.high) == (1.0, 1.0)


def test_a_figure_can_be_written_as_json() -> None:
    written = json.loads(json.dumps(Figure("boot", "s", 7.5).to_dict()))
    assert written == {
        "name": "boot",
        "unit": "s",
        "median": 7.5,
        "low": None,
        "high": None,
        "aim": "",
    }
