# SPDX-License-Identifier: MIT
"""Where everything fetched or built is kept, and who may write there at a time.

blobs/sha256/DIGEST    a download, named by its content
partial/DIGEST         a download under way
objects/DIGEST/        a built folder, named by the digest of its recipe: meta.json and out/
building/DIGEST.*/     a build under way, or what is left of an interrupted one
unfinished/DIGEST/     what a long build goes on from when it was interrupted
locks/                 one lock per thing that is being written
logs/                  what the last failed build of an object said
selections/            which packages were taken from the archive
apt/                   signed indexes of the archive
templates/DIGEST/      a saved host, named by the digest of all that made it; see template_store.py
guest-trees/           what nested QEMUs said of their machines: see machine/guest_tree.py
"""

from __future__ import annotations

import fcntl
import os
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

from filelock import FileLock, Timeout
from platformdirs import user_cache_path

from testbed.artifacts.failure import Stopped, failure, writing
from testbed.artifacts.progress import Progress
from testbed.deadline import Deadline

# Longer than any build takes on a slow machine; a dead holder's lock is free at once.
_LOCK_SECONDS = 3600.0
# Between two looks at whether whoever waits has been stopped.
_LOOK_SECONDS = 0.5

_used: dict[Path, int] = {}
"""Descriptors of the locks that this process holds as a user, by their files."""


class Cache:
    """One cache folder, shared by any number of processes."""

    def __init__(self, root: Path) -> None:
        self.root = root
        self.blobs = root / "blobs" / "sha256"
        self.partial = root / "partial"
        self.objects = root / "objects"
        self.building = root / "building"
        self.unfinished = root / "unfinished"
        self.locks = root / "locks"
        self.logs = root / "logs"
        self.selections = root / "selections"
        self.apt = root / "apt"
        self.templates = root / "templates"
        self.guest_trees = root / "guest-trees"
        self.users = self.locks / "users.lock"

    @classmethod
    def default(cls) -> Cache:
        """The folder named by TESTBED_CACHE, else the user's cache folder."""
        named = os.environ.get("TESTBED_CACHE")
        return cls(Path(named).expanduser().absolute() if named else user_cache_path("testbed"))

    def create(self) -> None:
        """Make the folders. Raises TestbedError when the place cannot be written."""
        folders = (
            self.blobs,
            self.partial,
            self.objects,
            self.building,
            self.unfinished,
            self.locks,
            self.logs,
            self.selections,
            self.apt,
            self.templates,
            self.guest_trees,
        )
        with writing("its folders", self.root):
            for folder in folders:
                try:
                    folder.mkdir(parents=True, exist_ok=True)
                except (FileNotFoundError, FileExistsError, NotADirectoryError) as error:
                    raise failure(
                        f"cannot make the cache folder {folder}: {error.strerror}; set "
                        "TESTBED_CACHE to a folder you can write"
                    ) from None

    def use(self) -> None:
        """Nothing of the cache is pruned from now on, as long as this process lives."""
        if self.users in _used:
            return
        with writing("its folders", self.root):
            hold = os.open(self.users, os.O_RDONLY | os.O_CREAT | os.O_CLOEXEC, 0o644)
            fcntl.flock(hold, fcntl.LOCK_SH)
        _used[self.users] = hold

    @contextmanager
    def try_lock(self, name: str) -> Iterator[bool]:
        """Hold the lock `name` if nobody does; yields whether it is held."""
        lock = FileLock(self.locks / f"{name}.lock")
        try:
            lock.acquire(timeout=0)
        except (OSError, Timeout):
            yield False
            return
        try:
            yield True
        finally:
            lock.release()

    @contextmanager
    def lock(
        self,
        name: str,
        what: str,
        progress: Progress,
        stopped: Callable[[], bool] = lambda: False,
    ) -> Iterator[bool]:
        """Hold the lock `name`. Yields True when another run held it first, which is said.

        Raises TestbedError after an hour, or when `stopped` says to wait no longer: an interrupt
        reaches only the main thread.
        """
        lock = FileLock(self.locks / f"{name}.lock")
        waited = False
        with writing(f"the lock of {what}", self.root):
            try:
                lock.acquire(timeout=0)
            except Timeout:
                waited = True
                progress.note(f"waiting for another run, which is preparing {what}")
                _wait(lock, what, stopped)
        try:
            yield waited
        finally:
            lock.release()


def _wait(lock: FileLock, what: str, stopped: Callable[[], bool]) -> None:
    deadline = Deadline(_LOCK_SECONDS)
    while not deadline.expired:
        if stopped():
            raise Stopped(f"prepare {what}")
        with suppress(Timeout):
            lock.acquire(timeout=_LOOK_SECONDS)
            return
    raise failure(
        f"waited {_LOCK_SECONDS / 60:.0f} minutes for another run to prepare {what}; end the "
        f"process that holds {lock.lock_file}"
    )
