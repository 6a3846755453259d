# SPDX-License-Identifier: MIT
"""Where sockets are, and how long they wait."""

from __future__ import annotations

import socket
import threading
from collections.abc import Callable
from pathlib import Path

import pytest
from rp_rig import Memory

from testbed.deadline import Deadline
from testbed.errors import TestbedError
from testbed.remoteport.client import Client
from testbed.remoteport.codec import BusAccess, Sync, encode
from testbed.remoteport.device import LinkError
from testbed.remoteport.server import Server
from testbed.remoteport.stream import ConnectionClosed, Stream, connect, listen


def test_a_path_longer_than_an_address(tmp_path: Path) -> None:
    folder = tmp_path / ("long" * 30) / ("longer" * 30)
    folder.mkdir(parents=True)
    path = folder / "device.sock"
    assert len(str(path)) > 300
    with Server(Memory(), path), Client.connect(path, timeout=5.0) as client:
        assert client.sync(5) == 5
        assert path.is_socket()
    assert not path.exists()


def test_a_socket_left_behind_is_replaced(tmp_path: Path) -> None:
    path = tmp_path / "s"
    listen(path).close()
    assert path.is_socket()
    with Server(Memory(), path), Client.connect(path, timeout=5.0) as client:
        assert client.sync(5) == 5


def test_a_socket_in_use_is_not(tmp_path: Path) -> None:
    path = tmp_path / "s"
    with Server(Memory(), path) as server:
        with pytest.raises(TestbedError, match=f"dev: cannot listen at {path}: Address already"):
            Server(Memory(), path).start()
        with Client.connect(server.path, timeout=5.0) as client:
            assert client.sync(5) == 5


def test_another_file_is_not_replaced(tmp_path: Path) -> None:
    path = tmp_path / "s"
    path.write_text("precious")
    with pytest.raises(TestbedError, match="cannot listen"):
        Server(Memory(), path).start()
    assert path.read_text() == "precious"


def test_nobody_listens(tmp_path: Path) -> None:
    with pytest.raises(FileNotFoundError):
        connect(tmp_path / "none")
    with pytest.raises(TestbedError, match=r"cannot listen at .*: No such file or directory"):
        Server(Memory(), tmp_path / "none" / "s").start()


@pytest.fixture
def pair() -> tuple[Stream, socket.socket]:
    ours, theirs = socket.socketpair()
    return Stream(ours, timeout=0.2), theirs


Pair = tuple[Stream, socket.socket]


def test_a_wake_ends_one_wait() -> None:
    ours, theirs = socket.socketpair()
    stream = Stream(ours, timeout=30)
    stream.wake()
    stream.wake()
    begun = Deadline(30)
    assert stream.receive() is None
    assert begun.elapsed < 20
    stream.timeout = 0.2
    begun = Deadline(30)
    assert stream.receive() is None
    assert begun.elapsed > 0.15
    stream.close()
    theirs.close()
    stream.wake()  # too late, and no error


def test_silence_is_not_an_error(pair: Pair) -> None:
    stream, _ = pair
    begun = Deadline(5)
    assert stream.receive() is None
    assert begun.elapsed > 0.15
    assert stream.receive(Deadline(0.05)) is None


def test_a_packet_that_stops_is(pair: Pair) -> None:
    stream, peer = pair
    peer.sendall(encode(Sync(0))[:21])
    with pytest.raises(LinkError, match=r"stopped after 21 bytes and the rest did not come in 0.2"):
        stream.receive()


def test_a_packet_that_drips_does_not_extend_its_deadline(pair: Pair) -> None:
    stream, peer = pair
    done = threading.Event()
    data = encode(BusAccess(True, 0, 500, bytes(500), stream_width=500))
    peer.sendall(data[:1])

    def drip() -> None:
        for byte in data[1:-1]:  # for 25 s
            peer.sendall(bytes([byte]))
            if done.wait(0.05):
                return

    thread = threading.Thread(target=drip)
    thread.start()
    begun = Deadline(5)
    with pytest.raises(LinkError, match="stopped after"):
        stream.receive()
    done.set()
    thread.join()
    assert begun.elapsed < 20


def test_the_end_of_the_stream(pair: Pair) -> None:
    stream, peer = pair
    peer.sendall(encode(Sync(1)) + encode(Sync(2)) + b"\0\0")
    peer.close()
    assert stream.receive() == Sync(1)
    assert stream.receive(Deadline(1)) == Sync(2)
    with pytest.raises(LinkError, match="closed the connection 2 bytes into a packet") as caught:
        stream.receive()
    assert not isinstance(caught.value, ConnectionClosed)


def test_an_orderly_end_is_told_apart(pair: Pair) -> None:
    stream, peer = pair
    peer.close()
    with pytest.raises(ConnectionClosed):
        stream.receive()
    with pytest.raises(LinkError, match="sending failed: Broken pipe"):
        stream.send(b"x")


def test_sending_to_a_peer_that_does_not_read(pair: Pair) -> None:
    stream, _ = pair
    with pytest.raises(LinkError, match=r"the peer does not read: \d+ bytes left after 0.2 s"):
        stream.send(bytes(32 << 20))


def test_large_packets_of_two_threads_stay_whole() -> None:
    ours, theirs = (Stream(end, timeout=5) for end in socket.socketpair())
    packets = [
        BusAccess(True, tag, 1 << 20, bytes([tag]) * (1 << 20), stream_width=1 << 20)
        for tag in range(2)
    ]

    def send(data: bytes) -> None:
        for _ in range(5):
            ours.send(data)

    threads = [threading.Thread(target=send, args=(encode(packet),)) for packet in packets]
    for thread in threads:
        thread.start()
    received = [theirs.receive() for _ in range(10)]
    for thread in threads:
        thread.join(5)
    assert [received.count(packet) for packet in packets] == [5, 5]


def test_shutdown_wakes_a_receiver(pair: Pair) -> None:
    stream, _ = pair
    ours, theirs = socket.socketpair()
    for waiting in (Stream(ours, timeout=30), stream):
        ended: list[BaseException] = []

        def wait(on: Stream, ended: list[BaseException]) -> None:
            try:
                while on.receive() is None:
                    pass
            except LinkError as error:
                ended.append(error)

        thread = threading.Thread(target=wait, args=(waiting, ended))
        thread.start()
        waiting.shutdown()
        thread.join(5)
        assert not thread.is_alive()
        assert len(ended) == 1
    theirs.close()


@pytest.mark.parametrize("spin", [0, 20])
def test_packets_arrive_in_order_whatever_the_pieces(spin: int) -> None:
    ours, theirs = socket.socketpair()
    stream = Stream(ours, timeout=5, spin=spin)
    packets = [
        BusAccess(True, index, 3 * index, bytes(3 * index), stream_width=3 * index)
        for index in range(1, 400)
    ]
    data = b"".join(encode(packet) for packet in packets)

    def send(write: Callable[[bytes], None]) -> None:
        for start in range(0, len(data), 997):
            write(data[start : start + 997])

    thread = threading.Thread(target=send, args=(theirs.sendall,))
    thread.start()
    received = [stream.receive() for _ in packets]
    thread.join(5)
    assert received == packets
