# SPDX-License-Identifier: MIT
"""A run as one HTML file that needs nothing else: no network, no other file.

What is small is in the page's own text, by a template that escapes it. What is drawn or listed by
the page's program is JSON in it, in which nothing can end the element that holds it.
"""

from __future__ import annotations

import contextlib
import json
import re
import shlex
import sys
from collections.abc import Iterator
from datetime import datetime
from pathlib import Path
from typing import Any

from markupsafe import Markup

from testbed.errors import TestbedError
from testbed.process import tail
from testbed.report.console_file import plain
from testbed.report.recording import Recording, read_run
from testbed.report.templates import templates
from testbed.report.trace_file import Activity, Kind
from testbed.runner.invocation import Invocation
from testbed.scenario.verdict import Outcome, Verdict

REPORT_FILE = "report.html"
PAGE = Path(__file__).parent / "page"

_LAST_LINES = 4
"""Of each console, after a failure: where each machine was when the run ended."""

_ENDED = re.compile(r": terminating on signal 15 from pid \d+")
"""What QEMU says when it is asked to end, as each is at a run's end: not what broke."""


def write_report(run: Path, output: Path | None = None) -> Path:
    """Make the page of a run's folder, by default there. Raises OSError when it cannot be written.

    Readers of the file see it whole, before or after.
    """
    path = output or run / REPORT_FILE
    temporary = path.with_name(f".{path.name}.tmp")
    # Consoles and file names may hold what is no text.
    page = render(read_run(run.resolve()))
    try:
        temporary.write_text(page, encoding="utf-8", errors="replace")
        temporary.replace(path)
    except OSError:
        with contextlib.suppress(OSError):
            temporary.unlink()
        raise
    return path


def render(recording: Recording) -> str:
    """The page of a run."""
    verdict = recording.verdict
    return (
        templates(PAGE)
        .get_template("run.html.j2")
        .render(
            run=recording,
            verdict=verdict,
            outcome=verdict.verdict if verdict else "no verdict",
            name=verdict.title if verdict else recording.directory.name,
            began=_began(recording.directory),
            again=repeat_command(recording.directory, verdict) if verdict else "",
            endings=list(_endings(recording)),
            parts=list(_parts(recording.manifest)),
            idle=[activity.device for activity in recording.activities if activity.idle],
            gaps=[activity for activity in recording.activities if activity.gap],
            data=embedded(page_data(recording)),
        )
    )


def leave_report(run: Path) -> None:
    """Make the page of a run that ended. What becomes of the page never changes a verdict."""
    try:
        write_report(run)
    except OSError as error:
        print(
            f"testbed: cannot write {run / REPORT_FILE}: {error.strerror};"
            f" free space there, then: testbed report {shlex.quote(str(run))}",
            file=sys.stderr,
        )


def embedded(document: Any) -> Markup:
    """JSON that may stand in a <script> element: it has no '<', so it cannot end it."""
    text = json.dumps(document, separators=(",", ":"))
    return Markup(text.replace("<", "\\u003c"))


def page_data(recording: Recording) -> dict[str, Any]:
    """What the page's program draws and lists; times are seconds but where said."""
    return {
        "seconds": recording.seconds,
        "steps": [
            {
                "level": step.level,
                "stage": step.stage,
                "what": plain(step.what),
                "begin": step.begin,
                "end": step.end,
                "depth": step.depth,
                "outcome": step.outcome,
            }
            for step in recording.steps
        ],
        "consoles": [
            {"name": console.name, "lines": console.lines} for console in recording.consoles
        ],
        "devices": [_device(activity) for activity in recording.activities],
    }


def _device(activity: Activity) -> dict[str, Any]:
    """`steps` are microseconds since the line before, `codes` say which entry each line is."""
    times = activity.times
    wires = (entry.wire() for entry in activity.entries if entry.kind is Kind.WIRE)
    gap = activity.gap
    return {
        "name": plain(activity.device),
        "idle": activity.idle,
        "steps": [now - before for before, now in zip([0, *times], times, strict=False)],
        "codes": activity.codes,
        "entries": [[entry.kind, plain(entry.text)] for entry in activity.entries],
        "wires": list(dict.fromkeys(name for name, level in wires if level)),
        "gap": [gap.begin / 1e6, gap.end / 1e6] if gap else None,
    }


def repeat_command(run: Path, verdict: Verdict) -> str:
    """The command that runs the scenario of the run in a folder again, as far as that is known."""
    if not verdict.machine:  # the paths of another machine are not here
        with contextlib.suppress(TestbedError):
            return Invocation.read(run).command(verdict.seed)
    words = ["testbed", "run", verdict.name, "--board", verdict.board, "--seed", str(verdict.seed)]
    return shlex.join(words)


def _began(run: Path) -> str:
    """When the run began, by the name of its folder, or "" where it has another."""
    try:
        return datetime.strptime(run.name[:15], "%Y%m%d-%H%M%S").strftime("%Y-%m-%d %H:%M:%S")
    except ValueError:
        return ""


def _endings(recording: Recording) -> Iterator[tuple[str, list[str]]]:
    """The last lines of every machine of a run that did not pass."""
    verdict = recording.verdict
    if verdict is not None and verdict.verdict is Outcome.PASS:
        return
    for console in recording.consoles[1:]:
        if lines := [text for _, text in console.lines[-_LAST_LINES:]]:
            yield console.file, lines
    for path in sorted(recording.directory.glob("*/qemu.log")):
        said = [plain(line) for line in tail(path, _LAST_LINES)]
        if lines := [line for line in said if not _ENDED.search(line)]:
            yield str(path.relative_to(recording.directory)), lines


def _parts(manifest: dict[str, Any]) -> Iterator[tuple[str, str]]:
    """The QEMU of the host and the packages of a manifest, as far as it is one."""
    qemu = manifest.get("qemu")
    if isinstance(qemu, dict):
        yield str(qemu.get("program", "QEMU")), str(qemu.get("package") or qemu.get("version", ""))
    for selection in manifest.get("selections") or ():
        for package in selection.get("packages") or ():
            yield str(package.get("package", "")), str(package.get("version", ""))
