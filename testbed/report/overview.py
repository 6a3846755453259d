# SPDX-License-Identifier: MIT
"""All runs of one command as one HTML file, each run's own page in it."""

from __future__ import annotations

import base64
import gzip
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from testbed.report.page import PAGE, REPORT_FILE, repeat_command
from testbed.report.templates import templates
from testbed.scenario.verdict import Outcome, Verdict


def write_overview(path: Path, verdicts: Sequence[Verdict]) -> None:
    """Write the page of these verdicts; the runs' folders are not needed to look at it.

    Raises OSError when it cannot be written. A run whose own page is not there is told without it.
    """
    counts = {str(outcome): sum(v.verdict is outcome for v in verdicts) for outcome in Outcome}
    page = (
        templates(PAGE)
        .get_template("overview.html.j2")
        .render(
            counts=counts,
            rows=[_row(number, verdict) for number, verdict in enumerate(verdicts)],
            slowest=max((v.seconds.get("total", 0.0) for v in verdicts), default=0.0),
        )
    )
    path.write_text(page, encoding="utf-8", errors="replace")


def _row(number: int, verdict: Verdict) -> dict[str, Any]:
    total = verdict.seconds.get("total", 0.0)
    return {
        "number": number,
        "verdict": verdict,
        "total": total,
        "stages": {name: each for name, each in verdict.seconds.items() if name != "total"},
        "again": repeat_command(Path(verdict.results), verdict),
        "page": _packed(Path(verdict.results) / REPORT_FILE),
    }


def _packed(page: Path) -> str:
    """A page as text that stands anywhere: compressed to a tenth, in base64."""
    try:
        return base64.b64encode(gzip.compress(page.read_bytes(), 6, mtime=0)).decode()
    except OSError:
        return ""
