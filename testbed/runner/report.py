# SPDX-License-Identifier: MIT
"""Verdicts for other programs: the exit status, JSON, and JUnit XML."""

from __future__ import annotations

import json
from collections.abc import Sequence
from pathlib import Path
from xml.etree import ElementTree

from testbed.scenario.verdict import Outcome, Verdict


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
            name=printable(verdict.title),
            time=f"{verdict.seconds.get('total', 0):.3f}",
        )
        if verdict.verdict is not Outcome.PASS:
            tag = "failure" if verdict.verdict is Outcome.FAIL else "error"
            problem = ElementTree.SubElement(
                case, tag, type=verdict.stage, message=printable(verdict.message)
            )
            problem.text = printable("\n".join((*verdict.excerpt, f"see {verdict.evidence}")))
    ElementTree.indent(suite)
    ElementTree.ElementTree(suite).write(path, encoding="utf-8", xml_declaration=True)


def printable(text: str) -> str:
    """Without control characters: consoles print them, XML has no place for them."""
    return "".join(c if c.isprintable() or c in "\n\t" else "\ufffd" for c in text)
