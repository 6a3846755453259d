# SPDX-License-Identifier: MIT
"""A live server against the synchronous client: what a QEMU sees, and what a model can do."""

from __future__ import annotations

import json
import os
import random
import socket
import struct
import threading
from collections.abc import Callable
from pathlib import Path
from typing import Any, Literal

import pytest
from rp_rig import BROKEN, DOORBELL, REFUSED, Memory

from testbed.deadline import Deadline
from testbed.errors import Stage, TestbedError
from testbed.remoteport.client import ALL_CAPABILITIES, Client
from testbed.remoteport.codec import (
    MAX_DATA,
    BusAccess,
    Cfg,
    Flags,
    Hello,
    Interrupt,
    Nop,
    ProtocolError,
    Sync,
    Unknown,
    answer_to,
    encode,
)
from testbed.remoteport.device import BusError, Device, LinkError, Response
from testbed.remoteport.exchange import Exchange
from testbed.remoteport.server import Failure, Server
from testbed.remoteport.stream import Stream

Serve = Callable[..., Server]
Connect = Callable[..., Client]


def seconds(value: float = 5.0) -> Deadline:
    return Deadline(value)


def next_dma(client: Client) -> BusAccess:
    """The model's next DMA request, unanswered; wires before it are dropped."""
    while True:
        packet = client.receive(seconds())
        assert packet is not None
        if isinstance(packet, BusAccess):
            return packet


class Doorbell(Memory):
    """Runs a function of the test inside a register write."""

    def __init__(self, action: Callable[[Doorbell, int], None]) -> None:
        super().__init__()
        self.action = action

    def on_doorbell(self, value: int) -> None:
        super().on_doorbell(value)
        self.action(self, value)


# Registers


@pytest.mark.parametrize("extended", [False, True])
@pytest.mark.parametrize("byteorder", ["little", "big"])
def test_registers_of_every_size(
    serve: Serve,
    connect: Connect,
    rng: random.Random,
    byteorder: Literal["little", "big"],
    extended: bool,
) -> None:
    device = Memory(byteorder=byteorder)
    client = connect(serve(device), byteorder=byteorder, extended=extended)
    for size in range(1, 9):
        value = rng.getrandbits(8 * size)
        offset = rng.randrange(0x1000 - size)
        client.write(1, offset, size, value)
        assert device.accesses[-1] == ("W", 1, offset, size, value)
        assert client.read(1, offset, size) == value
        assert client.read_bytes(1, offset, size) == value.to_bytes(size, byteorder)


def test_values_lie_in_memory_in_the_devices_byte_order(serve: Serve, connect: Connect) -> None:
    device = Memory(byteorder="big")
    client = connect(serve(device))
    client.write_bytes(0, 0, b"\x00\x00\x00\x01")
    assert device.accesses[-1] == ("W", 0, 0, 4, 1)


@pytest.mark.parametrize(
    ("region", "offset", "size", "status"),
    [
        (0, REFUSED, 4, Response.GENERIC_ERROR),
        (0, 0x100, 1, Response.ADDRESS_ERROR),
        (0, 0xFE, 4, Response.ADDRESS_ERROR),
        (1, (1 << 64) - 1, 4, Response.ADDRESS_ERROR),
        (1, 0, 9, Response.GENERIC_ERROR),
        (1, 0, 0, Response.GENERIC_ERROR),
        (1, 0, 64, Response.GENERIC_ERROR),
    ],
)
def test_a_refused_read_carries_its_status(
    serve: Serve, connect: Connect, region: int, offset: int, size: int, status: Response
) -> None:
    server = serve(Memory())
    client = connect(server)
    with pytest.raises(BusError) as caught:
        client.read(region, offset, size)
    assert caught.value.status is status
    with pytest.raises(BusError):
        client.write(region, offset, size, 0)
    assert client.read(0, 0, 4) == 0
    assert server.failure is None


def test_posted_writes_keep_their_order_and_are_not_answered(
    serve: Serve, connect: Connect
) -> None:
    device = Memory()
    client = connect(serve(device))
    for value in range(500):
        client.write(1, 0, 4, value, posted=True)
    client.write(0, REFUSED, 4, 0, posted=True)
    assert client.read(1, 0, 4) == 499
    assert [access[4] for access in device.accesses[:500]] == list(range(500))


