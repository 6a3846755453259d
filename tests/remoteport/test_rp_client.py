# SPDX-License-Identifier: MIT
"""The client against a peer that is no server."""

from __future__ import annotations

import socket
from collections.abc import Iterator

import pytest

from testbed.remoteport.client import Client
from testbed.remoteport.codec import (
    Ats,
    BusAccess,
    Hello,
    Packet,
    ProtocolError,
    Response,
    answer_to,
    encode,
)
from testbed.remoteport.device import BusError, LinkError

Pair = tuple[Client, socket.socket]


@pytest.fixture
def pair() -> Iterator[Pair]:
    ours, theirs = socket.socketpair()
    with Client(ours, timeout=0.2) as client, theirs:
        theirs.sendall(encode(Hello()))
        client.hello()
        yield client, theirs


READ = BusAccess(False, 0x10, 4, id=1, stream_width=4)


@pytest.mark.parametrize(
    ("packet", "named"),
    [
        (answer_to(READ, b"abcd"), "read response: id holds 1, which answers no request"),
        (Ats(False, 0, 0), "ats_req: cmd was not expected"),
    ],
)
def test_an_unexpected_packet_is_named(pair: Pair, packet: Packet, named: str) -> None:
    client, peer = pair
    peer.sendall(encode(packet))
    with pytest.raises(ProtocolError, match=named):
        client.poll(1)


def test_an_answer_of_the_wrong_size_is_named(pair: Pair) -> None:
    client, peer = pair
    peer.sendall(encode(answer_to(READ, b"abc")))
    with pytest.raises(ProtocolError, match="len holds 3, expected 4"):
        client.read(0, 0x10, 4)


def test_a_refused_access_is_a_bus_error(pair: Pair) -> None:
    client, peer = pair
    peer.sendall(encode(answer_to(READ, b"abcd", Response.ADDRESS_ERROR)))
    with pytest.raises(BusError) as caught:
        client.read(0, 0x10, 4)
    assert caught.value.status is Response.ADDRESS_ERROR


def test_a_silent_peer_ends_at_the_deadline(pair: Pair) -> None:
    client, _ = pair
    with pytest.raises(LinkError, match=r"waited 0.2 s for answer to read, it did not come"):
        client.read(0, 0x10, 4)
    with pytest.raises(LinkError, match=r"waited 0.2 s for wire 0 to become 1"):
        client.wait_wire(0, True)
