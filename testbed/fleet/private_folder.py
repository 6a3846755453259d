# SPDX-License-Identifier: MIT
"""A folder of one process, with a name short enough for sockets, that never stays for good.

It is locked for as long as the process lives, however that ends: who makes the next one removes
those of the same user that nobody holds.
"""

from __future__ import annotations

import contextlib
import fcntl
import os
import shutil
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

PREFIX = "testbed-fleet-"
_FLAGS = os.O_RDONLY | os.O_DIRECTORY | os.O_NOFOLLOW | os.O_CLOEXEC


@contextmanager
def private_folder() -> Iterator[Path]:
    """A new folder among the temporary ones, removed at the end with all that is in it."""
    place = Path(tempfile.gettempdir())
    for left in place.glob(f"{PREFIX}*"):
        _remove_abandoned(left)
    folder, hold = _make(place)
    try:
        yield folder
    finally:
        shutil.rmtree(folder, ignore_errors=True)
        os.close(hold)


def _make(place: Path) -> tuple[Path, int]:
    """A locked folder, and the file descriptor that keeps it so."""
    while True:
        folder = Path(tempfile.mkdtemp(prefix=PREFIX, dir=place))
        # Between the two, somebody else may take it for an abandoned one.
        try:
            hold = os.open(folder, _FLAGS)
        except FileNotFoundError:
            continue
        fcntl.flock(hold, fcntl.LOCK_EX)
        if folder.exists():
            return folder, hold
        os.close(hold)


def _remove_abandoned(folder: Path) -> None:
    hold = _open(folder)
    if hold is None:
        return
    try:
        fcntl.flock(hold, fcntl.LOCK_EX | fcntl.LOCK_NB)
        shutil.rmtree(folder, ignore_errors=True)
    except BlockingIOError:
        pass  # its process lives
    finally:
        os.close(hold)


def _open(folder: Path) -> int | None:
    """The folder itself, if it is one and this user's."""
    with contextlib.suppress(OSError):
        hold = os.open(folder, _FLAGS)
        if os.fstat(hold).st_uid == os.geteuid():
            return hold
        os.close(hold)
    return None
