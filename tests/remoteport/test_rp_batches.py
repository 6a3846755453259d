# SPDX-License-Identifier: MIT
"""Many pieces of DMA at once: what travels, in which order, and what goes wrong half-way."""

from __future__ import annotations

import random
import threading
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from rp_rig import DOORBELL, TRIED, Memory, Mutator

from testbed.deadline import Deadline
from testbed.remoteport.client import Client
from testbed.remoteport.codec import (
    MAX_DATA,
    BusAccess,
    Flags,
    Interrupt,
    ProtocolError,
    answer_to,
    encode,
)
from testbed.remoteport.device import BusError, Dma, LinkError, Response
from testbed.remoteport.exchange import WINDOW
from testbed.remoteport.server import Server
from testbed.remoteport.trace import Trace

Serve = Callable[..., Server]
Connect = Callable[..., Client]

MUTATED = 400


class Batch(Memory):
    """Runs a function of the test inside the doorbell's write, and keeps what came of it."""

    def __init__(self, action: Callable[[Dma], Any]) -> None:
        super().__init__()
        self.action = action
        self.result: Any = None

    def on_doorbell(self, value: int) -> None:
        super().on_doorbell(value)
        try:
            self.result = self.action(self.dma)
        except BusError as error:
            self.result = error
        except LinkError as error:
            self.result = error
            raise


def ring(client: Client) -> None:
    """Start the device's action without waiting for its end."""
    client.send(BusAccess(True, DOORBELL, 4, bytes(4), flags=Flags.POSTED))


def requests(client: Client, count: int) -> list[BusAccess]:
    """The model's next DMA requests, unanswered; wires among them are dropped."""
    found: list[BusAccess] = []
    while len(found) < count:
        packet = client.receive(Deadline(5))
        assert packet is not None, f"{len(found)} of {count} requests came"
        if isinstance(packet, BusAccess):
            found.append(packet)
        else:
            assert isinstance(packet, Interrupt)
    return found


def nothing_more(client: Client) -> bool:
    return client.receive(Deadline(0.1)) is None


def scattered(rng: random.Random, memory: int, count: int) -> list[tuple[int, int]]:
    return [(rng.randrange(memory - 5000), rng.randrange(1, 5000)) for _ in range(count)]


def test_all_requests_are_sent_before_the_first_answer_and_matched_in_any_order(
    serve: Serve, connect: Connect, rng: random.Random
) -> None:
    pieces = scattered(rng, 1 << 20, 30)
    device = Batch(lambda dma: dma.read_many(pieces))
    client = connect(serve(device))
    ring(client)
    asked = requests(client, len(pieces))
    assert [(packet.address, packet.size) for packet in asked] == pieces
    content = [rng.randbytes(size) for _, size in pieces]
    answers = [answer_to(packet, data) for packet, data in zip(asked, content, strict=True)]
    rng.shuffle(answers)
    for answer in answers:
        client.send(answer)
    client.sync()
    assert device.result == content


def test_pieces_are_written_in_order(serve: Serve, connect: Connect, rng: random.Random) -> None:
    memory = bytearray(1 << 16)
    pieces = [(address, rng.randbytes(size)) for address, size in scattered(rng, 1 << 16, 100)]
    expected = bytearray(memory)
    for address, data in pieces:
        expected[address : address + len(data)] = data
    device = Batch(lambda dma: dma.write_many(pieces))
    client = connect(serve(device), memory=memory)
    client.write(0, DOORBELL, 4, 0)
    assert memory == expected
    assert client.dma == [("write", address, len(data)) for address, data in pieces]


@pytest.mark.parametrize("verb", ["read", "write"])
def test_what_is_under_way_is_bounded(serve: Serve, connect: Connect, verb: str) -> None:
    size, count = 4096, 3 * WINDOW // 4096
    pieces = [(n * size, size) for n in range(count)]
    data = [(address, bytes(size)) for address, size in pieces]
    device = Batch(lambda dma: dma.read_many(pieces) if verb == "read" else dma.write_many(data))
    client = connect(serve(device))
    ring(client)
    most = WINDOW // (size + 80)
    first = requests(client, most)
    assert nothing_more(client)
    for packet in first:
        client.send(answer_to(packet, bytes(size) if verb == "read" else b""))
    rest = 0
    while rest < count - most:
        packet = requests(client, 1)[0]
        client.send(answer_to(packet, bytes(size) if verb == "read" else b""))
        rest += 1
    client.sync()
    assert nothing_more(client)


