# SPDX-License-Identifier: MIT
"""Saved hosts in the cache: made whole or not at all, and never removed under a run."""

from __future__ import annotations

import fcntl
import json
import os
import shutil
import tempfile
from collections.abc import Callable, Mapping
from contextlib import suppress
from pathlib import Path
from typing import Any, Self

from testbed.artifacts.cache import Cache
from testbed.artifacts.contents import chosen, remove, templates
from testbed.artifacts.digest import json_sha256, sparse_sha256
from testbed.artifacts.failure import writing
from testbed.artifacts.progress import Progress

_META = "meta.json"
_MOST_BYTES = 6_000_000_000
"""About fifty: each change of a model or kernel makes others of what was there."""


class StoredTemplate:
    """A template that this process uses: while it is open, nobody removes it.

    `folder` has its files, `content` is what its digest is of, `facts` what its maker had to tell.
    """

    def __init__(self, folder: Path, meta: Mapping[str, Any], hold: int) -> None:
        self.folder = folder
        self.content: dict[str, Any] = meta["content"]
        self.facts: dict[str, Any] = meta["facts"]
        self._sums: dict[str, str] = meta["sums"]
        self._hold: int | None = hold

    @property
    def digest(self) -> str:
        return self.folder.name

    def is_as_made(self) -> bool:
        """Whether each file holds what its maker wrote, by reading it: most of a second."""
        try:
            return _sums(self.folder) == self._sums
        except OSError:
            return False

    def close(self) -> None:
        hold, self._hold = self._hold, None
        if hold is not None:
            os.close(hold)

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()


class TemplateStore:
    """The templates of a cache, by the digest of their content."""

    def __init__(self, cache: Cache, *, most_bytes: int = _MOST_BYTES) -> None:
        """`most_bytes` of the disk are templates to take; those in use stay all the same."""
        self._cache = cache
        self._most_bytes = most_bytes

    def find(self, content: Mapping[str, Any]) -> StoredTemplate | None:
        """The template of this content, if it is there as it was made."""
        folder = self._cache.templates / json_sha256(content)
        try:
            hold = _hold(folder)
        except OSError:
            return None
        try:
            meta = json.loads((folder / _META).read_text())
            if meta["content"] == content and meta["files"] == _stamps(folder):
                with suppress(OSError):  # a cache that can only be read
                    os.utime(folder)
                return StoredTemplate(folder, meta, hold)
        except (OSError, ValueError, KeyError, TypeError):
            pass
        os.close(hold)
        return None

    def make(
        self,
        content: Mapping[str, Any],
        name: str,
        build: Callable[[Path], Mapping[str, Any]],
        progress: Progress,
        stopped: Callable[[], bool] = lambda: False,
    ) -> StoredTemplate:
        """The template of this content, made by `build` unless it is there.

        `build` fills the folder it is given and returns the template's facts. Of several processes
        one makes it and the others wait, unless `stopped`. Raises TestbedError, and what `build`
        raises.
        """
        digest = json_sha256(content)
        with self._cache.lock(digest, name, progress, stopped):
            found = self.find(content)
            if found is not None:
                return found
            self._remove(digest)
            with writing(name, self._cache.root):
                place = Path(tempfile.mkdtemp(prefix=f"{digest}.", dir=self._cache.building))
                try:
                    facts = build(place)
                    meta = json.dumps(
                        {
                            "content": content,
                            "facts": facts,
                            "files": _stamps(place),
                            "sums": _sums(place),
                        },
                        sort_keys=True,
                    )
                    (place / _META).write_text(meta + "\n")
                    place.chmod(0o755)
                    # Held before it can be found: nobody prunes it before it was ever used.
                    hold = _hold(place)
                    place.rename(self._cache.templates / digest)
                except BaseException:
                    shutil.rmtree(place, ignore_errors=True)
                    raise
        self._make_room()
        return StoredTemplate(self._cache.templates / digest, json.loads(meta), hold)

    def _make_room(self) -> None:
        """Remove the templates that were used longest ago when there are too many."""
        gone = chosen(templates(self._cache), to_size=self._most_bytes)
        remove(self._cache, gone)

    def drop(self, digest: str) -> None:
        """Remove a template that is of no use; runs that have it open go on."""
        with self._cache.try_lock(digest) as held:
            if held:
                self._remove(digest)

    def _remove(self, digest: str) -> None:
        """Renamed first: half a template must not be found. Its lock is held."""
        leftover = self._cache.building / f"{digest}.dropped"
        shutil.rmtree(leftover, ignore_errors=True)
        with suppress(FileNotFoundError):
            (self._cache.templates / digest).rename(leftover)
        shutil.rmtree(leftover, ignore_errors=True)


def _hold(folder: Path) -> int:
    """Keep a template from being removed, until what is returned is closed. Raises OSError."""
    hold = os.open(folder / _META, os.O_RDONLY | os.O_CLOEXEC)
    try:
        fcntl.flock(hold, fcntl.LOCK_SH)
    except OSError:
        os.close(hold)
        raise
    return hold


def _files(folder: Path) -> list[Path]:
    return sorted(path for path in folder.iterdir() if path.name != _META)


def _stamps(folder: Path) -> dict[str, list[int]]:
    """Size and modification time, in ns, of each file: private mappings do not change them."""
    return {path.name: [path.stat().st_size, path.stat().st_mtime_ns] for path in _files(folder)}


def _sums(folder: Path) -> dict[str, str]:
    return {path.name: sparse_sha256(path) for path in _files(folder)}
