# SPDX-License-Identifier: MIT
"""Verdicts for people, as JSON, and as JUnit XML."""

from __future__ import annotations

import json
from collections.abc import Sequence
from pathlib import Path
from typing import Any
from xml.etree import ElementTree

from rich.console import Console
from rich.text import Text

from testbed.scenario.verdict import Outcome, Verdict

_COLOUR = {Outcome.PASS: "green", Outcome.FAIL: "red", Outcome.ERROR: "yellow"}


class LiveReport:
    """A line for each stage of a scenario as it ends, and one for its verdict."""

    def __init__(self, console: Console) -> None:
        self._console = console

    def begin(self, name: str, board: str) -> None:
        self._console.print(Text.assemble((_printable(name), "bold"), f" on {board}"))

    def event(self, event: dict[str, Any]) -> None:
        if event["event"] == "begin":
            return
        if event["stage"] == "test" and event["what"] == "running the scenario":
            return
        mark = "" if event["event"] == "end" else "  failed"
        line = (
            f"  {event['at']:7.1f} s  {event['stage']:<11} {event['what']}"
            f" ({event['seconds']:.1f} s){mark}"
        )
        self._console.print(Text(_printable(line)), soft_wrap=True)

    def verdict(self, verdict: Verdict) -> None:
        stage = f" ({verdict.stage})" if verdict.verdict is Outcome.ERROR else ""
        seconds = f"  {verdict.seconds['total']:.1f} s" if "total" in verdict.seconds else ""
        line = Text.assemble(
            ("  "),
            (verdict.verdict + stage, f"bold {_COLOUR[verdict.verdict]}"),
            f"  {_printable(verdict.name)}{seconds}  ",
            (verdict.results, "dim"),
        )
        self._console.print(line, soft_wrap=True)
        if verdict.verdict is Outcome.PASS:
            return
        self._console.print(Text(f"  {_printable(verdict.message)}"), soft_wrap=True)
        for shown in verdict.excerpt:
            self._console.print(Text(f"    | {_printable(shown)}", "dim"), soft_wrap=True)
        self._console.print(Text(f"  see {verdict.evidence}"), soft_wrap=True)

    def summary(self, verdicts: Sequence[Verdict]) -> None:
        counts = [f"{sum(v.verdict is outcome for v in verdicts)} {outcome}" for outcome in Outcome]
        self._console.print(Text(", ".join(counts), "bold"))


def exit_status(verdicts: Sequence[Verdict]) -> int:
    """0 all PASS, 1 some FAIL, 2 some ERROR (which says more about the run than a FAIL)."""
    outcomes = {verdict.verdict for verdict in verdicts}
    if Outcome.ERROR in outcomes:
        return 2
    return 1 if Outcome.FAIL in outcomes else 0


def write_json(path: Path, verdicts: Sequence[Verdict]) -> None:
    document = {"scenarios": [verdict.to_dict() for verdict in verdicts]}
    path.write_text(json.dumps(document, indent=2) + "\n")


def write_junit(path: Path, verdicts: Sequence[Verdict]) -> None:
    suite = ElementTree.Element(
        "testsuite",
        name="testbed",
        tests=str(len(verdicts)),
        failures=str(sum(v.verdict is Outcome.FAIL for v in verdicts)),
        errors=str(sum(v.verdict is Outcome.ERROR for v in verdicts)),
        time=f"{sum(v.seconds.get('total', 0) for v in verdicts):.3f}",
    )
    for verdict in verdicts:
        case = ElementTree.SubElement(
            suite,
            "testcase",
            classname=f"testbed.{verdict.board}",
            name=_printable(verdict.name),
            time=f"{verdict.seconds.get('total', 0):.3f}",
        )
        if verdict.verdict is not Outcome.PASS:
            tag = "failure" if verdict.verdict is Outcome.FAIL else "error"
            problem = ElementTree.SubElement(
                case, tag, type=verdict.stage, message=_printable(verdict.message)
            )
            problem.text = _printable("\n".join((*verdict.excerpt, f"see {verdict.evidence}")))
    ElementTree.indent(suite)
    ElementTree.ElementTree(suite).write(path, encoding="utf-8", xml_declaration=True)


def _printable(text: str) -> str:
    """Without control characters: consoles print them, XML has no place for them."""
    return "".join(c if c.isprintable() or c in "\n\t" else "\ufffd" for c in text)
