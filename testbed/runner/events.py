# SPDX-License-Identifier: MIT
"""What a running scenario tells: its stages, and if wanted what its machines print."""

from __future__ import annotations

import json
import os
import select
from collections.abc import Callable, Iterable
from typing import Any

from testbed.runner.follow import RunLogs

_LOOK_EVERY = 0.1
"""Seconds between two looks at the logs, while no event comes."""

Listener = Callable[[dict[str, Any]], None]
"""Takes an event: of a stage, as `Run.step` tells it, or "line" with `source` and `line`."""


def listen(reader: int, listener: Listener, logs: RunLogs | None) -> None:
    """Hand on every event from the descriptor `reader`, and every new line of `logs`.

    What was printed before an event is told before it. Returns when the other end is closed.
    """
    unfinished = b""
    poll = select.poll()
    poll.register(reader, select.POLLIN)
    try:
        while True:
            ready = poll.poll(None if logs is None else 1000 * _LOOK_EVERY)
            data = os.read(reader, 65536) if ready else b""
            if logs is not None:
                _tell(logs.new_lines(), listener)
            *lines, unfinished = (unfinished + data).split(b"\n")
            for line in lines:
                listener(json.loads(line))
            if ready and not data:
                break
    finally:
        os.close(reader)
        if logs is not None:
            _tell(logs.rest(), listener)


def _tell(lines: Iterable[tuple[str, str]], listener: Listener) -> None:
    for source, line in lines:
        listener({"event": "line", "source": source, "line": line})
