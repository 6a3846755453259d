# SPDX-License-Identifier: MIT
"""Memory in few waits: the structures of several commands at once, and the data of several writes.

A piece is an address and a size, or an address and its data.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import Protocol

from testbed.remoteport.device import BusError, Dma

_AHEAD_BUDGET = 2 << 20


def read_until_refused(dma: Dma, pieces: Sequence[tuple[int, int]]) -> list[bytes]:
    """The pieces before the first that memory refuses; BusError when that is the first of all.

    What needs the others meets the refusal when its turn has come.
    """
    wanted = list(pieces)
    while True:
        try:
            return dma.read_many(wanted)
        except BusError as error:
            if not error.index:
                raise
            del wanted[error.index :]


def scatter(data: bytes, pieces: Sequence[tuple[int, int]]) -> list[tuple[int, bytes]]:
    """Which bytes of `data` go where; what there are no pieces for goes nowhere."""
    if len(pieces) == 1 and pieces[0][1] == len(data):
        return [(pieces[0][0], bytes(data))]
    result = []
    done = 0
    for address, size in pieces:
        result.append((address, bytes(data[done : done + size])))
        done += size
    return result


class Write(Protocol):
    """A command that may be a queued write."""

    ahead: bytes | None

    @property
    def is_queued_write(self) -> bool: ...

    def whole(self, limit: int) -> list[tuple[int, int]]:
        """The pieces of its buffer; none when that is long, bad or over `limit` bytes."""


def read_ahead(dma: Dma, commands: Iterable[Write]) -> None:
    """Read the data of several queued writes in one go, before they are asked for it.

    When memory refuses any of it, each meets its own refusal when its data is asked for.
    """
    spans = []
    pieces: list[tuple[int, int]] = []
    total = 0
    for command in commands:
        if command.is_queued_write:
            mine = command.whole(_AHEAD_BUDGET - total)
            if mine:
                spans.append((command, len(pieces), len(pieces) + len(mine)))
                pieces += mine
                total += sum(size for _, size in mine)
    if len(spans) < 2:
        return
    try:
        data = dma.read_many(pieces)
    except BusError:
        return
    for command, first, last in spans:
        command.ahead = b"".join(data[first:last])
