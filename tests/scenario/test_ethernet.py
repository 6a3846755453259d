# SPDX-License-Identifier: MIT
"""Frames as other implementations make them, wrong ones, and the far end that speaks them."""

from __future__ import annotations

import struct
from collections import deque
from contextlib import suppress
from dataclasses import replace
from ipaddress import IPv4Address
from random import Random

import pytest

from testbed.deadline import Deadline
from testbed.scenario.ethernet import BROADCAST, Arp, BadFrame, Datagram, parse
from testbed.scenario.far_end import MAC, UdpFarEnd

THERE = bytes.fromhex("02049f0b0000")
HERE_IP, THERE_IP = IPv4Address("192.0.2.1"), IPv4Address("192.0.2.2")
# Made by Linux: "hello" from 192.0.2.2 port 40000 to 192.0.2.1 port 4242.
SENT = Datagram(THERE, MAC, (THERE_IP, 40000), (HERE_IP, 4242), b"hello")


def sum16(data: bytes) -> int:
    """The Internet checksum, word by word as RFC 1071 has it."""
    total: int = sum(struct.unpack(f">{len(data) // 2}H", data))
    while total >> 16:
        total = (total & 0xFFFF) + (total >> 16)
    return ~total & 0xFFFF


@pytest.fixture
def random() -> Random:
    seed = Random().getrandbits(32)
    print(f"seed {seed}")
    return Random(seed)


def test_a_datagram_is_what_the_standards_say() -> None:
    frame = SENT.frame()
    assert frame[:14] == MAC + THERE + b"\x08\x00"
    assert len(frame) == 60
    assert sum16(frame[14:34]) == 0
    udp = frame[34 : 34 + 13]
    assert sum16(THERE_IP.packed + HERE_IP.packed + b"\0\x11\0\x0d" + udp + b"\0") == 0
    assert parse(frame) == SENT


def test_any_datagram_comes_out_as_it_went_in(random: Random) -> None:
    for _ in range(500):
        sent = replace(SENT, payload=random.randbytes(random.randrange(1473)))
        assert parse(sent.frame()) == sent


def test_a_checksum_that_is_zero_is_sent_as_all_ones() -> None:
    at = 34 + 6
    for word in range(0x10000):
        frame = replace(SENT, payload=struct.pack(">H", word)).frame()
        assert frame[at : at + 2] != b"\0\0"
        if frame[at : at + 2] == b"\xff\xff":
            assert parse(frame) is not None
            return
    raise AssertionError("no payload has this checksum")


def test_a_spoilt_datagram_is_never_one_without_a_checksum() -> None:
    for word in range(0x10000):
        frame = replace(SENT, payload=struct.pack(">H", word)).frame(spoilt=True)
        with pytest.raises(BadFrame, match="a wrong UDP checksum"):
            parse(frame)


def test_each_flipped_bit_of_ip_or_udp_is_noticed(random: Random) -> None:
    frame = bytearray(replace(SENT, payload=random.randbytes(30)).frame())
    for bit in range(14 * 8, (34 + 8 + 30) * 8):
        frame[bit // 8] ^= 1 << bit % 8
        with pytest.raises(BadFrame):
            parse(bytes(frame))
        frame[bit // 8] ^= 1 << bit % 8


def test_no_udp_checksum_is_none_that_was_offloaded() -> None:
    frame = bytearray(SENT.frame())
    frame[40:42] = b"\0\0"
    with pytest.raises(BadFrame, match="no UDP checksum"):
        parse(bytes(frame))


def test_garbage_is_a_bad_frame_or_nothing(random: Random) -> None:
    for _ in range(2000):
        frame = bytearray(random.randbytes(random.randrange(200)))
        frame[12:14] = random.choice([b"\x08\x00", b"\x08\x06", b"\x86\xdd"])
        with suppress(BadFrame):
            parse(bytes(frame))


class Cable:
    """What the machine sends is given; what it is sent is kept."""

    def __init__(self, *frames: bytes) -> None:
        self.frames = deque(frames)
        self.sent: list[bytes] = []

    def receive(self, deadline: Deadline) -> bytes:
        return self.frames.popleft()

    def send(self, frame: bytes) -> None:
        self.sent.append(frame)


def test_the_far_end_answers_who_asks_for_it() -> None:
    asks = Arp(False, THERE, THERE_IP, b"\0" * 6, HERE_IP).frame()
    others = Arp(False, THERE, THERE_IP, b"\0" * 6, IPv4Address("192.0.2.9")).frame()
    cable = Cable(others, asks, SENT.frame())
    far_end = UdpFarEnd(cable, HERE_IP, 4242)
    assert asks[:6] == BROADCAST
    assert far_end.receive(Deadline(1)) == b"hello"
    (answer,) = cable.sent
    assert parse(answer) == Arp(True, MAC, HERE_IP, THERE, THERE_IP)


def test_the_far_end_finds_the_machine_and_keeps_what_came_before() -> None:
    answer = Arp(True, THERE, THERE_IP, MAC, HERE_IP).frame()
    cable = Cable(SENT.frame(), answer)
    far_end = UdpFarEnd(cable, HERE_IP, 4242)
    assert far_end.resolve(THERE_IP, Deadline(1)) == THERE
    assert parse(cable.sent[0]) == Arp(False, MAC, HERE_IP, b"\0" * 6, THERE_IP)
    assert far_end.receive(Deadline(1)) == b"hello"


def test_the_far_end_sends_to_whom_it_heard_from() -> None:
    cable = Cable(SENT.frame())
    far_end = UdpFarEnd(cable, HERE_IP, 4242)
    far_end.receive(Deadline(1))
    far_end.send(b"good day")
    far_end.send_spoilt(b"good day")
    good, spoilt = cable.sent
    assert parse(good) == Datagram(MAC, THERE, (HERE_IP, 4242), (THERE_IP, 40000), b"good day")
    with pytest.raises(BadFrame, match="a wrong UDP checksum"):
        parse(spoilt)


@pytest.mark.parametrize(
    ("frame", "complaint"),
    [
        (replace(SENT, target_mac=THERE).frame(), "to 02:04:9f:0b:00:00, whom nobody"),
        (SENT.frame(spoilt=True), "from the machine: a wrong UDP checksum"),
        (replace(SENT, target=(HERE_IP, 1)).frame(), "to 192.0.2.1 port 1, not to this end"),
        (SENT.frame()[:59], "a frame of 59 bytes"),
    ],
)
def test_what_no_machine_should_send_fails(frame: bytes, complaint: str) -> None:
    with pytest.raises(AssertionError, match=complaint):
        UdpFarEnd(Cable(frame), HERE_IP, 4242).receive(Deadline(1))