def test_byte_enables_write_the_enabled_bytes_alone(serve: Serve, connect: Connect) -> None:
    device = Memory()
    client = connect(serve(device))
    client.write_bytes(1, 0, b"ABCDEFGH")
    client.write_bytes(1, 0, b"abcdefgh", byte_enable=b"\xff\x00\x00\xff")
    assert bytes(device.bytes[1][:8]) == b"aBCdeFGh"
    client.write_bytes(1, 0, b"12345678", byte_enable=b"\x00")
    assert bytes(device.bytes[1][:8]) == b"aBCdeFGh"


def test_a_channel_number_moves_the_device_numbers(serve: Serve, connect: Connect) -> None:
    device = Doorbell(lambda device, _: device.dma.write(0, b"dma!"))
    client = connect(serve(device, chan=16), chan=16, memory=bytearray(8))
    client.write(1, 0, 1, 0x5A)
    client.write(0, DOORBELL, 4, 0)
    assert device.bytes[1][0] == 0x5A
    assert client.memory == b"dma!\0\0\0\0"


def test_sync_nop_cfg_and_optional_packets(serve: Serve, connect: Connect) -> None:
    client = connect(serve(Memory()))
    client.send(Nop(payload=b"x"))
    client.send(Cfg(0, 1))
    client.send(Unknown(99, b"later"))
    assert client.sync(1234) == 1234


# Wires


def test_wires_are_sent_on_connect_and_when_they_change(serve: Serve, connect: Connect) -> None:
    device = Memory()
    device.set_wire("error", True)
    server = serve(device)
    client = connect(server)
    client.wait_wire(1, True)
    assert client.wire_changes == [(0, False), (1, True)]
    device.set_wire(0, True)
    device.set_wire(0, True)
    device.set_wire(0, False)
    client.sync()
    assert client.wire_changes[2:] == [(0, True), (0, False)]
    client.close()
    server.wait_disconnected(seconds())
    with pytest.raises(LinkError, match="no QEMU is connected"):
        device.dma.read(0, 4)
    device.set_wire("interrupt", True)
    again = connect(server)
    again.sync()
    assert again.wire_changes == [(0, True), (1, True)]


@pytest.mark.parametrize("capabilities", [None, (), (1, 2), ALL_CAPABILITIES])
@pytest.mark.parametrize("posted", [True, False])
def test_wires_are_answered_as_negotiated(
    serve: Serve, connect: Connect, capabilities: tuple[int, ...] | None, posted: bool
) -> None:
    device = Memory()
    client = connect(serve(device, posted_wires=posted), capabilities=capabilities)
    flags = Flags.POSTED if posted and capabilities == ALL_CAPABILITIES else 0
    answered = []
    for _ in device.wires:
        packet = client.receive(seconds())
        assert isinstance(packet, Interrupt)
        assert packet.flags == flags
        if capabilities == ALL_CAPABILITIES and not posted:
            packet.flags |= Flags.RESPONSE
            client.send(packet)
            answered.append(packet.id)
    assert client.sync(7) == 7
    if answered:
        # An answer is accepted once.
        client.send(Interrupt(0, 0, id=answered[0], flags=Flags.RESPONSE))
        with pytest.raises(LinkError):
            client.sync()


def test_an_interrupt_that_is_never_answered_ends_the_connection(
    serve: Serve, connect: Connect
) -> None:
    server = serve(Memory(), posted_wires=False, timeout=0.2)
    client = connect(server)
    packet = client.receive(seconds())
    assert isinstance(packet, Interrupt)
    server.wait_disconnected(seconds())
    assert "an interrupt was not answered in 0.2 s" in str(server.link_errors[-1])


# DMA


def test_dma_inside_a_register_write(serve: Serve, connect: Connect, rng: random.Random) -> None:
    content = rng.randbytes(0x2000)
    memory = bytearray(content + bytes(0x2000))

    def copy(device: Doorbell, size: int) -> None:
        device.dma.write(0x12000, device.dma.read(0x10000, size))
        device.set_wire("interrupt", True)

    client = connect(serve(Doorbell(copy)), memory=memory, memory_base=0x10000)
    client.write(0, DOORBELL, 4, 0x2000)
    assert memory[0x2000:] == content
    assert client.wires[0]
    assert client.dma == [("read", 0x10000, 0x2000), ("write", 0x12000, 0x2000)]


