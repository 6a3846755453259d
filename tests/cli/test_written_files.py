# SPDX-License-Identifier: MIT
"""Files that a command writes at its end, where there is no room."""

from __future__ import annotations

import argparse
from pathlib import Path

import pytest

from testbed.bench.figures import Figure
from testbed.checklist.result import Checklist
from testbed.cli import bench, checklist, main
from testbed.errors import TestbedError

FULL = Path("/dev/full")


def test_figures_that_cannot_be_written_are_printed_all_the_same(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    figure = Figure("MMIO", "us", 12.0)
    monkeypatch.setattr(bench, "_figures", lambda _, fresh: iter([figure]))
    assert main.main(["bench", "--json", str(FULL)]) == 2
    printed = capsys.readouterr()
    assert "MMIO: 12.0 us" in printed.out
    assert printed.err == (
        "testbed: ERROR (infrastructure): cannot write the figures /dev/full: No space left on"
        " device; choose another file with --json\n"
    )


def test_a_checklist_that_cannot_be_written_is_told() -> None:
    made = Checklist(tree="x.dts", model="x", board="e500", entries=(), excused=(), columns=())
    wanted = argparse.Namespace(html=None, markdown=None, json=FULL)
    with pytest.raises(TestbedError, match="cannot write the checklist /dev/full: No space left"):
        checklist._write(made, wanted)
