# SPDX-License-Identifier: MIT
"""Everything that a run's folder says of the run, as far as a page can show it."""

from __future__ import annotations

import json
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from testbed.errors import TestbedError
from testbed.report.console_file import Lines, read_console, read_log
from testbed.report.nodes import NodePair, read_nodes
from testbed.report.steps import Step, read_steps
from testbed.report.trace_file import Activity, read_trace
from testbed.scenario.verdict import VERDICT_FILE, Verdict

LOG_BYTES = 1 << 20
TRACE_HEAD_BYTES = 1 << 19
TRACE_TAIL_BYTES = 3 << 19
"""What is read of a longer file. Above all its end is worth looking at, most of all after a
failure; a page of all of a storm's interrupts would be one that no browser opens."""


@dataclass
class Recording:
    """One run. `verdict` is None of one that was killed, or still runs.

    `consoles` has the run's own log first, then host and guests. `problems` says, a line each, what
    could not be read.
    """

    directory: Path
    verdict: Verdict | None
    manifest: dict[str, Any] = field(default_factory=dict)
    steps: list[Step] = field(default_factory=list)
    consoles: list[Lines] = field(default_factory=list)
    activities: list[Activity] = field(default_factory=list)
    nodes: list[NodePair] = field(default_factory=list)
    problems: list[str] = field(default_factory=list)

    @property
    def seconds(self) -> float:
        """When the last thing happened."""
        total = self.verdict.seconds.get("total", 0.0) if self.verdict else 0.0
        times = [at for console in self.consoles for at, _ in console.lines[-1:] if at is not None]
        times += [step.end for step in self.steps]
        times += [activity.times[-1] / 1e6 for activity in self.activities if activity.times]
        return max((total, *times))


def is_run(directory: Path) -> bool:
    """Whether a folder is one that a run left."""
    return any((directory / name).is_file() for name in (VERDICT_FILE, "testbed.log"))


def read_run(directory: Path, *, whole: bool = False) -> Recording:
    """All of a run that can be read; the rest is told in `problems`.

    Of long files only what a page takes is read, but with `whole` everything.
    """
    log_bytes = sys.maxsize if whole else LOG_BYTES
    head, tail = (-1, 0) if whole else (TRACE_HEAD_BYTES, TRACE_TAIL_BYTES)
    found = Recording(directory, Verdict.read(directory))
    found.steps = read_steps(directory)
    manifest = directory / "manifest.json"
    if manifest.exists():
        with _told(found.problems, manifest):
            found.manifest.update(json.loads(manifest.read_text()))
    log = directory / "testbed.log"
    if log.exists():
        with _told(found.problems, log):
            found.consoles.append(read_log(log, log_bytes))
    for machine in _machines(directory):
        console = directory / machine / "console.log"
        if console.exists():
            with _told(found.problems, console):
                found.consoles.append(read_console(console, directory, log_bytes))
        with _told(found.problems, directory / machine / "nodes.json"):
            found.nodes += read_nodes(directory, machine)
    for trace in sorted(directory.glob("host/*.trace")):
        with _told(found.problems, trace):
            found.activities.append(read_trace(trace, directory, head=head, tail=tail))
    return found


def _machines(directory: Path) -> list[str]:
    """The host and then the guests, by number."""
    guests = [path.name for path in directory.glob("guest*") if path.is_dir()]
    return ["host", *sorted(guests, key=lambda name: (len(name), name))]


@contextmanager
def _told(problems: list[str], path: Path) -> Iterator[None]:
    try:
        yield
    except OSError as error:
        problems.append(f"cannot read {path}: {error.strerror}")
    except (ValueError, TypeError) as error:
        problems.append(f"{path} is not what a run writes: {error}")
    except TestbedError as error:
        problems.append(error.message)