def test_dma_from_threads_while_registers_are_used(
    serve: Serve, connect: Connect, rng: random.Random
) -> None:
    device = Memory()
    server = serve(device)
    client = connect(server, memory=bytearray(rng.randbytes(4 * 4096)))
    server.wait_connected(seconds())
    expected = bytes(client.memory)
    failures: list[BaseException] = []

    def work(page: int, locked: bool) -> None:
        try:
            for _ in range(100):
                if locked:
                    with device.lock:
                        data = device.dma.read(page * 4096, 4096)
                else:
                    data = device.dma.read(page * 4096, 4096)
                assert data == expected[page * 4096 :][:4096]
                device.dma.write(page * 4096, data)
        except BaseException as error:
            failures.append(error)

    threads = [threading.Thread(target=work, args=(page, page % 2 == 0)) for page in range(4)]
    for thread in threads:
        thread.start()
    count = 0
    deadline = seconds(30)
    while any(thread.is_alive() for thread in threads) and not deadline.expired:
        client.write(1, 0, 4, count)
        assert client.read(1, 0, 4) == count
        count += 1
    for thread in threads:
        thread.join(5)
    assert failures == []
    assert not deadline.expired
    assert client.memory == expected
    # Only the server's thread ran the model, however many threads received packets.
    assert len(device.threads) == 1
    assert len(client.dma) == 800


def test_the_server_resumes_when_another_thread_received_in_its_place(
    serve: Serve, connect: Connect
) -> None:
    entered, go_on = threading.Semaphore(0), threading.Semaphore(0)

    def wait(_: Doorbell, __: int) -> None:
        entered.release()
        assert go_on.acquire(timeout=5)

    device = Doorbell(wait)
    client = connect(serve(device))
    for _ in range(20):
        client.send(BusAccess(True, DOORBELL, 4, bytes(4), flags=Flags.POSTED))
        assert entered.acquire(timeout=5)
        thread = threading.Thread(target=device.dma.read, args=(0, 4))
        thread.start()
        request = next_dma(client)
        go_on.release()
        client.send(answer_to(request, b"abcd"))
        thread.join(5)
        begun = seconds()
        assert client.sync(3) == 3
        assert begun.elapsed < 4


def test_a_request_queued_by_another_thread_is_not_waited_for() -> None:
    ours, theirs = socket.socketpair()
    exchange = Exchange(Stream(ours, timeout=5), lambda packet: None)

    class Late:
        """Another thread queues a request just before the right to receive is had."""

        def acquire(self, _: bool) -> bool:
            exchange.requests.append(Sync(1))
            return True

        def release(self) -> None:
            pass

    vars(exchange)["_receiving"] = Late()
    begun = seconds()
    exchange.wait()
    assert begun.elapsed < 4
    theirs.close()


class Loop(Client):
    """A machine in which the device's own registers are on the bus at 0x8000."""

    def dma_read(self, address: int, size: int) -> bytes:
        if address >= 0x8000:
            return self.read_bytes(0, address - 0x8000, size)
        return super().dma_read(address, size)

    def dma_write(self, address: int, packet: BusAccess) -> None:
        if address >= 0x8000:
            self.write_bytes(0, address - 0x8000, packet.data)
        else:
            super().dma_write(address, packet)


def test_dma_to_the_devices_own_registers(serve: Serve) -> None:
    def ring(device: Doorbell, depth: int) -> None:
        if depth:
            device.dma.write(0x8000 + DOORBELL, struct.pack("<I", depth - 1))
        else:
            device.bytes[0][0x40:0x44] = device.dma.read(0x8000 + DOORBELL, 4)[::-1]

    device = Doorbell(ring)
    with Loop.connect(serve(device).path, timeout=5.0) as client:
        client.write(0, DOORBELL, 4, 5)
        assert device.doorbells == 6


def test_refused_dma_tells_the_model_why(serve: Serve, connect: Connect) -> None:
    seen: list[Any] = []

    def probe(device: Doorbell, _: int) -> None:
        for access in (
            lambda: device.dma.read(0x100, 4),
            lambda: device.dma.write(0x100, b"abcd"),
            lambda: device.dma.read((1 << 64) - 2, 4),
        ):
            try:
                access()
            except BusError as error:
                seen.append((error.status, str(error)))

    client = connect(serve(Doorbell(probe)), memory=bytearray(0x100))
    client.write(0, DOORBELL, 4, 0)
    assert seen == [
        (Response.ADDRESS_ERROR, "DMA read of 4 bytes at 0x100 refused: address error"),
        (Response.ADDRESS_ERROR, "DMA write of 4 bytes at 0x100 refused: address error"),
        (
            Response.ADDRESS_ERROR,
            "DMA read of 4 bytes at 0xfffffffffffffffe: beyond a 64-bit address space",
        ),
    ]


