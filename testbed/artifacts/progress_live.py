# SPDX-License-Identifier: MIT
"""Progress on a terminal: a moving line per step, with how far it is and the elapsed time."""

from __future__ import annotations

import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from typing import TextIO

from rich.console import Console
from rich.markup import escape
from rich.progress import (
    Progress,
    ProgressColumn,
    SpinnerColumn,
    Task,
    TaskID,
    TextColumn,
    TimeElapsedColumn,
)
from rich.text import Text

from testbed.artifacts.estimate import Estimate
from testbed.artifacts.progress import Step, ending, size_text


class _Bytes(ProgressColumn):
    """Bytes so far, of how many, and the rate; nothing for a step that counts none."""

    def render(self, task: Task) -> Text:
        if not task.total:
            return Text("")
        rate = f", {size_text(int(task.speed))}/s" if task.speed else ""
        done = size_text(int(task.completed))
        return Text(f"{done} of {size_text(int(task.total))}{rate}", style="cyan")


class _Left(ProgressColumn):
    """Percent done and the time left; nothing for a step that does not know."""

    def render(self, task: Task) -> Text:
        estimate = task.fields["estimate"]
        assert isinstance(estimate, Estimate)
        return Text(estimate.text(), style="cyan")


class LiveStep:
    def __init__(self, display: Progress, task: TaskID, estimate: Estimate) -> None:
        self._display = display
        self._task = task
        self._estimate = estimate
        self.size = 0

    def expect(self, size: int) -> None:
        self.size = max(self.size, size)
        self._display.update(self._task, total=size)

    def reach(self, size: int) -> None:
        self.size = max(self.size, size)
        self._display.update(self._task, completed=size)

    def complete(self, part: float) -> None:
        self._estimate.reach(part)


class LiveProgress:
    """Steps under way move at the bottom; each leaves one line when it ends."""

    def __init__(self, stream: TextIO) -> None:
        self._console = Console(file=stream, highlight=False)
        self._lock = threading.Lock()
        self._display: Progress | None = None
        self._active = 0

    @contextmanager
    def step(self, title: str) -> Iterator[Step]:
        display = self._enter()
        estimate = Estimate()
        task = display.add_task(escape(title), total=None, estimate=estimate)
        step = LiveStep(display, task, estimate)
        started = time.monotonic()
        mark = "[green]done[/]"
        try:
            yield step
        except BaseException as error:
            mark = f"[red]{ending(error)}[/]"
            raise
        finally:
            display.remove_task(task)
            size = f"{size_text(step.size)}, " if step.size else ""
            seconds = time.monotonic() - started
            display.console.print(f"{mark} {escape(title)} [dim]{size}{seconds:.1f} s[/]")
            self._leave()

    def note(self, line: str) -> None:
        self._console.print(escape(line))

    def _enter(self) -> Progress:
        # The display runs only while a step does: other output of the run owns the terminal then.
        with self._lock:
            if self._display is None:
                self._display = Progress(
                    SpinnerColumn(),
                    TextColumn("{task.description}"),
                    _Bytes(),
                    _Left(),
                    TimeElapsedColumn(),
                    console=self._console,
                    transient=True,
                )
                self._display.start()
            self._active += 1
            return self._display

    def _leave(self) -> None:
        with self._lock:
            self._active -= 1
            if self._active == 0 and self._display is not None:
                self._display.stop()
                self._display = None
