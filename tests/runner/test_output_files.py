# SPDX-License-Identifier: MIT
from __future__ import annotations

import argparse
import json
from pathlib import Path

import pytest

from testbed.runner.files import write_files
from testbed.scenario.verdict import Outcome, Verdict

VERDICTS = [Verdict("uart", "e500", Outcome.PASS)]


def asked(**files: Path) -> argparse.Namespace:
    return argparse.Namespace(**(dict.fromkeys(("json", "junit", "tap", "html")) | files))


def test_what_was_asked_for_is_written(tmp_path: Path) -> None:
    names = ("json", "junit", "tap", "html")
    assert write_files(asked(**{name: tmp_path / name for name in names}), VERDICTS)
    assert json.loads((tmp_path / "json").read_text())["scenarios"][0]["name"] == "uart"
    assert "<testsuite" in (tmp_path / "junit").read_text()
    assert (tmp_path / "tap").read_text().startswith("TAP version 14\n1..1\nok 1 - e500/uart\n")
    assert "1 PASS" in (tmp_path / "html").read_text()


def test_nothing_asked_for_is_nothing_written(tmp_path: Path) -> None:
    assert write_files(asked(), VERDICTS)


def test_one_that_cannot_be_written_keeps_none_of_the_others(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    files = asked(json=Path("/dev/full"), tap=tmp_path / "tap")
    assert not write_files(files, VERDICTS)
    assert capsys.readouterr().err == (
        "testbed: cannot write --json /dev/full: No space left on device;"
        " each run's verdict is in its folder\n"
    )
    assert (tmp_path / "tap").exists()