def test_refused_dma_that_the_model_lets_through_refuses_the_access(
    serve: Serve, connect: Connect
) -> None:
    server = serve(Doorbell(lambda device, _: device.dma.write(0x100, b"abcd")))
    client = connect(server, memory=bytearray(16))
    with pytest.raises(BusError) as caught:
        client.write(0, DOORBELL, 4, 0)
    assert caught.value.status is Response.ADDRESS_ERROR
    assert server.failure is None


@pytest.mark.parametrize("capabilities", [ALL_CAPABILITIES, (1, 3), None])
def test_dma_byte_enables_with_and_without_the_capability(
    serve: Serve, connect: Connect, capabilities: tuple[int, ...] | None
) -> None:
    action = Doorbell(lambda device, _: device.dma.write(1, b"abcdefg", b"\xff\xff\x00"))
    client = connect(serve(action), memory=bytearray(b"........."), capabilities=capabilities)
    client.write(0, DOORBELL, 4, 0)
    assert client.memory == b".ab.de.g."
    assert len(client.dma) == (1 if capabilities == ALL_CAPABILITIES else 3)


def test_large_dma_is_cut_into_packets(serve: Serve, connect: Connect, rng: random.Random) -> None:
    size = MAX_DATA + 4097
    content = rng.randbytes(size)

    def copy(device: Doorbell, _: int) -> None:
        device.dma.write(size, device.dma.read(0, size))
        device.dma.write(0, bytes(size), b"\xff\x00\x00")

    client = connect(serve(Doorbell(copy)), memory=bytearray(content + bytes(size)))
    client.write(0, DOORBELL, 4, 0)
    assert client.memory[size:] == content
    kept = bytearray(content)
    kept[::3] = bytes(len(kept[::3]))
    assert client.memory[:size] == kept


def test_empty_dma_touches_nothing(serve: Serve, connect: Connect) -> None:
    def nothing(device: Doorbell, _: int) -> None:
        assert device.dma.read(0, 0) == b""
        device.dma.write(0, b"")
        with pytest.raises(ValueError, match="byte enable is empty"):
            device.dma.write(0, b"abc", b"")

    server = serve(Doorbell(nothing))
    client = connect(server)
    client.write(0, DOORBELL, 4, 0)
    assert client.dma == []
    assert server.failure is None


class Silent(Client):
    """A machine that never answers DMA."""

    def _serve_dma(self, packet: BusAccess) -> None:
        pass


def test_dma_without_an_answer_ends_at_the_deadline(serve: Serve) -> None:
    seen: list[str] = []

    def ask(device: Doorbell, _: int) -> None:
        try:
            device.dma.read(0x1234, 4)
        except LinkError as error:
            seen.append(str(error))
            raise

    server = serve(Doorbell(ask), timeout=0.3)
    with Silent.connect(server.path, timeout=5.0) as client:
        deadline = seconds()
        with pytest.raises(LinkError, match="closed the connection"):
            client.write(0, DOORBELL, 4, 0)
    assert 0.25 < deadline.elapsed < 4
    server.wait_disconnected(seconds())
    assert seen == ["DMA read of 4 bytes at 0x1234: no answer in 0.3 s"]
    assert str(server.link_errors[-1]) == seen[0]
    assert server.failure is None


@pytest.mark.parametrize("inside", [True, False])
def test_a_peer_that_leaves_during_dma_is_a_link_error(
    serve: Serve, connect: Connect, inside: bool
) -> None:
    seen = threading.Event()

    def ask(device: Device) -> None:
        with pytest.raises(LinkError, match="DMA read of 8 bytes"):
            device.dma.read(0, 8)
        seen.set()

    device = Doorbell(lambda device, _: ask(device))
    server = serve(device)
    client = connect(server)
    server.wait_connected(seconds())
    if inside:
        client.send(BusAccess(True, DOORBELL, 4, bytes(4), flags=Flags.POSTED))
    else:
        thread = threading.Thread(target=ask, args=(device,))
        thread.start()
    next_dma(client)
    client.close()
    assert seen.wait(5)
    server.wait_disconnected(seconds())
    assert server.failure is None
    connect(server).sync()


