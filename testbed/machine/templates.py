# SPDX-License-Identifier: MIT
"""Finding the template of a host, making it where there is none, and restoring from it."""

from __future__ import annotations

import threading
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any, Protocol

from testbed.artifacts.cache import Cache
from testbed.artifacts.progress import Progress
from testbed.artifacts.template_store import StoredTemplate, TemplateStore
from testbed.channel import ChannelError, CommandFailed
from testbed.errors import Stage, TestbedError
from testbed.machine.host import Host
from testbed.machine.template import MEMORY, STATE, Template, keep_records
from testbed.run import Run

_MAKING = "template"
"""The folder of the run that the host is booted in."""
_END_SECONDS = 10
"""How long the end of a run waits for its template's: its host has ended by then."""


class MakeHost(Protocol):
    """Makes the host of a run, as yet without power; each time with models of its own."""

    def __call__(
        self, *, name: str = "host", template: Template | None = None, memory: Path | None = None
    ) -> Host: ...


class Templates:
    """The templates that a run uses.

    They are used in one thread; the end of the run, which another may come to first, calls `close`.
    """

    def __init__(
        self, run: Run, cache: Cache, progress: Progress, stopped: Callable[[], bool]
    ) -> None:
        """`stopped` tells that the run is ending, and that a host went for that reason."""
        self._run = run
        self._stopped = stopped
        self._store = TemplateStore(cache)
        self._progress = progress
        self._used: StoredTemplate | None = None
        self._busy = threading.Lock()

    def close(self) -> None:
        """Release what is held, once nothing is half made or half removed any more."""
        idle = self._busy.acquire(timeout=self._run.deadline(_END_SECONDS).remaining)
        if self._used is not None:
            self._used.close()
        if idle:
            self._busy.release()

    def boot(
        self,
        content: Mapping[str, Any],
        make_host: MakeHost,
        started: Callable[[Host], None],
    ) -> None:
        """Restore the host that `content` describes, from a template that is made if need be.

        `started` is given each host before it gets power. Raises TestbedError as booting does.

        A template that was there, cannot be restored and is no longer what was saved is dropped and
        made anew. One that is was restored before: then it is the machine that is at fault, and
        the error is raised. One that was just made has proven nothing, and is dropped with it.
        """
        with self._busy:
            template = self._store.find(content)
            if template is not None:
                try:
                    self._restore(template, make_host, started)
                    return
                except (TestbedError, ChannelError, CommandFailed, OSError) as error:
                    if self._stopped():
                        raise
                    if template.is_as_made():
                        self._run.note(f"template {template.digest} is as it was saved, and stays")
                        raise
                    self._run.note(f"template {template.digest} is of no use and dropped: {error}")
                    self._drop(template)
            template = self.make(content, make_host, started)
            try:
                self._restore(template, make_host, started)
            except BaseException:
                self._drop(template)
                raise

    def _drop(self, template: StoredTemplate) -> None:
        template.close()
        self._store.drop(template.digest)

    def make(
        self,
        content: Mapping[str, Any],
        make_host: MakeHost,
        started: Callable[[Host], None],
    ) -> StoredTemplate:
        """The template of `content`, made if it is not there. Raises TestbedError."""
        name = _name(content)
        with self._run.step(Stage.HOST_BOOT, f"making the template {name} of {content['board']}"):

            def build(folder: Path) -> dict[str, Any]:
                return self._make(folder, content, make_host, started)

            what = f"template {name}"
            return self._store.make(content, what, build, self._progress, self._stopped)

    def _make(
        self,
        folder: Path,
        content: Mapping[str, Any],
        make_host: MakeHost,
        started: Callable[[Host], None],
    ) -> dict[str, Any]:
        host = make_host(name=_MAKING, memory=folder / MEMORY)
        started(host)
        try:
            host.boot()
            bound = {path: host.assign(path).facts() for path in content["bound"]}
            host.save(folder / STATE)
        finally:
            host.shutdown()
        keep_records(host.folder, folder)
        return {"bound": bound}

    def _restore(
        self, stored: StoredTemplate, make_host: MakeHost, started: Callable[[Host], None]
    ) -> None:
        self._used = stored
        name = f"{_name(stored.content)} ({stored.digest[:12]})"
        template = Template(stored.folder, name, stored.facts["bound"])
        host = make_host(template=template)
        started(host)
        try:
            host.boot()
        except BaseException:
            host.shutdown()
            raise


def _name(content: Mapping[str, Any]) -> str:
    return f"'bound' {' '.join(content['bound'])}" if content["bound"] else "'booted'"
