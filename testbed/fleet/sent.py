# SPDX-License-Identifier: MIT
"""Scenarios that are not in the project: they are sent to the machines, with what lies beside."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path

from testbed.bundle.companions import with_companions
from testbed.fleet.project import SHARED
from testbed.paths import PROJECT
from testbed.runner.discover import ScenarioFile

SENT = "scenario-"
"""What the names of their folders begin with, which are in that of the run."""


@dataclass(frozen=True)
class Sent:
    """One scenario, and the folder of its own in that of the run."""

    path: Path
    folder: str

    @property
    def names(self) -> list[str]:
        """It and what it needs, as paths from its folder here on, and from that there."""
        return with_companions(self.path)

    def there(self, run: Path) -> Path:
        """The scenario on a machine, where the run's folder is `run`."""
        return run / self.folder / self.path.name


def to_send(wanted: Iterable[ScenarioFile], project: Path = PROJECT) -> dict[Path, Sent]:
    """Those of the wanted that the machines do not have, by their paths."""
    shared = [project / name for name in SHARED]
    outside = (s.path for s in wanted if not any(s.path.is_relative_to(place) for place in shared))
    return {path: Sent(path, f"{SENT}{n}") for n, path in enumerate(dict.fromkeys(outside))}