# Reset and state


@pytest.mark.parametrize("capabilities", [ALL_CAPABILITIES, None])
def test_the_reset_pulse_resets_once(
    serve: Serve, connect: Connect, capabilities: tuple[int, ...] | None
) -> None:
    device = Memory()
    client = connect(serve(device), capabilities=capabilities)
    client.write(1, 0, 4, 1)
    client.reset()
    assert client.read(1, 0, 4) == 0
    assert device.resets == 1


def test_state_moves_to_another_device_with_its_wires(
    serve: Serve, connect: Connect, rng: random.Random
) -> None:
    first, second = Memory("first"), Memory("second")
    source = connect(serve(first))
    value = rng.getrandbits(64)
    source.write(0, 0x40, 8, value)
    first.set_wire("error", True)
    target = connect(serve(second))
    target.sync()
    changes = len(target.wire_changes)
    blob = source.save_state()
    assert json.loads(blob)["state"] == source.model_state()
    target.load_state(blob)
    assert target.read(0, 0x40, 8) == value
    # Changed once by loading, then every level again.
    assert target.wire_changes[changes:] == [(1, True), (0, False), (1, True)]


def test_a_bad_state_is_refused_and_the_reason_kept(serve: Serve, connect: Connect) -> None:
    server = serve(Memory())
    client = connect(server)
    client.write(0, 0x40, 4, 77)
    with pytest.raises(BusError):
        client.load_state(b'{"model":"Other","wires":{},"state":{}}')
    assert server.state_refused == "dev: field 'model' holds 'Other', expected 'Memory'"
    assert client.read(0, 0x40, 4) == 77
    client.load_state(client.save_state())
    assert server.state_refused is None


# Failures


@pytest.mark.parametrize("callback", ["read", "write", "reset", "save", "load", "value"])
def test_a_models_exception_closes_the_connection_and_is_kept(
    serve: Serve, connect: Connect, callback: str
) -> None:
    class Bad(Memory):
        def boom(self, *_: Any) -> Any:
            raise RuntimeError("wrong\n  turn")

    device = Bad()
    if callback == "value":
        vars(device)["read"] = lambda *_: 0x1FF
    elif callback != "load":
        vars(device)[callback] = device.boom
    told: list[Failure] = []
    server = serve(device, on_failure=told.append)
    client = connect(server)
    state = client.save_state() if callback == "load" else b""
    if callback == "load":
        vars(device)["load"] = device.boom
    actions: dict[str, Callable[[], object]] = {
        "read": lambda: client.read(0, 0x40, 4),
        "value": lambda: client.read(1, 3, 1),
        "write": lambda: client.write(1, 0x44, 2, 1),
        "reset": client.reset,
        "save": client.save_state,
        "load": lambda: client.load_state(state),
    }
    with pytest.raises(LinkError, match="closed the connection"):
        actions[callback]()
    server.wait_disconnected(seconds())
    assert server.failure is not None
    assert told == [server.failure]
    expected = {
        "read": "dev: read of 4 bytes at control+0x40: RuntimeError: wrong turn",
        "value": "dev: read of 1 bytes at buffer+0x3: OverflowError: int too big to convert",
        "write": "dev: write of 2 bytes at buffer+0x44: RuntimeError: wrong turn",
        "reset": "dev: reset: RuntimeError: wrong turn",
        "save": "dev: save: RuntimeError: wrong turn",
        "load": "dev: load of a state: RuntimeError: wrong turn",
    }
    assert server.failure.message == expected[callback]
    kind = OverflowError if callback == "value" else RuntimeError
    assert type(server.failure.exception) is kind
    assert "Traceback" in server.failure.text
    if callback != "value":
        assert "in boom" in server.failure.text
    # The first failure stays, and the next QEMU is still served.
    again = connect(server)
    with pytest.raises(TestbedError) as caught:
        server.wait_connected(seconds())
    assert caught.value.stage is Stage.MODEL
    assert again.sync(3) == 3


