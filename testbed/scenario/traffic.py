# SPDX-License-Identifier: MIT
"""Random text over a serial line, both ways at once, compared byte by byte."""

from __future__ import annotations

import string
from collections.abc import Sequence
from random import Random
from typing import Protocol

from testbed.channel import Stream
from testbed.deadline import Deadline

_ALPHABET = (string.ascii_letters + string.digits + string.punctuation + " \n").encode()


class FarEnd(Protocol):
    """The far end of a serial line, as a UART's model has it."""

    def write(self, data: bytes) -> None: ...

    def read_exactly(self, count: int, deadline: Deadline) -> bytes: ...

    def read(self, count: int | None = None) -> bytes: ...


def random_text(random: Random, size: int) -> bytes:
    """`size` printable characters and newlines."""
    return bytes(random.choices(_ALPHABET, k=size))


def exchange(
    line: FarEnd, port: Stream, random: Random, sizes: Sequence[int], deadline: Deadline
) -> None:
    """Send text of each size both ways at once; AssertionError when a byte is lost or changed.

    `line` is the far end, `port` the machine's open tty.
    """
    for size in sizes:
        inward, outward = random_text(random, size), random_text(random, size)
        line.write(inward)
        port.write(outward, deadline=deadline)
        _compare("from the line to the machine", port.read_exactly(size, deadline=deadline), inward)
        _compare("from the machine to the line", line.read_exactly(size, deadline), outward)
    if extra := line.read():
        raise AssertionError(f"the machine sent {len(extra)} bytes nobody wrote: {extra[:32]!r}")


def _compare(way: str, came: bytes, sent: bytes) -> None:
    if came == sent:
        return
    at = next(i for i, (a, b) in enumerate(zip(came, sent, strict=True)) if a != b)
    raise AssertionError(
        f"{way}: byte {at} of {len(sent)} differs: sent {sent[at : at + 16]!r},"
        f" came {came[at : at + 16]!r}"
    )
