# SPDX-License-Identifier: MIT
"""UDP datagrams of random content both ways, each checked for content, order and loss.

This is the far end of guests/tools/datagrams.c, which says what a datagram is.
"""

from __future__ import annotations

import struct
from collections.abc import Callable
from random import Random
from typing import Protocol

from testbed.deadline import Deadline

POOL_SIZE = 1 << 16
BATCH = 16

_LARGEST = 1472
_NUMBER = 4
_PEER_SHIFT = 17
_SILENCE = 45  # seconds; longer than the tool waits, which then says what it misses


class FarEnd(Protocol):
    """Datagrams from and to the one machine at the other end."""

    def receive(self, deadline: Deadline) -> bytes: ...

    def send(self, datagram: bytes) -> None: ...


def random_pool(random: Random) -> bytes:
    """What datagrams are made of; the tool in the machine is given the same."""
    return random.randbytes(POOL_SIZE)


def datagram(pool: bytes, number: int, shift: int = 0) -> bytes:
    """Datagram `number` that the machine sends; with `_PEER_SHIFT` the one that it is sent."""
    size = 1 + number * 577 % (_LARGEST - _NUMBER)
    start = number * 131 % (POOL_SIZE - _LARGEST - _PEER_SHIFT) + shift
    return struct.pack(">I", number) + pool[start : start + size]


def exchange(
    far_end: FarEnd,
    pool: bytes,
    count: int,
    deadline: Deadline,
    before_batch: Callable[[bytes], None] = lambda _: None,
) -> None:
    """Take `count` datagrams and send as many; AssertionError when one is not as it should be.

    `before_batch` is called with the datagram that the next batch begins with.
    """
    for first in range(0, count, BATCH):
        numbers = range(first, min(first + BATCH, count))
        for number in numbers:
            _compare(far_end.receive(deadline.within(_SILENCE)), datagram(pool, number), number)
        before_batch(datagram(pool, first, _PEER_SHIFT))
        for number in numbers:
            far_end.send(datagram(pool, number, _PEER_SHIFT))


def _compare(came: bytes, sent: bytes, number: int) -> None:
    if came == sent:
        return
    tag = int.from_bytes(came[:_NUMBER])
    if tag != number:
        raise AssertionError(f"datagram {tag} came, it was the turn of {number}")
    if len(came) != len(sent):
        raise AssertionError(f"datagram {number} of {len(sent)} bytes came with {len(came)}")
    at = next(i for i, (a, b) in enumerate(zip(came, sent, strict=True)) if a != b)
    raise AssertionError(
        f"datagram {number}: byte {at} of {len(sent)} differs: sent {sent[at : at + 16]!r},"
        f" came {came[at : at + 16]!r}"
    )
