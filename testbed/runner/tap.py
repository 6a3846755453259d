# SPDX-License-Identifier: MIT
"""Verdicts in the Test Anything Protocol, version 14 (testanything.org)."""

from __future__ import annotations

import json
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

from testbed.runner.report import printable
from testbed.scenario.verdict import Outcome, Verdict


def write_tap(path: Path, verdicts: Sequence[Verdict]) -> None:
    """Write a test point for each verdict, named board/scenario, with what is known of it below.

    Both FAIL and ERROR are "not ok"; `severity` tells them apart. Raises OSError.
    """
    lines = ["TAP version 14", f"1..{len(verdicts)}"]
    for number, verdict in enumerate(verdicts, 1):
        lines += _point(number, verdict)
    path.write_text("\n".join(lines) + "\n", encoding="utf-8")


def _point(number: int, verdict: Verdict) -> Iterator[str]:
    ok = "ok" if verdict.verdict is Outcome.PASS else "not ok"
    yield f"{ok} {number} - {_description(f'{verdict.board}/{verdict.title}')}"
    known: dict[str, Any] = {
        "duration_ms": round(1000 * verdict.seconds.get("total", 0)),
        "seed": verdict.seed,
    }
    if verdict.verdict is not Outcome.PASS:
        known |= {
            "severity": verdict.verdict.lower(),
            "stage": verdict.stage,
            "message": verdict.message,
            "evidence": verdict.evidence,
            "excerpt": verdict.excerpt,
        }
    yield "  ---"
    for name, value in known.items():
        yield f"  {name}: {json.dumps(value)}"  # JSON is YAML
    yield "  ..."


def _description(text: str) -> str:
    """One line in which '#' begins no directive."""
    line = " ".join(printable(text).split())
    return line.replace("\\", "\\\\").replace("#", "\\#")
