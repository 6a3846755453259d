# SPDX-License-Identifier: MIT
"""What the cache has, how big it is, when it was last used, and removing what is not wanted."""

from __future__ import annotations

import fcntl
import json
import os
import shutil
import time
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from enum import StrEnum
from pathlib import Path
from typing import Any

from testbed.artifacts.cache import Cache
from testbed.artifacts.failure import failure

_META = "meta.json"
_BLOCK = 512
"""Bytes in a block of st_blocks."""


class Kind(StrEnum):
    TEMPLATE = "template"
    PART = "part"
    DOWNLOAD = "download"
    GUEST_TREE = "guest tree"


@dataclass(frozen=True)
class Entry:
    """`size` is in bytes of the disk, less than a sparse file's; `used` in seconds since 1970."""

    kind: Kind
    name: str
    path: Path
    size: int
    used: float
    in_use: bool = False

    @property
    def days(self) -> float:
        """Since it was last used."""
        return max(0.0, time.time() - self.used) / 86400


def entries(cache: Cache) -> list[Entry]:
    """Templates, parts and downloads, those used last first. It takes seconds to measure parts."""
    found = [
        *templates(cache),
        *_entries(Kind.PART, cache.objects, _part_name),
        *_entries(Kind.DOWNLOAD, cache.blobs, lambda meta: ""),
        *_entries(Kind.GUEST_TREE, cache.guest_trees, lambda meta: ""),
    ]
    return sorted(found, key=lambda entry: -entry.used)


def templates(cache: Cache) -> list[Entry]:
    """The templates only."""
    return _entries(Kind.TEMPLATE, cache.templates, _template_name)


def chosen(
    found: Iterable[Entry],
    *,
    older_than: float | None = None,
    to_size: int | None = None,
    templates_only: bool = False,
) -> list[Entry]:
    """The entries to remove: those not used for `older_than` days, then the least recently used
    until the rest take `to_size` bytes. Without either, all.
    """
    wanted = [e for e in found if not templates_only or e.kind is Kind.TEMPLATE]
    wanted.sort(key=lambda entry: entry.used)
    if older_than is None and to_size is None:
        return wanted
    gone = [e for e in wanted if older_than is not None and e.days > older_than]
    if to_size is not None:
        left = [entry for entry in wanted if entry not in gone]
        total = sum(entry.size for entry in left)
        for entry in left:
            if total <= to_size:
                break
            total -= entry.size
            gone.append(entry)
    return gone


def remove(cache: Cache, gone: Iterable[Entry]) -> tuple[list[Entry], list[Entry]]:
    """Remove entries. Returns those that went, and those that stay because they are in use.

    A template is in use while a run has it open, the others while anybody uses the cache.
    Raises TestbedError when something may not be removed.
    """
    went: list[Entry] = []
    stay: list[Entry] = []
    try:
        with _alone(cache) as alone:
            for entry in gone:
                free = _remove_template(entry) if entry.kind is Kind.TEMPLATE else alone
                if free and entry.kind is not Kind.TEMPLATE:
                    _discard(entry.path, cache.building)
                (went if free else stay).append(entry)
    except OSError as error:
        raise failure(f"cannot prune {cache.root}: {error.strerror}: {error.filename}") from None
    return went, stay


def _remove_template(entry: Entry) -> bool:
    """Unless a run has it: who opens its meta file next finds that it is gone, or another."""
    try:
        hold = os.open(entry.path / _META, os.O_RDONLY | os.O_CLOEXEC)
    except OSError:
        hold = -1  # half of one; nobody uses it
    try:
        if hold >= 0:
            fcntl.flock(hold, fcntl.LOCK_EX | fcntl.LOCK_NB)
        _discard(entry.path, entry.path.parent.parent / "building")
    except BlockingIOError:
        return False
    finally:
        if hold >= 0:
            os.close(hold)
    return True


def _discard(path: Path, building: Path) -> None:
    """A folder is renamed first: nobody may find half of it. Leftovers are swept later."""
    if not path.is_dir():
        path.unlink(missing_ok=True)
        return
    leftover = building / f"{path.name}.pruned"
    _remove(leftover)  # of a prune that was interrupted
    with suppress(FileNotFoundError):
        path.rename(leftover)
    _remove(leftover)


def _remove(folder: Path) -> None:
    """Another process may be removing it, too."""
    for inner, _, _ in os.walk(folder):
        with suppress(FileNotFoundError):
            Path(inner).chmod(0o700)
    shutil.rmtree(folder, ignore_errors=True)


@contextmanager
def _alone(cache: Cache) -> Iterator[bool]:
    """Whether nobody else uses the cache, and keep others from beginning to meanwhile."""
    hold = os.open(cache.users, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o644)
    try:
        fcntl.flock(hold, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        os.close(hold)
        yield False
        return
    try:
        yield True
    finally:
        os.close(hold)


def _inside(folder: Path) -> list[Path]:
    try:
        return sorted(folder.iterdir())
    except FileNotFoundError:
        return []


def _entries(kind: Kind, folder: Path, name: Callable[[dict[str, Any]], str]) -> list[Entry]:
    found = (_entry(kind, path, name) for path in _inside(folder))
    return [entry for entry in found if entry]


def _entry(kind: Kind, path: Path, name: Callable[[dict[str, Any]], str]) -> Entry | None:
    try:
        status = path.stat()
        size = _size(path)
    except FileNotFoundError:
        return None  # somebody removed it a moment ago
    title = ""
    with suppress(OSError, ValueError, KeyError, TypeError):
        title = name(json.loads((path / _META).read_text()))
    held = kind is Kind.TEMPLATE and _held(path / _META)
    return Entry(kind, title or path.name[:12], path, size, status.st_mtime, held)


def _size(path: Path) -> int:
    if path.is_file():
        return path.stat().st_blocks * _BLOCK
    files = (Path(folder) / name for folder, _, names in os.walk(path) for name in names)
    return sum(file.lstat().st_blocks * _BLOCK for file in files)


def _held(meta: Path) -> bool:
    try:
        hold = os.open(meta, os.O_RDONLY | os.O_CLOEXEC)
    except OSError:
        return False
    try:
        fcntl.flock(hold, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        return True
    finally:
        os.close(hold)
    return False


def _template_name(meta: dict[str, Any]) -> str:
    content = meta["content"]
    state = " ".join(["bound", *content["bound"]]) if content["bound"] else "booted"
    return f"{content['board']}, {state}"


def _part_name(meta: dict[str, Any]) -> str:
    return str(meta["recipe"]["name"])
