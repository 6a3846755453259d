# SPDX-License-Identifier: MIT
from __future__ import annotations

from pathlib import Path

from testbed.cli.fleet import _arguments
from testbed.options import Options


def test_runs_have_the_deadlines_of_those_that_share_a_machine() -> None:
    words = _arguments(Path("scenarios/uart.py"), Options(board="e500", seed=5, timeout_scale=1.5))
    assert words[words.index("--timeout-scale") + 1] == "3.0"