def test_a_failure_inside_a_nested_access_is_the_models(serve: Serve) -> None:
    def reach(device: Doorbell, _: int) -> None:
        try:
            device.dma.read(0x8000 + BROKEN, 4)
        except LinkError:
            return  # a model that carries on regardless

    server = serve(Doorbell(reach))
    with (
        Loop.connect(server.path, timeout=5.0) as client,
        pytest.raises(LinkError, match="closed the connection"),
    ):
        client.write(0, DOORBELL, 4, 0)
    server.wait_disconnected(seconds())
    assert server.failure is not None
    assert server.failure.message.endswith("control+0x24: RuntimeError: the model is broken")


# The peer


def answer(id_: int, **fields: Any) -> bytes:
    request = BusAccess(False, 0, 4, id=id_, stream_width=4)
    return encode(answer_to(request, b"abcd", **fields))


@pytest.mark.parametrize(
    ("data", "named"),
    [
        (encode(Hello()), "hello: cmd holds 1 a second time"),
        (encode(Interrupt(0, 1)), "interrupt: vector holds 0"),
        (encode(Interrupt(4, 1, 1)), "interrupt: line holds 4"),
        (encode(BusAccess(False, 0, 4, dev=2)), "read: dev holds 2"),
        (encode(BusAccess(True, 0, 1, b"x", dev=0xFFFE)), "write: dev holds 65534"),
        (encode(BusAccess(False, 0, 5, dev=0xFFFF)), r"read: len \(of the access\) holds 5"),
        (answer(77), "read response: id holds 77"),
        (encode(Sync(0, flags=2, id=78)), "sync response: id holds 78"),
        (encode(Interrupt(0, 0, id=79, flags=2)), "interrupt response: id holds 79"),
        (bytes.fromhex("00000007 00000044") + bytes(80), "ats_req: cmd needs capability 4"),
        (b"\xff" * 4 + bytes(16), "header: cmd holds 0xffffffff"),
        (encode(Sync(0))[:-1], "closed the connection 27 bytes into a packet"),
    ],
    ids=map(str, range(12)),
)
def test_an_unexpected_packet_closes_the_connection_and_is_named(
    serve: Serve, connect: Connect, data: bytes, named: str
) -> None:
    server = serve(Memory())
    client = connect(server)
    client.send_raw(data)
    client._stream._socket.shutdown(socket.SHUT_WR)
    server.wait_disconnected(seconds())
    assert len(server.link_errors) == 1
    with pytest.raises(type(server.link_errors[0]), match=named):
        raise server.link_errors[0]
    assert server.failure is None
    assert connect(server).sync(5) == 5


def test_an_answer_echoing_the_posted_flag_is_dropped(serve: Serve, connect: Connect) -> None:
    client = connect(serve(Memory()))
    client.send(Interrupt(0, 0, id=1, flags=Flags.POSTED | Flags.RESPONSE))
    assert client.sync(1) == 1


@pytest.mark.parametrize("size", [3, 5])
def test_an_answer_of_the_wrong_size_is_a_link_error(serve: Serve, size: int) -> None:
    class Short(Client):
        def _serve_dma(self, packet: BusAccess) -> None:
            self.send(answer_to(packet, bytes(size)))

    server = serve(Doorbell(lambda device, _: device.set_wire(0, bool(device.dma.read(0, 4)))))
    with Short.connect(server.path, timeout=5.0) as client, pytest.raises(LinkError):
        client.write(0, DOORBELL, 4, 0)
    server.wait_disconnected(seconds())
    assert f"holds {size}, expected 4" in str(server.link_errors[-1])
    assert isinstance(server.link_errors[-1], ProtocolError)
    assert server.failure is None


@pytest.mark.parametrize("twice", [False, True])
def test_an_answer_to_something_else_ends_the_connection(serve: Serve, twice: bool) -> None:
    class Confused(Client):
        def _serve_dma(self, packet: BusAccess) -> None:
            if twice:
                self.send_raw(2 * encode(answer_to(packet, bytes(packet.size))))
            else:
                packet.write = not packet.write
                self.send(answer_to(packet))

    server = serve(Doorbell(lambda device, _: device.set_wire(0, bool(device.dma.read(0, 4)))))
    with Confused.connect(server.path, timeout=5.0) as client:
        if twice:
            client.write(0, DOORBELL, 4, 0)
        with pytest.raises(LinkError):
            client.write(0, 0 if twice else DOORBELL, 4, 0)
    server.wait_disconnected(seconds())
    kind = "read" if twice else "write"
    assert str(server.link_errors[-1]).startswith(f"{kind} response: id holds ")
    assert server.failure is None


