# SPDX-License-Identifier: MIT
"""The steps of a run, from the events it kept."""

from __future__ import annotations

import json
from dataclasses import dataclass
from pathlib import Path

from testbed.errors import Stage
from testbed.run import STEPS_FILE

_LEVELS = {
    Stage.ARTIFACTS: "testbed",
    Stage.INFRASTRUCTURE: "testbed",
    Stage.TEST: "scenario",
    Stage.GUEST_BOOT: "guest",
}


@dataclass
class Step:
    """A part of a run: seconds since its start, and how many steps it lies in.

    `outcome` is "end", "failed", or "open" for one that the run's death left without an end.
    """

    stage: str
    what: str
    begin: float
    end: float
    depth: int
    outcome: str = "open"

    @property
    def level(self) -> str:
        """Whose step it is: the testbed's, the scenario's, the host's or a guest's."""
        try:
            return _LEVELS.get(Stage(self.stage), "host")
        except ValueError:
            return "host"


def read_steps(run: Path) -> list[Step]:
    """In the order they began; none of a run that kept none. A cut last line is left out."""
    try:
        text = (run / STEPS_FILE).read_text(errors="replace")
    except OSError:
        return []
    steps: list[Step] = []
    open_ones: list[Step] = []
    latest = 0.0
    for line in text.splitlines():
        try:
            event = json.loads(line)
            kind, at = event["event"], float(event["at"])
            stage, what = str(event["stage"]), str(event["what"])
        except (ValueError, KeyError, TypeError):
            continue
        latest = max(latest, at)
        if kind == "begin":
            step = Step(stage, what, at, at, len(open_ones))
            steps.append(step)
            open_ones.append(step)
            continue
        ended = next((s for s in reversed(open_ones) if (s.stage, s.what) == (stage, what)), None)
        if ended is not None and kind in ("end", "failed"):
            ended.end, ended.outcome = at, kind
            open_ones.remove(ended)
    for step in open_ones:
        step.end = latest
    return steps
