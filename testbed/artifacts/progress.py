# SPDX-License-Identifier: MIT
"""How a set-up tells the person what it is doing: the protocol, and one line per step."""

from __future__ import annotations

import sys
import threading
import time
from collections.abc import Iterator
from contextlib import AbstractContextManager, contextmanager
from typing import Protocol, TextIO

from testbed.artifacts.estimate import Estimate
from testbed.artifacts.failure import Stopped

# A step that knows says how far it is this often, in seconds, where lines cannot move.
_REPORT_EVERY = 15.0


class Step(Protocol):
    """One thing under way, measured in bytes, in parts of the whole, or not at all.

    The methods may be called from any thread.
    """

    def expect(self, size: int) -> None:
        """The step will handle `size` bytes."""

    def reach(self, size: int) -> None:
        """The step has handled `size` bytes so far."""

    def complete(self, part: float) -> None:
        """The step has done `part` of its work, from 0 to 1; the first time, before it began."""


class Progress(Protocol):
    """Where steps and notes go. Steps of several threads overlap."""

    def step(self, title: str) -> AbstractContextManager[Step]:
        """A step that lasts as long as the context; it failed when an exception leaves it."""

    def note(self, line: str) -> None:
        """One line that stays."""


def progress_for(stream: TextIO | None = None) -> Progress:
    """Live lines on a terminal, plain ones elsewhere. Default: standard error."""
    stream = sys.stderr if stream is None else stream
    if stream.isatty():
        from testbed.artifacts.progress_live import LiveProgress  # rich takes 50 ms to import

        return LiveProgress(stream)
    return PlainProgress(stream)


def ending(error: BaseException) -> str:
    """How a step ended that `error` has left."""
    return "stopped" if isinstance(error, Stopped | KeyboardInterrupt) else "failed"


def size_text(size: int) -> str:
    return f"{size / 1e6:.1f} MB" if size >= 100_000 else f"{size / 1e3:.1f} kB"


class PlainStep:
    def __init__(self, progress: PlainProgress, title: str) -> None:
        self._progress = progress
        self._title = title
        self._expected = 0
        self._reached = 0
        self._estimate = Estimate()
        self._started = self._said = time.monotonic()

    def expect(self, size: int) -> None:
        self._expected = size

    def reach(self, size: int) -> None:
        self._reached = size
        self._report(self._sizes())

    def complete(self, part: float) -> None:
        self._estimate.reach(part)
        self._report(self._estimate.text())

    def ended(self, word: str) -> None:
        sizes = f"{self._sizes()}, " if self._expected or self._reached else ""
        self._progress.note(f"{self._title}: {word}, {sizes}{self._elapsed():.1f} s")

    def _report(self, far: str) -> None:
        if time.monotonic() - self._said >= _REPORT_EVERY:
            self._said = time.monotonic()
            self._progress.note(f"{self._title}: {far}, {self._elapsed():.0f} s")

    def _elapsed(self) -> float:
        return time.monotonic() - self._started

    def _sizes(self) -> str:
        if self._expected and self._reached != self._expected:
            return f"{size_text(self._reached)} of {size_text(self._expected)}"
        return size_text(self._reached or self._expected)


class PlainProgress:
    """One line when a step starts and one when it ends, with its seconds and size."""

    def __init__(self, stream: TextIO) -> None:
        self._stream = stream
        self._lock = threading.Lock()

    @contextmanager
    def step(self, title: str) -> Iterator[Step]:
        self.note(f"{title} ...")
        step = PlainStep(self, title)
        try:
            yield step
        except BaseException as error:
            step.ended(ending(error))
            raise
        step.ended("done")

    def note(self, line: str) -> None:
        with self._lock:
            print(line, file=self._stream, flush=True)
