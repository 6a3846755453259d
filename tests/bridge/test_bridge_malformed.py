# SPDX-License-Identifier: MIT
"""Packets a model must not send: a message naming the field, a closed connection, a live QEMU."""

from __future__ import annotations

import random
import re
import struct
import threading
from collections.abc import Callable

import peer as rp
import pytest
from bridge_rig import BASE, RAM, TRIED, Machine
from peer import Peer

Raw = Callable[..., Machine]

MUTATED = 4000

# name: what is sent, and what the message says
REFUSED: dict[str, tuple[bytes, str]] = {
    "garbage": (b"\xff" * 64, "command 4294967295 response: "),
    "unknown command": (rp.packet(99), "command 99: cmd is unknown"),
    "ATS": (rp.packet(rp.ATS_REQ, bytes(40)), "ATS_REQ: ATS was not announced"),
    "second HELLO": (rp.hello(), "HELLO: came a second time"),
    "short HELLO": (rp.packet(rp.HELLO, b"\0\4"), "HELLO: len 2 is less than 4"),
    "HELLO without capabilities": (
        rp.packet(rp.HELLO, struct.pack(">HHIHH", 4, 3, 32, 9, 0)),
        "HELLO: caps.offset 32 and caps.len 9 do not lie in the 32 bytes",
    ),
    "capabilities far away": (
        rp.packet(rp.HELLO, struct.pack(">HHIHH", 4, 3, 0xFFFFFFF0, 1, 0)),
        "HELLO: caps.offset 4294967280",
    ),
    "long NOP": (rp.packet(rp.NOP, b"x"), "NOP: len 1 is more than 0"),
    "short CFG": (rp.packet(rp.CFG, b"1234"), "CFG: len 4 is less than 5"),
    "short READ": (rp.packet(rp.READ, bytes(37)), "READ: len 37 is less than 38"),
    "huge packet": (rp.packet(rp.WRITE, size=0xFFFFFFFF), "WRITE: len 4294967295 is more than"),
    "huge READ": (rp.bus(rp.READ, RAM, 0x7FFFFFFF), "READ: bus len 2147483647 is more than"),
    "READ with data": (rp.bus(rp.READ, RAM, 4, b"1234"), "READ: len 42 does not fit the bus len 4"),
    "WRITE without its data": (
        rp.bus(rp.WRITE, RAM, 64, b"x"),
        "WRITE: bus len 64 at offset 58 does not lie in the 59 bytes",
    ),
    "WRITE with too much data": (
        rp.bus(rp.WRITE, RAM, 1, b"xyz"),
        "WRITE: len 41 does not fit the bus len 1",
    ),
    "streaming": (
        rp.bus(rp.WRITE, RAM, 8, bytes(8), stream_width=4),
        "WRITE: stream_width 4 is less than the bus len 8",
    ),
    "DMA for another device": (rp.bus(rp.READ, RAM, 4, dev=3), "READ: dev is 3, expected 0"),
    "answer to nothing": (
        rp.bus(rp.READ, 0, 4, b"1234", id=9999, flags=rp.RESPONSE),
        "READ response: id 9999 dev 0 answers no request",
    ),
    "answer to no SYNC": (
        rp.packet(rp.SYNC, bytes(8), flags=rp.RESPONSE),
        "SYNC response: id 7 dev 0 answers no request",
    ),
    "answer to no INTERRUPT": (
        rp.interrupt(flags=rp.RESPONSE),
        "INTERRUPT response: id 7 answers no request",
    ),
    "short INTERRUPT": (rp.packet(rp.INTERRUPT, b"abc"), "INTERRUPT: len 3 is less than 21"),
    "line out of range": (rp.interrupt(16), "INTERRUPT: line is 16, the last one is 15"),
    "reset from the model": (rp.interrupt(vector=1), "INTERRUPT: vector is 1, expected 0"),
    "level 7": (rp.interrupt(value=7), "INTERRUPT: val is 7, neither 0 nor 1"),
    "extended flag on a short packet": (
        rp.bus(rp.READ, RAM, 4, attributes=rp.EXT_BASE),
        "READ: len 38 cuts the extended header",
    ),
    "data offset inside the header": (
        rp.extended(rp.WRITE, RAM, b"1234", data_offset=58),
        "WRITE: bus len 4 at offset 58 does not lie",
    ),
    "data offset behind the end": (
        rp.extended(rp.WRITE, RAM, b"1234", data_offset=81),
        "WRITE: bus len 4 at offset 81 does not lie",
    ),
    "byte enables behind the end": (
        rp.extended(rp.WRITE, RAM, b"1234", b"\xff", enable_len=2),
        "WRITE: byte_enable_offset 84 and byte_enable_len 2 do not lie",
    ),
    "byte enables in the header": (
        rp.extended(rp.WRITE, RAM, b"1234", b"\xff", enable_offset=20),
        "WRITE: byte_enable_offset 20",
    ),
    "half enabled": (
        rp.extended(rp.WRITE, RAM, b"1234", b"\xff\x7f"),
        r"WRITE: byte_enable\[1\] is 0x7f, neither 0x00 nor 0xff",
    ),
}


