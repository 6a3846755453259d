# SPDX-License-Identifier: MIT
"""What tasks on a machine tell: a pipe with a name that they write and `far_end` reads.

A line is a JSON object. Lines are short enough for the kernel to keep them apart.
"""

from __future__ import annotations

import contextlib
import json
import os
import select
from collections.abc import Iterator
from pathlib import Path
from typing import Any

PIPE = "journal"
SYNCED = b'{"event": "synced"}'


def tell(folder: Path, **event: Any) -> None:
    """Write an event, if anybody listens. No run may fail because nobody does."""
    with contextlib.suppress(OSError):
        pipe = os.open(folder / PIPE, os.O_WRONLY | os.O_NONBLOCK)
        try:
            os.write(pipe, json.dumps(event).encode() + b"\n")
        finally:
            os.close(pipe)


@contextlib.contextmanager
def opened(folder: Path) -> Iterator[int]:
    """The pipe in `folder`, a file descriptor: what is told from now on is heard, or waits."""
    path = folder / PIPE
    os.mkfifo(path, 0o600)
    try:
        # Open for writing as well: the pipe is not at its end when no task runs.
        pipe = os.open(path, os.O_RDWR | os.O_NONBLOCK)
        try:
            yield pipe
        finally:
            os.close(pipe)
    finally:
        path.unlink()


def events(pipe: int, until: int) -> Iterator[bytes]:
    """Lines as they are written to `pipe`, until the file descriptor `until` is at its end.

    Something read from `until` asks whether all is said that was written before: SYNCED answers.
    """
    poll = select.poll()
    poll.register(pipe, select.POLLIN)
    poll.register(until, select.POLLIN | select.POLLHUP)
    rest = b""
    while True:
        ready = {descriptor for descriptor, _ in poll.poll()}
        if pipe in ready:
            *lines, rest = (rest + os.read(pipe, 65536)).split(b"\n")
            yield from lines
        elif not os.read(until, 4096):
            return
        else:
            yield SYNCED