@pytest.mark.parametrize(
    ("first", "named"),
    [
        (encode(Hello(major=3)), "hello: major holds 3, expected 4"),
        (encode(Sync(0)), "sync: cmd is not that of a hello"),
        (b"", "the peer connected but sent no hello in 0.2 s"),
        (encode(Hello())[:10], "a packet stopped after 10 bytes"),
    ],
)
def test_a_bad_beginning(serve: Serve, connect: Connect, first: bytes, named: str) -> None:
    server = serve(Memory(), timeout=0.2)
    with socket.socket(socket.AF_UNIX) as raw:
        raw.connect(str(server.path))
        raw.sendall(first)
        raw.settimeout(5)
        while raw.recv(4096):
            pass
    server.wait_disconnected(seconds())
    assert named in str(server.link_errors[-1])
    assert server.connections == 0
    assert connect(server).sync(5) == 5


def test_a_peer_that_stops_reading_is_given_up(serve: Serve, connect: Connect) -> None:
    server = serve(Doorbell(lambda device, _: device.dma.write(0, bytes(8 << 20))), timeout=0.3)
    client = connect(server)
    client.send(BusAccess(True, DOORBELL, 4, bytes(4), flags=Flags.POSTED))
    server.wait_disconnected(seconds())
    assert "the peer does not read" in str(server.link_errors[-1])
    assert server.failure is None


def test_a_second_qemu_is_served_after_the_first(serve: Serve, connect: Connect) -> None:
    server = serve(Memory())
    first = connect(server)
    result: list[int] = []
    second = threading.Thread(target=lambda: result.append(connect(server).sync(9)))
    second.start()
    assert first.sync(1) == 1
    assert result == []
    first.close()
    second.join(5)
    assert result == [9]
    assert server.connections == 2


# Life of a server


def test_waiting_for_a_qemu(serve: Serve, connect: Connect) -> None:
    server = serve(Memory())
    with pytest.raises(TestbedError, match=r"dev: no QEMU connected to .* in 0.05 s"):
        server.wait_connected(Deadline(0.05))
    client = connect(server)
    server.wait_connected(seconds())
    assert server.connected
    with pytest.raises(TestbedError, match="still connected"):
        server.wait_disconnected(Deadline(0.05))
    client.close()
    server.wait_disconnected(seconds())
    assert not server.connected


@pytest.mark.parametrize("state", ["listening", "connected", "in a DMA", "half a packet"])
def test_stopping_leaves_nothing_behind(tmp_path: Path, connect: Connect, state: str) -> None:
    descriptors = set(os.listdir("/proc/self/fd"))  # noqa: PTH208
    threads = set(threading.enumerate())
    server = Server(Doorbell(lambda device, _: device.dma.write(0, b"x")), tmp_path / "s")
    server.start()
    if state != "listening":
        client = connect(server)
        client.sync()
        if state == "in a DMA":
            client.send(BusAccess(True, DOORBELL, 4, bytes(4), flags=Flags.POSTED))
            next_dma(client)
        elif state == "half a packet":
            client.send_raw(encode(Sync(0))[:11])
    deadline = seconds()
    server.stop()
    assert deadline.elapsed < 4
    if state != "listening":
        client.close()
    assert set(threading.enumerate()) == threads
    assert set(os.listdir("/proc/self/fd")) == descriptors  # noqa: PTH208
    assert not server.path.exists()
    assert not server.link_errors
    assert server.failure is None
    server.stop()


def test_a_callback_that_never_returns_is_named(tmp_path: Path, connect: Connect) -> None:
    go_on = threading.Event()
    entered = threading.Event()

    def hang(_: Doorbell, __: int) -> None:
        entered.set()
        go_on.wait(10)

    server = Server(Doorbell(hang), tmp_path / "s", timeout=0.2)
    server.start()
    client = connect(server)
    client.send(BusAccess(True, DOORBELL, 4, bytes(4), flags=Flags.POSTED))
    assert entered.wait(5)
    with pytest.raises(TestbedError, match="dev: a callback of the model has not returned"):
        server.stop()
    go_on.set()
    server.stop()
