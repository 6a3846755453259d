# SPDX-License-Identifier: MIT
"""One run of one scenario: its directory, its stages with their times, its events."""

from __future__ import annotations

import json
import os
import shlex
import threading
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from datetime import datetime
from pathlib import Path
from typing import Any

from testbed.deadline import Deadline
from testbed.errors import Stage, TestbedError

RESULTS = Path("testbed-results")
"""Where runs leave their folders, below the current one, if nobody says where."""

STEPS_FILE = "steps.jsonl"

_LONGEST_MOMENT = 30

_STAGE = "_testbed_stage"
"""Attribute of an exception: the step it came out of."""


class Run:
    """Writes everything a run leaves behind below `directory`.

    `directory` holds `testbed.log` (what happened, with times), `steps.jsonl` (begin and end of
    each step, as in the events), `manifest.json`, `verdict.json`, and one folder a machine
    (`host/`, `guest0/` ...) with consoles, QMP transcripts, device trees and the command line as a
    script.
    All times are seconds since `start`, a moment of the monotonic clock.
    """

    def __init__(self, directory: Path, *, timeout_scale: float = 1.0, events: int | None = None):
        self.directory = directory
        self.timeout_scale = timeout_scale
        self._events = events
        self.start = time.monotonic()
        self._lock = threading.Lock()
        self.seconds: dict[str, float] = {}
        self._inner = 0.0  # seconds of finished steps inside the current one
        self.stage = Stage.INFRASTRUCTURE
        try:
            directory.mkdir(parents=True, exist_ok=True)
            self._log = (directory / "testbed.log").open("a", buffering=1)
            self._steps = (directory / STEPS_FILE).open("a", buffering=1)
        except OSError as error:
            raise unwritable(directory, error) from None

    @property
    def elapsed(self) -> float:
        """Seconds since the run began."""
        return time.monotonic() - self.start

    def deadline(self, seconds: float) -> Deadline:
        """A deadline `seconds` from now, scaled as the person running asked."""
        return Deadline(seconds * self.timeout_scale)

    def moment(self, seconds: float) -> Deadline:
        """As `deadline`, for what comes at once or not at all: no debugger makes it last."""
        return Deadline(min(seconds * self.timeout_scale, _LONGEST_MOMENT))

    def folder(self, name: str) -> Path:
        path = self.directory / name
        path.mkdir(exist_ok=True)
        return path

    def note(self, text: str) -> None:
        """Write a line (or several) to the run's log."""
        with self._lock:
            for line in text.splitlines():
                self._log.write(f"{self.elapsed:8.3f} {line}\n")

    @contextmanager
    def step(self, stage: Stage, what: str) -> Iterator[None]:
        """A part of the run that is timed, shown to the user, and named by errors in it.

        Steps nest; the seconds of a stage are without those of the steps inside it.
        """
        outer, self.stage = self.stage, stage
        begun = self.elapsed
        outside, self._inner = self._inner, 0.0
        self.note(f"{stage}: {what}")
        self.tell(event="begin", stage=stage, what=what)
        ended = "failed"
        try:
            yield
            ended = "end"
        except BaseException as error:
            if not hasattr(error, _STAGE):
                setattr(error, _STAGE, stage)
            raise
        finally:
            seconds = self.elapsed - begun
            own = seconds - self._inner
            self._inner = outside + seconds
            self.seconds[stage] = round(self.seconds.get(stage, 0.0) + own, 3)
            self.note(f"{stage}: {what}: {'done' if ended == 'end' else ended}, {seconds:.2f} s")
            self.tell(event=ended, stage=stage, what=what, seconds=seconds)
            self.stage = outer

    def stage_of(self, error: BaseException) -> Stage:
        """The innermost step that `error` came out of, or where the run is now."""
        stage: Stage = getattr(error, _STAGE, self.stage)
        return stage

    def tell(self, **event: Any) -> None:
        """Keep an event, and tell it to the runner if one listens."""
        line = json.dumps({"at": round(self.elapsed, 3), **event}) + "\n"
        self._steps.write(line)
        if self._events is None:
            return
        try:
            os.write(self._events, line.encode())
        except OSError:
            self._events = None  # nobody listens any more

    def script(
        self,
        name: str,
        argv: Sequence[str],
        *,
        comment: str,
    ) -> Path:
        """Write a command line as a script that can be run again from anywhere."""
        path = self.directory / name
        lines = [
            "#!/bin/sh",
            *(f"# {line}" for line in comment.splitlines()),
            'cd "$(dirname "$0")" || exit 1',
            f"exec {_fold(argv)}",
        ]
        path.write_text("\n".join(lines) + "\n")
        path.chmod(0o755)
        return path

    def close(self) -> None:
        self._log.close()
        self._steps.close()


def unwritable(directory: Path, error: OSError) -> TestbedError:
    """What to raise when a run cannot write to its results folder."""
    return TestbedError(
        Stage.INFRASTRUCTURE,
        f"cannot write to the results folder {directory}: {error.strerror};"
        " choose another with --results",
    )


def new_directory(results: Path | None, name: str) -> Path:
    """Make a folder `TIME-name` below `results`, by default RESULTS, that no other run has."""
    results = (results or RESULTS).absolute()
    stamp = datetime.now().strftime("%Y%m%d-%H%M%S")
    for number in range(1000):
        path = results / (f"{stamp}-{name}" + (f"-{number}" if number else ""))
        try:
            path.mkdir(parents=True)
        except FileExistsError:
            continue
        except OSError as error:
            raise TestbedError(
                Stage.INFRASTRUCTURE,
                f"cannot make a results folder in {results}: {error.strerror};"
                " choose another with --results",
            ) from None
        return path
    raise TestbedError(Stage.INFRASTRUCTURE, f"1000 runs of {name} in one second in {results}")


def _fold(argv: Sequence[str]) -> str:
    """Quote a command line, one option with its value a line."""
    lines = [shlex.quote(argv[0])]
    for word in argv[1:]:
        quoted = shlex.quote(word)
        if word.startswith("-"):
            lines.append(quoted)
        else:
            lines[-1] += " " + quoted
    return " \\\n    ".join(lines)