def _assert_refused(machine: Machine, peer: Peer, message: str) -> None:
    assert peer.closed_by_qemu()
    log = machine.settled_log()
    assert re.search(rf"remote-port rp.sock: {message}", log), log
    assert machine.read(BASE, 4) == 0xFFFFFFFF


@pytest.mark.parametrize("name", REFUSED)
def test_refused_with_the_name_of_the_field(raw: Raw, peer: Peer, name: str) -> None:
    machine = raw()
    data, message = REFUSED[name]
    peer.send(data)
    _assert_refused(machine, peer, message)


@pytest.mark.parametrize(
    ("capabilities", "data", "message"),
    [
        ((2, 3), rp.extended(rp.WRITE, RAM, b"1234"), "WRITE: attributes say extended header"),
        ((1, 3), rp.extended(rp.WRITE, RAM, b"1234", b"\xff"), "WRITE: byte_enable_len is 1, but"),
    ],
    ids=["extended", "byte enables"],
)
def test_what_was_not_announced_is_refused(
    raw: Raw, peer: Peer, capabilities: tuple[int, ...], data: bytes, message: str
) -> None:
    machine = raw(rp.hello(capabilities))
    peer.send(data)
    _assert_refused(machine, peer, message)


@pytest.mark.parametrize(
    ("answer", "message"),
    [
        (lambda id: rp.bus(rp.READ, 0, 2, b"12", id=id, flags=rp.RESPONSE), "bus len is 2, 4 was"),
        (lambda id: rp.bus(rp.READ, 0, 4, b"12", id=id, flags=rp.RESPONSE), "bus len 4 at offset"),
        (lambda id: rp.bus(rp.WRITE, 0, 4, id=id, flags=rp.RESPONSE), "WRITE response: id"),
        (
            lambda id: rp.bus(rp.READ, 0, 4, b"1234", id=id, flags=rp.RESPONSE, dev=1),
            "READ response: id . dev 1 answers no request",
        ),
    ],
    ids=["other size", "short", "other command", "other device"],
)
def test_wrong_answers(raw: Raw, peer: Peer, answer: Callable[[int], bytes], message: str) -> None:
    machine = raw()

    def reply() -> None:
        id, _, _, _ = peer.receive_command(rp.READ)
        peer.send(answer(id))

    thread = threading.Thread(target=reply)
    thread.start()
    assert machine.read(BASE, 4) == 0xFFFFFFFF
    thread.join()
    _assert_refused(machine, peer, f".*{message}")


def test_what_came_before_is_answered(raw: Raw, peer: Peer, rng: random.Random) -> None:
    machine = raw()
    data = rng.randbytes(16)
    write, read = rp.bus(rp.WRITE, RAM, 16, data, id=1), rp.bus(rp.READ, RAM, 16, id=2)
    peer.send(write + read + rp.packet(99))
    assert peer.receive_command(rp.WRITE)[0] == 1
    id, _, _, body = peer.receive_command(rp.READ)
    assert (id, body[-16:]) == (2, data)
    _assert_refused(machine, peer, "command 99: cmd is unknown")


