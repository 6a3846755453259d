# SPDX-License-Identifier: MIT
from __future__ import annotations

import secrets
from random import Random
from typing import cast

import pytest

from testbed.channel import Stream
from testbed.deadline import Deadline
from testbed.scenario.traffic import exchange, random_text


class FarEnd:
    """A serial line: what is on its way to each end, and the sizes that were written here."""

    def __init__(self) -> None:
        self.to_machine = bytearray()
        self.to_line = bytearray()
        self.written: list[int] = []

    def write(self, data: bytes) -> None:
        self.written.append(len(data))
        self.to_machine += data

    def read_exactly(self, count: int, deadline: Deadline) -> bytes:
        return take(self.to_line, count)

    def read(self, count: int | None = None) -> bytes:
        return take(self.to_line, count)


def take(data: bytearray, count: int | None) -> bytes:
    taken = bytes(data[:count])
    del data[: len(taken)]
    return taken


class Port:
    """The machine's tty; `spoil_at` is the byte of what it sends that it changes."""

    def __init__(self, line: FarEnd, spoil_at: int | None = None, extra: bytes = b"") -> None:
        self.line = line
        self.spoil_at = spoil_at
        self.extra = extra

    def write(self, data: bytes, *, deadline: Deadline) -> None:
        sent = bytearray(data)
        if self.spoil_at is not None:
            sent[self.spoil_at] ^= 0x80
        self.line.to_line += sent + self.extra

    def read_exactly(self, count: int, *, deadline: Deadline) -> bytes:
        return take(self.line.to_machine, count)


@pytest.fixture
def random() -> Random:
    seed = secrets.randbits(32)
    print(f"seed {seed}")
    return Random(seed)


def run(line: FarEnd, port: Port, random: Random, *sizes: int) -> None:
    exchange(line, cast(Stream, port), random, sizes, Deadline(10))


def test_every_size_is_sent_both_ways(random: Random) -> None:
    line = FarEnd()
    run(line, Port(line), random, 1, 16, 1000)
    assert line.written == [1, 16, 1000]
    assert not line.to_line
    assert not line.to_machine


def test_a_changed_byte_is_named_with_its_place_and_way(random: Random) -> None:
    line = FarEnd()
    with pytest.raises(
        AssertionError, match="from the machine to the line: byte 37 of 100 differs: sent b"
    ):
        run(line, Port(line, spoil_at=37), random, 100)


def test_a_byte_nobody_wrote_is_an_error(random: Random) -> None:
    line = FarEnd()
    with pytest.raises(AssertionError, match=r"the machine sent 1 bytes nobody wrote: b'\?'"):
        run(line, Port(line, extra=b"?"), random, 5)


def test_text_can_be_repeated_and_passes_a_terminal() -> None:
    seed = secrets.randbits(32)
    print(f"seed {seed}")
    text = random_text(Random(seed), 5000)
    assert len(text) == 5000
    assert text == random_text(Random(seed), 5000)
    assert text != random_text(Random(seed + 1), 5000)
    assert all(char.isprintable() or char == "\n" for char in text.decode("ascii"))
