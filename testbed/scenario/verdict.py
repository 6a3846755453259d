# SPDX-License-Identifier: MIT
"""How a run ended: PASS, FAIL (the scenario's assertion), or ERROR with the stage that broke."""

from __future__ import annotations

import json
import traceback
from collections.abc import Mapping
from dataclasses import asdict, dataclass, field
from enum import StrEnum
from pathlib import Path
from typing import Any

from avocado.core.exceptions import TestFail

from testbed.channel.errors import ChannelTimeout, CommandFailed
from testbed.errors import Stage, TestbedError

VERDICT_FILE = "verdict.json"


def titled(name: str, host_kernel: str | None, guest_kernel: str | None) -> str:
    """What a run of a scenario is called that is one of several, on different kernels."""
    kernels = {"host": host_kernel, "guest": guest_kernel}
    which = ", ".join(f"{machine} {series}" for machine, series in kernels.items() if series)
    return f"{name} ({which})" if which else name


class Outcome(StrEnum):
    PASS = "PASS"
    FAIL = "FAIL"
    ERROR = "ERROR"


@dataclass(frozen=True)
class Verdict:
    """The end of one run. `results` is its folder, `evidence` the file that shows the cause.

    `cpu_seconds` and `peak_memory`, in MiB, are of all its processes; None where none was there to
    tell.
    """

    name: str
    board: str
    verdict: Outcome
    stage: str = ""
    message: str = ""
    seconds: dict[str, float] = field(default_factory=dict)
    results: str = ""
    seed: int = 0
    evidence: str = ""
    excerpt: tuple[str, ...] = ()
    cpu_seconds: float | None = None
    peak_memory: int | None = None
    machine: str = ""
    """Where it ran, if that was one of several."""
    host_kernel: str = ""
    """The series of the distribution's kernels that was asked for, if one was."""
    guest_kernel: str = ""

    @property
    def title(self) -> str:
        """The name, and the kernels it was to be run on."""
        return titled(self.name, self.host_kernel, self.guest_kernel)

    def to_dict(self) -> dict[str, Any]:
        return asdict(self)

    def write(self) -> None:
        """Write `verdict.json` into the results folder, whole or not at all."""
        path = Path(self.results) / VERDICT_FILE
        temporary = path.with_suffix(".tmp")
        temporary.write_text(json.dumps(self.to_dict(), indent=2) + "\n")
        temporary.rename(path)

    @classmethod
    def from_dict(cls, fields: Mapping[str, Any]) -> Verdict:
        """What `to_dict` made fields of. Raises ValueError, KeyError, TypeError."""
        outcome, excerpt = Outcome(fields["verdict"]), tuple(fields["excerpt"])
        return cls(**{**fields, "verdict": outcome, "excerpt": excerpt})

    @classmethod
    def read(cls, results: Path) -> Verdict | None:
        """The verdict in a results folder, or None when the run left none."""
        try:
            return cls.from_dict(json.loads((results / VERDICT_FILE).read_text()))
        except (OSError, ValueError, KeyError, TypeError):
            return None


@dataclass(frozen=True)
class Judgement:
    """What an exception that ended a scenario means."""

    outcome: Outcome
    stage: Stage
    message: str
    evidence: Path | None = None
    excerpt: tuple[str, ...] = ()


def judge(error: BaseException, stage: Stage, log: Path) -> Judgement:
    """FAIL for what the scenario asserts, ERROR for everything else; one line says why.

    `stage` is where the run was, `log` where the traceback was written.
    """
    match error:
        case TestbedError():
            return Judgement(
                Outcome.ERROR, error.stage, error.message, error.evidence or log, error.excerpt
            )
        case AssertionError() | TestFail() if stage is Stage.TEST:
            return Judgement(Outcome.FAIL, Stage.TEST, _assertion_text(error), log)
        case CommandFailed() | ChannelTimeout() | TimeoutError() if stage is Stage.TEST:
            # In the scenario's own part, a command that fails or an answer that does not come is
            # what the scenario is there to find out.
            return Judgement(Outcome.FAIL, Stage.TEST, _one_line(error), log)
        case _:
            return Judgement(
                Outcome.ERROR, stage, f"{type(error).__name__}: {_one_line(error)}", log
            )


def _one_line(error: BaseException) -> str:
    return " ".join(str(error).split()) or type(error).__name__


def _assertion_text(error: BaseException) -> str:
    """The assertion's own words, or the line of the scenario that asserts."""
    frame = traceback.extract_tb(error.__traceback__)[-1] if error.__traceback__ else None
    where = f" ({Path(frame.filename).name}:{frame.lineno})" if frame else ""
    if str(error):
        return _one_line(error) + where
    return (frame.line if frame and frame.line else "an assertion failed") + where
