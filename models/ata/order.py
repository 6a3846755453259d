# SPDX-License-Identifier: MIT
"""In which order a disk executes the commands in its queue."""

from __future__ import annotations

import random
from collections.abc import Mapping
from typing import Protocol

from models.ata.transport import RegisterH2D


class QueueOrder(Protocol):
    """Chooses among outstanding queued commands.

    The disk has set aside those of lower priority already.
    """

    def choose(self, queue: Mapping[int, RegisterH2D]) -> int:
        """The tag to execute next. `queue` is not empty, and in order of arrival."""


class InOrder:
    """As they came."""

    def choose(self, queue: Mapping[int, RegisterH2D]) -> int:
        return next(iter(queue))


class NewestFirst:
    """The last that came first: the reverse of what a host may have come to expect."""

    def choose(self, queue: Mapping[int, RegisterH2D]) -> int:
        return next(reversed(list(queue)))


class AscendingLba:
    """As an elevator: the nearest address at or above the last one, then from the lowest."""

    def __init__(self) -> None:
        self._position = 0

    def choose(self, queue: Mapping[int, RegisterH2D]) -> int:
        position = self._position
        tag = min(queue, key=lambda tag: (queue[tag].lba < position, queue[tag].lba))
        self._position = queue[tag].lba
        return tag


class RandomOrder:
    """Any of them; the same choices again for the same `seed` and commands."""

    def __init__(self, seed: int) -> None:
        self._random = random.Random(seed)

    def choose(self, queue: Mapping[int, RegisterH2D]) -> int:
        return self._random.choice(list(queue))
