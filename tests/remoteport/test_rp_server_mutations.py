# SPDX-License-Identifier: MIT
"""One live server, its model's state and its link carried through thousands of bad inputs."""

from __future__ import annotations

import random
import re
import socket
from collections.abc import Iterator
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from rp_rig import TRIED, Memory, Mutator, sample_packets

from testbed.deadline import Deadline
from testbed.remoteport.client import Client
from testbed.remoteport.codec import Hello, Packet, ProtocolError, encode
from testbed.remoteport.device import LinkError
from testbed.remoteport.server import Server
from testbed.remoteport.stream import Stream, connect

NAMED = re.compile(r"[a-z_]+( \d+)?( response)?: [a-z_]+( \(of the access\))? (holds|is|needs) .+")


class Copying(Memory):
    """Reads memory at the doorbell, so that inputs can hold the answer, right or wrong."""

    def on_doorbell(self, value: int) -> None:
        self.set_wire("interrupt", not self.wire_level("interrupt"))
        self.bytes[0][0x80:0x88] = self.dma.read(0x40, 8)
        self.dma.write(0x40, bytes(16), b"\xff\x00")


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Server]:
    folder: Path = tmp_path_factory.mktemp("rp")
    with Server(Copying(), folder / "s", timeout=5.0) as server:
        yield server


def try_input(server: Server, data: bytes, hello: bool = True) -> str | None:
    """Send `data` on a new connection and wait for the server's end; why it ended, if unwell."""
    TRIED["a live server"] += 1
    server.link_errors.clear()
    with connect(server.path) as sock:
        stream = Stream(sock, timeout=5.0)
        try:
            stream.send((encode(Hello(capabilities=(1, 2, 3))) if hello else b"") + data)
            sock.shutdown(socket.SHUT_WR)
        except (OSError, LinkError):
            pass  # already closed by the server: the answer to what came before
        ending = ""
        try:
            while stream.receive(Deadline(5.0)) is not None:
                pass
        except LinkError as closed:
            ending = str(closed)
        # A reset: the server closed with input unread.
        assert "closed the connection" in ending or "Connection reset" in ending, ending
    server.wait_disconnected(Deadline(5.0))
    assert server.failure is None, server.failure.text
    assert len(server.link_errors) <= 1
    for error in server.link_errors:
        if isinstance(error, ProtocolError):
            assert NAMED.fullmatch(str(error)), error
        else:
            assert isinstance(error, LinkError)
    return str(server.link_errors[0]) if server.link_errors else None


def assert_serves(server: Server) -> None:
    with Client.connect(server.path, timeout=5.0) as client:
        assert client.sync(99) == 99
        client.write(1, 0, 4, 0xC0FFEE)
        assert client.read(1, 0, 4) == 0xC0FFEE
    server.wait_disconnected(Deadline(5.0))


def test_mutated_inputs_close_the_connection_and_nothing_else(
    server: Server, rng: random.Random
) -> None:
    mutator = Mutator(rng)
    ended = 0
    for number in range(2000):
        if try_input(server, mutator.input(), hello=rng.random() > 0.05):
            ended += 1
        if number % 50 == 0:
            assert_serves(server)
    assert_serves(server)
    assert ended > 500


@settings(
    max_examples=200,
    suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow],
)
@given(
    st.lists(st.sampled_from(sample_packets()), min_size=1, max_size=4),
    st.lists(st.tuples(st.integers(0, 499), st.integers(0, 255)), min_size=1, max_size=3),
)
def test_any_changed_bytes_in_any_packets(
    server: Server, packets: list[Packet], changes: list[tuple[int, int]]
) -> None:
    data = bytearray(b"".join(encode(packet) for packet in packets))
    for offset, value in changes:
        data[offset % len(data)] = value
    try_input(server, bytes(data))
    assert_serves(server)
