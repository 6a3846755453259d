# SPDX-License-Identifier: MIT
"""Built folders in the cache: built once, whole or not at all, verified whenever they are used."""

from __future__ import annotations

import json
import os
import shutil
import tempfile
import time
from collections.abc import Callable, Iterable
from contextlib import suppress
from pathlib import Path
from typing import Any

from testbed.artifacts.atomic import replace_text
from testbed.artifacts.cache import Cache
from testbed.artifacts.digest import file_sha256
from testbed.artifacts.failure import (
    Stopped,
    failure,
    free_megabytes,
    no_space,
    says_disk_full,
    writing,
)
from testbed.artifacts.progress import Progress
from testbed.artifacts.recipe import Recipe
from testbed.errors import TestbedError

Builder = Callable[[Path, Path], None]
"""Fills its first argument, an empty folder; the second is scratch space on the same disk."""

# With less free than this, in megabytes, it was the cache's disk that a program found full.
_FULL_MB = 50


class Objects:
    def __init__(self, cache: Cache) -> None:
        self._cache = cache

    def folder(self, recipe: Recipe) -> Path:
        """Where the outputs of `recipe` are, or will be."""
        return self._cache.objects / recipe.digest / "out"

    def unfinished(self, recipe: Recipe) -> Path:
        """Where an interrupted build of `recipe` may leave what the next one goes on from."""
        return self._cache.unfinished / recipe.digest

    def meta(self, recipe: Recipe) -> dict[str, Any]:
        """What was recorded when the object was built. Raises OSError, ValueError."""
        text = (self._cache.objects / recipe.digest / "meta.json").read_text()
        meta = json.loads(text)
        if not isinstance(meta, dict):
            raise ValueError("meta.json is not an object")
        return meta

    def intact(self, recipe: Recipe) -> bool:
        """Whether the object is there with the content it was built with.

        Size and modification time are compared; only files where they differ are read again.
        """
        try:
            return self._verify(recipe)
        except (OSError, ValueError, KeyError, TypeError, AttributeError):
            return False

    def build(
        self,
        recipe: Recipe,
        build: Builder,
        progress: Progress,
        stopped: Callable[[], bool] = lambda: False,
    ) -> bool:
        """Make sure the object is there. True when this call built it.

        Of several processes one builds and the others wait for it, until they are `stopped`.
        Raises TestbedError.
        """
        with self._cache.lock(recipe.digest, recipe.name, progress, stopped) as waited:
            if self.intact(recipe):
                if waited:
                    progress.note(f"{recipe.name}: using the one the other run made")
                return False
            with writing(recipe.name, self._cache.root):
                self._clear(recipe, progress)
                try:
                    self._build(recipe, build)
                except (Stopped, KeyboardInterrupt):
                    raise
                except BaseException:
                    # What a build failed in, the next one would fail in again.
                    self._discard(self.unfinished(recipe))
                    raise
                self._discard(self.unfinished(recipe))
            return True

    def sweep(self, wanted: Iterable[Recipe] = ()) -> None:
        """Remove what interrupted builds of any object left, unless somebody is at it now.

        Builds of those `wanted` may still go on from what they left unfinished.
        """
        kept = {self.unfinished(recipe) for recipe in wanted}
        unfinished = set(self._cache.unfinished.iterdir())
        for leftover in [*self._cache.building.iterdir(), *(unfinished - kept)]:
            with self._cache.try_lock(leftover.name.partition(".")[0]) as held:
                if held:
                    self._discard(leftover)

    def _clear(self, recipe: Recipe, progress: Progress) -> None:
        damaged = self._cache.objects / recipe.digest
        if damaged.exists():
            progress.note(f"{recipe.name}: damaged in the cache, building it again")
            # Renamed first, so that an interruption here does not leave half an object.
            leftover = self._cache.building / f"{recipe.digest}.damaged"
            shutil.rmtree(leftover, ignore_errors=True)
            damaged.rename(leftover)
        for leftover in self._cache.building.glob(f"{recipe.digest}.*"):
            _remove(leftover)

    def _discard(self, folder: Path) -> None:
        """Remove what builds left. Renamed first: nobody may go on with half of it."""
        if folder.parent == self._cache.unfinished and folder.exists():
            leftover = self._cache.building / f"{folder.name}.unfinished"
            _remove(leftover)
            folder = folder.rename(leftover)
        _remove(folder)

    def _build(self, recipe: Recipe, build: Builder) -> None:
        place = Path(tempfile.mkdtemp(prefix=f"{recipe.digest}.", dir=self._cache.building))
        try:
            place.chmod(0o755)
            out, scratch = place / "out", place / "scratch"
            out.mkdir()
            scratch.mkdir()
            started = time.monotonic()
            build(out, scratch)
            seconds = time.monotonic() - started
            _remove(scratch)
            meta = {
                "recipe": recipe.content,
                "seconds": round(seconds, 3),
                "outputs": _describe(out),
            }
            (place / "meta.json").write_text(json.dumps(meta, sort_keys=True) + "\n")
            place.rename(self._cache.objects / recipe.digest)
        except BaseException as error:
            full = isinstance(error, TestbedError) and self._disk_is_full(error)
            if isinstance(error, TestbedError):
                self._keep_log(recipe, place, error)
            _remove(place)
            if full:
                raise no_space(recipe.name, self._cache.root) from None
            raise

    def _disk_is_full(self, error: TestbedError) -> bool:
        """Whether a build with tools of its own failed because the cache's disk is full."""
        said = [error.message, *error.excerpt]
        if error.evidence is not None and error.evidence.is_file():
            said.append(error.evidence.read_text(errors="replace"))
        return any(map(says_disk_full, said)) and free_megabytes(self._cache.root) < _FULL_MB

    def _keep_log(self, recipe: Recipe, place: Path, error: TestbedError) -> None:
        """Move the log that an error points to out of the folder that is about to go."""
        log = error.evidence
        if log is None or not log.is_relative_to(place) or not log.is_file():
            return
        kept = self._cache.logs / f"{recipe.name.replace(' ', '-')}.log"
        log.replace(kept)
        error.evidence = kept
        error.message = error.message.replace(str(log), str(kept))

    def _verify(self, recipe: Recipe) -> bool:
        meta = self.meta(recipe)
        if meta["recipe"] != recipe.content:
            return False
        out = self.folder(recipe)
        changed = False
        for name, expected in meta["outputs"].items():
            path = out / name
            if "link" in expected:
                if path.readlink() != Path(expected["link"]):
                    return False
                continue
            status = path.lstat()
            if status.st_size != expected["size"]:
                return False
            if status.st_mtime_ns != expected["mtime_ns"]:
                if file_sha256(path) != expected["sha256"]:
                    return False
                expected["mtime_ns"] = status.st_mtime_ns
                changed = True
        if changed:
            self._update(recipe, meta)
        with suppress(OSError):  # a cache that can only be read
            os.utime(self._cache.objects / recipe.digest)  # what was used last, is pruned last
        return True

    def _update(self, recipe: Recipe, meta: dict[str, Any]) -> None:
        """Remember new times of unchanged files (a copied cache), if the cache can be written."""
        path = self._cache.objects / recipe.digest / "meta.json"
        with suppress(OSError):
            replace_text(path, json.dumps(meta, sort_keys=True) + "\n")


def _describe(out: Path) -> dict[str, dict[str, Any]]:
    outputs: dict[str, dict[str, Any]] = {}
    for folder, folders, files in os.walk(out):
        for name in [*folders, *files]:
            path = Path(folder) / name
            key = str(path.relative_to(out))
            if path.is_symlink():
                outputs[key] = {"link": str(path.readlink())}
            elif path.is_file():
                status = path.stat()
                outputs[key] = {
                    "sha256": file_sha256(path),
                    "size": status.st_size,
                    "mtime_ns": status.st_mtime_ns,
                }
    if not outputs:
        raise failure(f"the build of {out.parent.name} left no files")
    return outputs


def _remove(folder: Path) -> None:
    """Remove a folder whatever the modes inside: unpacked packages may hold read-only folders."""
    for inner, folders, _ in os.walk(folder):
        for name in folders:
            path = Path(inner) / name
            if not path.is_symlink():
                path.chmod(0o700)
    shutil.rmtree(folder, ignore_errors=True)