def test_what_is_optional_or_harmless_passes(raw: Raw, peer: Peer) -> None:
    machine = raw()
    peer.send(
        rp.packet(99, b"anything", flags=rp.OPTIONAL)
        + rp.packet(rp.NOP)
        + rp.packet(rp.CFG, bytes(5))
        + rp.packet(rp.SYNC, bytes(8), id=55)
    )
    id, flags, _, _ = peer.receive_command(rp.SYNC)
    assert (id, flags) == (55, rp.RESPONSE)
    assert "remote-port" not in machine.settled_log()


def test_extended_write_and_read(raw: Raw, peer: Peer, rng: random.Random) -> None:
    machine = raw()
    data = rng.randbytes(33)
    peer.send(rp.extended(rp.WRITE, RAM, data, data_offset=80))
    assert peer.receive_command(rp.WRITE)[1] == rp.RESPONSE
    assert machine.memory(RAM, 33) == data
    peer.send(rp.extended(rp.READ, RAM, data, b"\0\xff"))
    body = peer.receive_command(rp.READ)[3]
    assert body[38:] == data, "a read returns all bytes, whatever is enabled"


def test_packet_in_single_bytes(raw: Raw, peer: Peer) -> None:
    machine = raw()
    for byte in rp.bus(rp.WRITE, RAM, 5, b"drops"):
        peer.send(bytes((byte,)))
    peer.receive_command(rp.WRITE)
    assert machine.memory(RAM, 5) == b"drops"


def _valid(rng: random.Random) -> bytes:
    size = rng.choice((0, 1, 4, 16, 300))
    data = rng.randbytes(size)
    address = rng.choice((RAM, RAM + 0x123, BASE + 0x40, 0x7000000000, 0xFFFFFFFFFFFFFFF0))
    return rng.choice(
        (
            rp.bus(rp.READ, address, size),
            rp.bus(rp.WRITE, address, size, data),
            rp.bus(rp.WRITE, address, size, data, flags=rp.POSTED),
            rp.extended(rp.WRITE, address, data, rng.choice((b"", b"\xff", b"\0\xff"))),
            rp.interrupt(rng.randrange(16), rng.randrange(2)),
            rp.interrupt(rng.randrange(16), rng.randrange(2), flags=0),
            rp.packet(rp.SYNC, bytes(8)),
            rp.packet(rp.NOP),
            rp.packet(rp.CFG, bytes(5)),
            rp.packet(200, bytes(11), flags=rp.OPTIONAL),
            rp.bus(rp.READ, 0, 4, b"1234", id=rng.randrange(8), flags=rp.RESPONSE),
        )
    )


def _mutated(rng: random.Random) -> bytes:
    """A few packets with bits flipped, bytes dropped, inserted or set to extremes."""
    data = bytearray(b"".join(_valid(rng) for _ in range(rng.randrange(1, 4))))
    for _ in range(rng.randrange(1, 5)):
        at = rng.randrange(len(data))
        match rng.randrange(5):
            case 0:
                data[at] ^= 1 << rng.randrange(8)
            case 1:
                data[at] = rng.choice((0, 1, 0x7F, 0x80, 0xFF))
            case 2:
                del data[at : at + rng.randrange(1, 30)]
            case 3:
                data[at:at] = rng.randbytes(rng.randrange(1, 30))
            case 4:
                at -= at % 4
                data[at : at + 4] = rng.choice((b"\xff" * 4, bytes(4), b"\0\xff\xff\xff"))
        data = data or bytearray(1)
    return bytes(data)


def test_mutated_packets(raw: Raw, peer: Peer, rng: random.Random) -> None:
    """Each sequence on a connection of its own; QEMU must come back for the next."""
    machine = raw(reconnect_ms=1, timeout_ms=2000)
    for number in range(MUTATED):
        data = _mutated(rng)
        try:
            peer.send(data)
            peer.socket.shutdown(1)
            assert peer.closed_by_qemu()
            peer.accept()
        except TimeoutError:
            pytest.fail(f"sequence {number}: QEMU did not come back after {data.hex()}")
        assert machine.alive, f"sequence {number}: {data.hex()}\n{machine.log[-2000:]}"
    peer.send(rp.bus(rp.WRITE, RAM, 4, b"done"))
    peer.receive_command(rp.WRITE)
    assert machine.memory(RAM, 4) == b"done"
    TRIED["a running QEMU"] = MUTATED
