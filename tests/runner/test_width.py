# SPDX-License-Identifier: MIT
from __future__ import annotations

import pytest

from testbed.runner.width import default_width

GIB = 1 << 30


@pytest.mark.parametrize(
    ("cores", "available", "width"),
    [
        (1, 64 * GIB, 2),
        (2, 64 * GIB, 3),
        (16, 64 * GIB, 17),
        (16, 7 * GIB, 3),
        (16, 0, 1),
    ],
)
def test_runs_at_a_time_by_cores_and_memory(cores: int, available: int, width: int) -> None:
    assert default_width(cores, available) == width


def test_this_machine_runs_one_at_least() -> None:
    assert default_width() >= 1
