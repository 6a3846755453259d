# SPDX-License-Identifier: MIT
from __future__ import annotations

import base64
import gzip
import re
from pathlib import Path

import pytest
from report_rig import NASTY, leave_run

from testbed.report.overview import write_overview
from testbed.report.page import write_report
from testbed.scenario.verdict import Outcome, Verdict


def verdicts(folder: Path) -> list[Verdict]:
    found = []
    for outcome in Outcome:
        run = leave_run(folder / outcome, outcome)
        write_report(run)
        verdict = Verdict.read(run)
        assert verdict is not None
        found.append(verdict)
    return found


def test_each_run_is_in_the_page(tmp_path: Path) -> None:
    path = tmp_path / "all.html"
    write_overview(path, verdicts(tmp_path))
    page = path.read_text()
    assert "1 PASS, 1 FAIL, 1 ERROR" in page
    packed = re.findall(r'<script id="page-(\d)" type="application/gzip">([^<]*)</script>', page)
    assert [number for number, _ in packed] == ["0", "1", "2"]
    for (_, text), outcome in zip(packed, Outcome, strict=True):
        made = gzip.decompress(base64.b64decode(text))
        assert made == (tmp_path / outcome / "report.html").read_bytes()
    assert NASTY not in page
    assert page.count("guest0 died") == 2


def test_a_run_without_a_page_is_told_without_it(tmp_path: Path) -> None:
    path = tmp_path / "all.html"
    some = verdicts(tmp_path)
    (tmp_path / "FAIL" / "report.html").unlink()
    write_overview(path, some)
    page = path.read_text()
    assert 'href="#run-0"' in page
    assert "#run-1" not in page
    assert 'id="page-2"' in page


@pytest.mark.parametrize("count", [0, 1])
def test_a_verdict_without_times_and_none_at_all(tmp_path: Path, count: int) -> None:
    path = tmp_path / "all.html"
    write_overview(path, [Verdict("uart", "arm-virt", Outcome.ERROR, message="x")] * count)
    assert f"{count} ERROR" in path.read_text()
