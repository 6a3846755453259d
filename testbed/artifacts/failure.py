# SPDX-License-Identifier: MIT
"""Errors of the artifacts stage, and the operating system's refusals turned into them."""

from __future__ import annotations

import errno
import os
import re
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from testbed.errors import Stage, TestbedError

_FULL = (errno.ENOSPC, errno.EDQUOT)
_DENIED = (errno.EACCES, errno.EPERM, errno.EROFS)


# GNU tar reports a write that the disk took only a part of, and not why.
_SAID_FULL = re.compile(rf"{os.strerror(errno.ENOSPC)}|Wrote only \d+ of \d+ bytes", re.IGNORECASE)


class NoSpace(TestbedError):
    """The cache's disk is full."""


class Stopped(TestbedError):
    """Work given up because the rest of it failed or the run was interrupted."""

    def __init__(self, what: str) -> None:
        super().__init__(Stage.ARTIFACTS, f"cannot {what}: the set-up was stopped")


def failure(message: str, *, excerpt: tuple[str, ...] = ()) -> TestbedError:
    return TestbedError(Stage.ARTIFACTS, message, excerpt=excerpt)


@contextmanager
def writing(what: str, cache: Path) -> Iterator[None]:
    """Turn a full disk or a refused write below `cache` into one clear TestbedError.

    Raises TestbedError; any other OSError passes through.
    """
    try:
        yield
    except OSError as error:
        if error.errno in _FULL:
            raise no_space(what, cache) from None
        if error.errno in _DENIED and _below(error.filename, cache):
            raise failure(
                f"writing {what} to the cache failed: {os.strerror(error.errno).lower()}: "
                f"{error.filename}; make {cache} writable or set TESTBED_CACHE"
            ) from None
        raise


def no_space(what: str, cache: Path) -> NoSpace:
    return NoSpace(
        Stage.ARTIFACTS,
        f"writing {what} to the cache failed: no space left on device "
        f"({free_megabytes(cache)} MB free in {cache}); free space or set TESTBED_CACHE",
    )


def says_disk_full(text: str) -> bool:
    """Whether a program's messages tell of a full disk."""
    return _SAID_FULL.search(text) is not None


def free_megabytes(path: Path) -> int:
    """Space a plain user can still write at `path` or its nearest existing parent, in MB."""
    for place in (path, *path.parents):
        try:
            status = os.statvfs(place)
        except OSError:
            continue
        return status.f_bavail * status.f_frsize // 1_000_000
    return 0


def _below(filename: object, cache: Path) -> bool:
    return isinstance(filename, str | Path) and Path(filename).is_relative_to(cache)
