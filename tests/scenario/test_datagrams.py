# SPDX-License-Identifier: MIT
"""The datagrams of guests/tools/datagrams.c, built for this machine, and its far end here."""

from __future__ import annotations

import socket
import subprocess
from collections.abc import Callable, Iterator
from pathlib import Path
from random import Random

import pytest

from testbed.artifacts.guest_programs import guest_programs
from testbed.artifacts.lists import GUESTS
from testbed.deadline import Deadline
from testbed.scenario import datagrams
from testbed.scenario.datagrams import BATCH, exchange, random_pool

COUNT = 5 * BATCH + 7


class Peer:
    """The far end over this machine's own UDP; `change` is made to what it sends."""

    def __init__(self) -> None:
        self.socket = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
        self.socket.bind(("127.0.0.1", 0))
        self.change: Callable[[bytes], list[bytes]] = lambda datagram: [datagram]
        self._there: tuple[str, int] | None = None

    @property
    def port(self) -> int:
        return int(self.socket.getsockname()[1])

    def receive(self, deadline: Deadline) -> bytes:
        self.socket.settimeout(deadline.remaining)
        datagram, self._there = self.socket.recvfrom(2048)
        return datagram

    def send(self, datagram: bytes) -> None:
        assert self._there is not None
        for piece in self.change(datagram):
            self.socket.sendto(piece, self._there)


@pytest.fixture
def random() -> Random:
    seed = Random().getrandbits(32)
    print(f"seed {seed}")
    return Random(seed)


@pytest.fixture
def peer() -> Iterator[Peer]:
    peer = Peer()
    yield peer
    peer.socket.close()


@pytest.fixture(scope="module")
def tool(tmp_path_factory: pytest.TempPathFactory) -> Path:
    binary = tmp_path_factory.mktemp("tool") / "datagrams"
    flags = ["-std=gnu11", "-O1", f"-I{GUESTS / 'tools/lib'}", "-fsanitize=address,undefined"]
    subprocess.run(
        ["gcc", *flags, "-o", binary, *guest_programs()["datagrams"]], check=True, timeout=120
    )
    return binary


def run(
    tool: Path, peer: Peer, pool: bytes, given: bytes, folder: Path
) -> subprocess.CompletedProcess[str]:
    """The tool, which is `given` a pool, against `exchange` of `pool`."""
    (folder / "pool").write_bytes(given)
    process = subprocess.Popen(
        [tool, folder / "pool", "127.0.0.1", str(peer.port), str(COUNT)],
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )
    try:
        exchange(peer, pool, COUNT, Deadline(5))
        out, error = process.communicate(timeout=20)
    finally:
        process.kill()
        process.wait()
    return subprocess.CompletedProcess([], process.returncode, out, error)


def test_every_datagram_passes_both_ways(
    tool: Path, peer: Peer, random: Random, tmp_path: Path
) -> None:
    pool = random_pool(random)
    done = run(tool, peer, pool, pool, tmp_path)
    assert done.returncode == 0, done.stderr
    assert done.stdout.startswith(f"sent={COUNT} received={COUNT} nanoseconds=")


def test_a_changed_byte_is_noticed_by_the_tool(
    tool: Path, peer: Peer, random: Random, tmp_path: Path
) -> None:
    pool = random_pool(random)
    victim = random.randrange(COUNT - BATCH, COUNT)

    def change(datagram: bytes) -> list[bytes]:
        if int.from_bytes(datagram[:4]) == victim:
            return [datagram[:-1] + bytes([datagram[-1] ^ 1])]
        return [datagram]

    peer.change = change
    done = run(tool, peer, pool, pool, tmp_path)
    assert done.returncode == 1
    assert f"datagram {victim} of" in done.stderr
    assert done.stderr.endswith(f"numbered {victim}\n")


def test_two_of_the_other_order_are_noticed_by_the_tool(
    tool: Path, peer: Peer, random: Random, tmp_path: Path
) -> None:
    pool = random_pool(random)
    held: list[bytes] = []

    def change(datagram: bytes) -> list[bytes]:
        if int.from_bytes(datagram[:4]) == COUNT - 2:
            held.append(datagram)
            return []
        return [datagram, *held]

    peer.change = change
    done = run(tool, peer, pool, pool, tmp_path)
    assert done.returncode == 1
    assert done.stderr.startswith(f"datagrams: datagram {COUNT - 2} of")
    assert done.stderr.endswith(f"numbered {COUNT - 1}\n")


class Told:
    """A far end that is given what it receives."""

    def __init__(self, came: list[bytes]) -> None:
        self.came = came
        self.sent: list[bytes] = []

    def receive(self, deadline: Deadline) -> bytes:
        return self.came.pop(0)

    def send(self, datagram: bytes) -> None:
        self.sent.append(datagram)


@pytest.mark.parametrize(
    ("spoil", "complaint"),
    [
        (lambda all_: all_[:3] + all_[4:], "datagram 4 came, it was the turn of 3"),
        (lambda all_: [*all_[:3], all_[3][:-1]], "datagram 3 of .* bytes came with"),
        (lambda all_: [*all_[:3], all_[3][:-1] + b"\0", *all_[4:]], "datagram 3: byte .* differs"),
    ],
)
def test_loss_size_and_content_are_noticed_here(
    spoil: Callable[[list[bytes]], list[bytes]], complaint: str
) -> None:
    pool = bytes(range(1, 256)) * (datagrams.POOL_SIZE // 255 + 1)
    sent = [datagrams.datagram(pool, number) for number in range(BATCH)]
    with pytest.raises(AssertionError, match=complaint):
        exchange(Told(spoil(sent)), pool, BATCH, Deadline(1))


def test_wrong_use(tool: Path, tmp_path: Path) -> None:
    def said(*words: str) -> str:
        done = subprocess.run([tool, *words], capture_output=True, text=True, check=False)
        assert done.returncode == 1
        assert done.stdout == ""
        return done.stderr

    (tmp_path / "short").write_bytes(b"short")
    (tmp_path / "pool").write_bytes(bytes(datagrams.POOL_SIZE))
    assert said() == "datagrams: usage: datagrams POOL PEER PORT COUNT\n"
    assert "opening /none: No such file" in said("/none", "::1", "1", "1")
    assert "has not the 65536 bytes" in said(str(tmp_path / "short"), "127.0.0.1", "1", "1")
    pool = str(tmp_path / "pool")
    assert "PEER '::1' is no IPv4 address" in said(pool, "::1", "1", "1")
    assert "PORT '0' is not a number from 1" in said(pool, "127.0.0.1", "0", "1")
    assert "COUNT '0' is not a number from 1" in said(pool, "127.0.0.1", "1", "0")