def test_a_big_piece_is_under_way_alone(serve: Serve, connect: Connect) -> None:
    device = Batch(lambda dma: dma.read_many([(0, 64), (64, 2 * WINDOW), (1 << 20, 64)]))
    client = connect(serve(device))
    ring(client)
    for size in (64, 2 * WINDOW, 64):
        packet = requests(client, 1)[0]
        assert packet.size == size
        assert nothing_more(client)
        client.send(answer_to(packet, bytes(size)))
    client.sync()


class Slow(Client):
    """A simple peer: it sends what it has to before it receives again, here accesses as well."""

    def dma_read(self, address: int, size: int) -> bytes:
        self.write(1, 8, 4, address & 0xFFFFFFFF, posted=True)
        return super().dma_read(address, size)

    def dma_write(self, address: int, packet: BusAccess) -> None:
        self.write(1, 12, 4, address & 0xFFFFFFFF, posted=True)
        super().dma_write(address, packet)


@pytest.mark.parametrize("size", [1, 64, 4096, 60_000])
def test_nothing_blocks_against_a_peer_that_does_one_thing_at_a_time(
    serve: Serve, rng: random.Random, size: int
) -> None:
    count = min(2000, (8 << 20) // size)
    memory = bytearray(rng.randbytes(count * size))
    content = bytes(memory)

    def copy(dma: Dma) -> None:
        data = dma.read_many([(n * size, size) for n in range(count)])
        dma.write_many([(n * size, piece[::-1]) for n, piece in enumerate(data)])

    server = serve(Batch(copy))
    with Slow.connect(server.path, memory=memory, timeout=5.0) as client:
        client.write(0, DOORBELL, 4, 0)
    for n in range(count):
        assert memory[n * size : (n + 1) * size] == content[n * size : (n + 1) * size][::-1]


def test_batches_of_several_threads_share_the_connection(
    serve: Serve, connect: Connect, rng: random.Random
) -> None:
    memory = bytearray(rng.randbytes(4 << 18))
    expected = bytes(memory)
    device = Memory()
    server = serve(device)
    client = connect(server, memory=memory)
    server.wait_connected(Deadline(5))
    failures: list[BaseException] = []

    def work(part: int) -> None:
        try:
            pieces = [(part << 18 | n << 12, 4096) for n in range(64)]
            for _ in range(5):
                data = device.dma.read_many(pieces)
                assert b"".join(data) == expected[part << 18 : part + 1 << 18]
                device.dma.write_many(
                    [(address, piece) for (address, _), piece in zip(pieces, data, strict=True)]
                )
        except BaseException as error:
            failures.append(error)

    threads = [threading.Thread(target=work, args=(part,)) for part in range(4)]
    for thread in threads:
        thread.start()
    deadline = Deadline(30)
    while any(thread.is_alive() for thread in threads) and not deadline.expired:
        client.write(1, 0, 4, 7)
    for thread in threads:
        thread.join(5)
    assert failures == []
    assert memory == expected
    assert len(device.threads) == 1


def test_a_refused_piece_is_named_after_all_answers_and_keeps_no_other_from_its_turn(
    serve: Serve, connect: Connect, rng: random.Random
) -> None:
    memory = bytearray(64)
    data = rng.randbytes(16)
    pieces = [(0, data), (1 << 40, b"lost"), (16, data), (60, b"beyond"), (32, data)]
    device = Batch(lambda dma: dma.write_many(pieces))
    client = connect(serve(device), memory=memory)
    client.write(0, DOORBELL, 4, 0)
    assert memory == 3 * data + bytes(16)
    assert isinstance(device.result, BusError)
    assert (device.result.index, device.result.status) == (1, Response.ADDRESS_ERROR)
    assert str(device.result) == "DMA write of 4 bytes at 0x10000000000 refused: address error"

    device.action = lambda dma: dma.read_many([(0, 16), (16, 16), (62, 4)])
    client.write(0, DOORBELL, 4, 0)
    assert isinstance(device.result, BusError)
    assert device.result.index == 2


def test_odd_pieces_are_transferred_all_the_same(
    serve: Serve, connect: Connect, rng: random.Random
) -> None:
    """Empty, too big for a packet, beyond the end of addresses."""
    big = MAX_DATA + 100
    memory = bytearray(rng.randbytes(big + 64))
    pieces = [(8, 8), (3, 0), (64, big), (0, 8)]
    device = Batch(lambda dma: dma.read_many(pieces))
    client = connect(serve(device), memory=memory)
    client.write(0, DOORBELL, 4, 0)
    assert device.result == [bytes(memory[at : at + size]) for at, size in pieces]

    device.action = lambda dma: dma.write_many([(0, b"ab"), ((1 << 64) - 1, b"cd"), (2, b"ef")])
    client.write(0, DOORBELL, 4, 0)
    assert memory[:4] == b"abef"
    assert isinstance(device.result, BusError)
    assert device.result.index == 1

    device.action = lambda dma: dma.read_many([])
    client.write(0, DOORBELL, 4, 0)
    assert device.result == []


def test_registers_are_served_while_a_batch_is_under_way(serve: Serve, connect: Connect) -> None:
    device = Batch(lambda dma: dma.read_many([(n, 1) for n in range(4)]))
    client = connect(serve(device))
    ring(client)
    asked = requests(client, 4)
    client.send(answer_to(asked[3], b"d"))
    client.write(1, 0x10, 4, 0x1234)
    assert client.read(1, 0x10, 4) == 0x1234
    for packet, data in zip(asked[:3], (b"a", b"b", b"c"), strict=True):
        client.send(answer_to(packet, data))
    client.sync()
    assert device.result == [b"a", b"b", b"c", b"d"]


def test_each_piece_is_traced(serve: Serve, connect: Connect, tmp_path: Path) -> None:
    device = Batch(lambda dma: dma.write_many([(0, b"ab"), (100, b"c")]))
    with Trace(tmp_path / "trace") as trace:
        client = connect(serve(device, trace=trace), memory=bytearray(8))
        client.write(0, DOORBELL, 4, 0)
    lines = (tmp_path / "trace").read_text()
    assert "DMA write 0x0 length 2\n" in lines
    assert "DMA write 0x64 length 1 refused: address error\n" in lines


# Half-way


def ended(server: Server, device: Batch) -> str:
    """How the connection ended; the model saw it as a lost link."""
    server.wait_disconnected(Deadline(5))
    assert isinstance(device.result, LinkError)
    assert server.failure is None
    return str(server.link_errors[-1]) if server.link_errors else ""


@pytest.mark.parametrize(
    ("wrong", "named"),
    [
        (lambda packets: [answer_to(packets[0], b"abc")], "holds 3, expected 4"),
        (lambda packets: 2 * [answer_to(packets[1], b"abcd")], "answers no request"),
        (
            lambda packets: [BusAccess(True, 0, 4, id=packets[0].id, flags=2)],
            "write response: id holds",
        ),
        (
            lambda packets: [BusAccess(False, 0, 4, b"abcd", id=packets[-1].id + 1, flags=2)],
            "read response: id holds",
        ),
    ],
    ids=["short", "twice", "other direction", "unknown"],
)
def test_a_wrong_answer_in_a_batch_ends_the_connection(
    serve: Serve,
    connect: Connect,
    wrong: Callable[[list[BusAccess]], list[BusAccess]],
    named: str,
) -> None:
    device = Batch(lambda dma: dma.read_many([(0, 4), (4, 4), (8, 4)]))
    server = serve(device)
    client = connect(server)
    ring(client)
    asked = requests(client, 3)
    answers = wrong(asked)
    # Behind the wrong one come all that are still awaited.
    known = {answer.id for answer in answers}
    answers += [answer_to(packet, b"good") for packet in asked if packet.id not in known]
    client.send_raw(b"".join(encode(answer) for answer in answers))
    assert named in ended(server, device)
    assert isinstance(server.link_errors[-1], ProtocolError)
    assert connect(server).sync(3) == 3


def test_a_peer_that_leaves_in_mid_batch_is_a_link_error(serve: Serve, connect: Connect) -> None:
    device = Batch(lambda dma: dma.read_many([(0, 4), (4, 4), (8, 4)]))
    server = serve(device)
    client = connect(server)
    ring(client)
    asked = requests(client, 3)
    client.send(answer_to(asked[0], b"abcd"))
    client.close()
    ended(server, device)
    assert str(device.result).startswith("DMA read of 4 bytes at 0x0: ")
    assert connect(server).sync(3) == 3


def test_an_answer_that_does_not_come_ends_the_wait(serve: Serve, connect: Connect) -> None:
    device = Batch(lambda dma: dma.read_many([(0, 4), (4, 4)]))
    server = serve(device, timeout=0.3)
    client = connect(server)
    ring(client)
    client.send(answer_to(requests(client, 2)[1], b"abcd"))
    begun = Deadline(5)
    assert ended(server, device) == "DMA read of 4 bytes at 0x0: no answer in 0.3 s"
    assert begun.elapsed < 4


def test_mutated_answers(serve: Serve, connect: Connect, rng: random.Random) -> None:
    """Whatever comes back, the model gets its data or an error, and the server serves the next."""
    device = Batch(lambda dma: dma.read_many([(0, 4), (4, 40), (8, 4), (12, 4)]))
    server = serve(device)
    mutator = Mutator(rng)
    outcomes = set()
    for number in range(MUTATED):
        device.result = None
        with connect(server) as client:
            ring(client)
            answers = [
                encode(answer_to(packet, rng.randbytes(packet.size)))
                for packet in requests(client, 4)
            ]
            rng.shuffle(answers)
            changed = rng.randrange(4)
            answers[changed] = mutator.mutate(answers[changed])
            try:
                client.send_raw(b"".join(answers))
                client._stream._socket.shutdown(1)
            except LinkError:  # it has closed the connection half-way through
                pass
            server.wait_disconnected(Deadline(5))
        assert device.result is not None, f"input {number}: {b''.join(answers).hex()}"
        outcomes.add(type(device.result))
        assert server.failure is None, server.failure
    assert list in outcomes
    assert LinkError in outcomes
    TRIED["a batch of DMA"] = MUTATED


# A link that takes one at a time


class OneByOne:
    """What a model's unit test has for a link."""

    def __init__(self) -> None:
        self.memory = bytearray(range(64))

    def dma_read(self, address: int, size: int) -> bytes:
        if address + size > 64:
            raise BusError(Response.ADDRESS_ERROR)
        return bytes(self.memory[address : address + size])

    def dma_write(self, address: int, data: bytes, byte_enable: bytes | None) -> None:
        if address + len(data) > 64:
            raise BusError(Response.GENERIC_ERROR)
        self.memory[address : address + len(data)] = data

    def wire_changed(self, wire: int, level: bool) -> None:
        pass


def test_a_simple_link_is_asked_piece_by_piece() -> None:
    device, link = Memory(), OneByOne()
    device.attach(link)
    assert device.dma.read_many([(0, 2), (62, 2), (5, 0)]) == [b"\x00\x01", b"\x3e\x3f", b""]
    device.dma.write_many([(0, b"ab"), (1, b"cd")])
    assert link.memory[:3] == b"acd"
    with pytest.raises(BusError) as caught:
        device.dma.write_many([(0, b"x"), (63, b"yy"), (64, b"z"), (2, b"w")])
    assert (caught.value.index, caught.value.status) == (1, Response.GENERIC_ERROR)
    assert link.memory[:3] == b"xcw"
    with pytest.raises(BusError) as caught:
        device.dma.read_many([(0, 1), (1, 1), (64, 1)])
    assert caught.value.index == 2
    device.detach(link)
    with pytest.raises(LinkError, match="DMA read of 1 bytes at 0x7: no QEMU"):
        device.dma.read_many([(7, 1)])
