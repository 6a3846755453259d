# SPDX-License-Identifier: MIT
"""Things to build, what they need, and having them all: missing parts only, two at a time."""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterable, Mapping
from concurrent.futures import FIRST_COMPLETED, Future, ThreadPoolExecutor, wait
from dataclasses import dataclass, field
from functools import cached_property
from pathlib import Path

from testbed.artifacts.blobs import Blobs
from testbed.artifacts.cache import Cache
from testbed.artifacts.commands import Commands
from testbed.artifacts.download import Downloader, batches
from testbed.artifacts.failure import NoSpace, failure
from testbed.artifacts.objects import Objects
from testbed.artifacts.packages import Package
from testbed.artifacts.progress import Progress, Step
from testbed.artifacts.recipe import Recipe

_BUILDERS = 2
_CONNECTIONS = 3


@dataclass(frozen=True, eq=False)
class Target:
    """An object to have in the cache. `inputs` are versions and digests beside `needs` (other
    targets, by name), `packages` and `sources` (the project's files it is built with).
    """

    name: str
    build: Callable[[Workspace], None]
    needs: tuple[Target, ...] = ()
    packages: tuple[Package, ...] = ()
    sources: tuple[Path, ...] = ()
    inputs: Mapping[str, str] = field(default_factory=dict)

    @cached_property
    def recipe(self) -> Recipe:
        inputs = {f"input {name}": value for name, value in self.inputs.items()}
        inputs |= {f"object {need.name}": need.recipe.digest for need in self.needs}
        inputs |= {f"package {p.path}": p.sha256 for p in self.packages}
        return Recipe(self.name, inputs, self.sources)


@dataclass(frozen=True)
class Workspace:
    """What a build works with."""

    out: Path
    """Empty folder to fill."""
    scratch: Path
    """Folder on the same disk that is removed afterwards."""
    unfinished: Path
    """Place for a folder there that is removed when the build failed or is done, not when it was
    stopped or killed: the next build of this very target finds it and goes on. Not made yet.
    """
    step: Step
    """To say how far the build is."""
    target: Target
    commands: Commands
    blobs: Blobs
    objects: Objects

    def need(self, name: str) -> Path:
        """Output folder of a target this one needs."""
        for need in self.target.needs:
            if need.name == name:
                return self.objects.folder(need.recipe)
        raise KeyError(name)

    def blob(self, package: Package) -> Path:
        """A fetched package, verified. Raises TestbedError when it was damaged since."""
        if not self.blobs.intact(package.sha256):
            raise failure(
                f"{package.file_name} was damaged in the cache and has been removed; run again to "
                "fetch it anew"
            )
        return self.blobs.path(package.sha256)


class Workshop:
    """Makes targets. `built` counts the objects made here."""

    def __init__(
        self, cache: Cache, commands: Commands, downloader: Downloader, progress: Progress
    ) -> None:
        self._cache = cache
        self._commands = commands
        self._downloader = downloader
        self._progress = progress
        self._blobs = Blobs(cache)
        self.objects = Objects(cache)
        self.built = 0
        self._lock = threading.Lock()

    def missing(self, targets: Iterable[Target]) -> list[Target]:
        """Targets that must be built to have all of `targets`, those first that others need."""
        missing: dict[Target, None] = {}

        def visit(target: Target) -> None:
            if target in missing or self.objects.intact(target.recipe):
                return
            for need in target.needs:
                visit(need)
            missing.setdefault(target)

        for target in targets:
            visit(target)
        return list(missing)

    def make(self, targets: Iterable[Target]) -> None:
        """Have every target in the cache. Raises the first TestbedError, after all work ended."""
        missing = self.missing(targets)
        if not missing:
            return
        self.objects.sweep(target.recipe for target in missing)
        try:
            self._make(missing)
        except NoSpace:
            # Downloads that were stopped half-way would be continued, but now they fill the disk.
            for package in {package for target in missing for package in target.packages}:
                self._blobs.partial(package.sha256).unlink(missing_ok=True)
            self.objects.sweep()
            raise

    def _make(self, missing: list[Target]) -> None:
        with (
            ThreadPoolExecutor(_CONNECTIONS, "fetch") as fetchers,
            ThreadPoolExecutor(_BUILDERS, "build") as builders,
        ):
            running: set[Future[None]] = set()
            try:
                self._schedule(missing, fetchers, builders, running)
            except BaseException:
                self._commands.stop()
                for future in running:
                    future.cancel()
                raise

    def _schedule(
        self,
        missing: list[Target],
        fetchers: ThreadPoolExecutor,
        builders: ThreadPoolExecutor,
        running: set[Future[None]],
    ) -> None:
        fetches = self._fetch(missing, fetchers)
        running.update(future for futures in fetches.values() for future in futures)
        waiting = list(missing)
        builds: dict[Target, Future[None]] = {}
        while waiting or running:
            for target in list(waiting):
                ready = all(need not in waiting for need in target.needs)
                before = [builds[need] for need in target.needs if need in builds]
                if ready and all(future.done() for future in [*before, *fetches[target]]):
                    waiting.remove(target)
                    builds[target] = builders.submit(self._build, target)
                    running.add(builds[target])
            done, _ = wait(running, return_when=FIRST_COMPLETED)
            running -= done
            for future in done:
                future.result()

    def _fetch(
        self, missing: list[Target], fetchers: ThreadPoolExecutor
    ) -> dict[Target, list[Future[None]]]:
        """Start fetching what the targets are made of; a package is fetched once."""
        by_package: dict[Package, Future[None]] = {}
        fetches: dict[Target, list[Future[None]]] = {}
        for target in missing:
            absent = {p for p in target.packages if p.sha256 not in self._blobs}
            for batch in batches(absent - by_package.keys()):
                many = f"{len(batch)} packages of {target.name}"
                title = batch[0].title if len(batch) == 1 else many
                future = fetchers.submit(self._downloader.fetch, title, batch)
                by_package |= dict.fromkeys(batch, future)
            fetches[target] = [by_package[package] for package in absent]
        return fetches

    def _stopped(self) -> bool:
        return self._commands.stopped

    def _build(self, target: Target) -> None:
        def build(out: Path, scratch: Path) -> None:
            unfinished = self.objects.unfinished(target.recipe)
            with self._progress.step(f"build {target.name}") as step:
                target.build(
                    Workspace(
                        out,
                        scratch,
                        unfinished,
                        step,
                        target,
                        self._commands,
                        self._blobs,
                        self.objects,
                    )
                )

        if self.objects.build(target.recipe, build, self._progress, self._stopped):
            with self._lock:
                self.built += 1
