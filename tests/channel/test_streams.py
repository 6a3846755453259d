# SPDX-License-Identifier: MIT
from __future__ import annotations

import asyncio
import contextlib
import json
import os
import pty
import random
import socket
import termios
import threading
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from agent_rig import Agent
from qemu.qmp import QMPClient

from testbed.channel import (
    AgentClient,
    AgentError,
    ChannelClosed,
    ChannelError,
    ChannelTimeout,
    Stream,
)
from testbed.deadline import Deadline

Serve = Callable[[Callable[[socket.socket], None]], str]


@pytest.fixture
def serve(tmp_path: Path) -> Iterator[Serve]:
    """Listen on a UNIX socket; each connection is given to a function in a thread of its own."""
    threads: list[threading.Thread] = []

    def start(handle: Callable[[socket.socket], None]) -> str:
        path = str(tmp_path / "listener.sock")
        listener = socket.create_server(path, family=socket.AF_UNIX)

        def run() -> None:
            with listener, listener.accept()[0] as connection:
                handle(connection)

        threads.append(threading.Thread(target=run))
        threads[-1].start()
        return path

    yield start
    for thread in threads:
        thread.join(30)
        assert not thread.is_alive()


def echo(connection: socket.socket) -> None:
    """Send back what comes, and the end when it comes."""
    while data := connection.recv(65536):
        connection.sendall(data)


def transfer(stream: Stream, data: bytes, deadline: Deadline) -> None:
    """Send `data` through an echo, reading at the same time."""
    writer = threading.Thread(target=stream.write, args=(data,), kwargs={"deadline": deadline})
    writer.start()
    assert stream.read_exactly(len(data), deadline=deadline) == data
    writer.join()


def test_socket_both_ways(
    client: AgentClient, deadline: Deadline, serve: Serve, rng: random.Random
) -> None:
    with client.connect(serve(echo), deadline=deadline) as stream:
        transfer(stream, rng.randbytes(2_000_000), deadline)
        stream.write(b"last", deadline=deadline)
        stream.shutdown_write()
        assert stream.read_all(deadline=deadline) == b"last"
        assert stream.read(deadline=deadline) == b""


def test_no_socket(client: AgentClient, deadline: Deadline, tmp_path: Path) -> None:
    with pytest.raises(AgentError, match=r"connecting to socket '.*/none': No such file"):
        client.connect(str(tmp_path / "none"), deadline=deadline)
    with pytest.raises(AgentError, match="File name too long"):
        client.connect("/" + "x" * 200, deadline=deadline)


def test_reading_by_pattern_and_count(
    client: AgentClient, deadline: Deadline, serve: Serve
) -> None:
    def script(connection: socket.socket) -> None:
        connection.sendall(b"first\r\nsec")
        connection.recv(1)
        connection.sendall(b"ond\r\n" + bytes(200_000) + b"END" + b"12345")

    with client.connect(serve(script), deadline=deadline) as stream:
        assert stream.read_until(b"\r\n", deadline=deadline) == b"first\r\n"
        with pytest.raises(ChannelTimeout, match=r"for b'\\r\\n' from socket .*output: sec"):
            stream.read_until(b"\r\n", deadline=Deadline(0.2))
        stream.write(b"x", deadline=deadline)
        assert stream.read_until(b"\r\n", deadline=deadline) == b"second\r\n"
        # Further than a window away.
        assert stream.read_until(b"END", deadline=deadline) == bytes(200_000) + b"END"
        with pytest.raises(ChannelClosed, match="ended before 6 bytes came, 5 bytes left"):
            stream.read_exactly(6, deadline=deadline)
        assert stream.read(3, deadline=deadline) == b"123"
        with pytest.raises(ChannelClosed, match="ended before b'x' came"):
            stream.read_until(b"x", deadline=deadline)
        assert stream.read_all(deadline=deadline) == b"45"


def test_a_writer_learns_that_nobody_reads(
    client: AgentClient, deadline: Deadline, serve: Serve
) -> None:
    path = serve(lambda connection: None)
    with client.connect(path, deadline=deadline) as stream:
        assert stream.read(deadline=deadline) == b""
        with pytest.raises(ChannelClosed, match="reads no more"):
            stream.write(bytes(10_000_000), deadline=deadline)


def test_closing_a_stream_ends_its_readers(
    client: AgentClient, deadline: Deadline, serve: Serve
) -> None:
    with client.connect(serve(echo), deadline=deadline) as stream:
        threading.Timer(0.2, stream.close).start()
        with pytest.raises(ChannelClosed, match="was closed on this side"):
            stream.read(deadline=deadline)


def test_a_stream_nobody_reads_bounds_memory(
    client: AgentClient, deadline: Deadline, serve: Serve
) -> None:
    sent = threading.Event()
    total = 0

    def flood(connection: socket.socket) -> None:
        nonlocal total
        connection.settimeout(1)
        try:
            while True:
                total += connection.send(bytes(65536))
        except TimeoutError:
            sent.set()
        with contextlib.suppress(ConnectionResetError):
            connection.recv(1)

    with client.connect(serve(flood), deadline=deadline):
        assert sent.wait(deadline.remaining)
        assert total < 2_000_000  # a window, and what the kernel's socket holds
        assert client.run("echo on", deadline=deadline).text == "on"


def test_stacked_clients(
    agent_binary: Path,
    client: AgentClient,
    deadline: Deadline,
    serve: Serve,
    tmp_path: Path,
    rng: random.Random,
) -> None:
    """An agent within an agent: the inner one listens behind a socket of the outer's machine."""
    path = str(tmp_path / "inner.sock")
    listener = socket.create_server(path, family=socket.AF_UNIX)

    def inner() -> None:
        with listener, listener.accept()[0] as connection:
            Agent.serve_on(connection, agent_binary, tmp_path / "inner.log").ended(0)

    thread = threading.Thread(target=inner)
    thread.start()
    with AgentClient(client.connect(path, deadline=deadline), "guest") as guest:
        assert guest.run("echo in", deadline=deadline).text == "in"
        data = rng.randbytes(1_000_000)
        assert guest.run(["cat"], input=data, deadline=deadline).stdout == data
        with guest.connect(serve(echo), deadline=deadline) as stream:
            transfer(stream, data, deadline)
        with pytest.raises(AgentError, match="guest: executing '/no'"):
            guest.run(["/no"], deadline=deadline)
    thread.join(30)
    assert not thread.is_alive()


def test_what_kills_the_host_ends_waits_in_the_guest(
    agent_binary: Path, client: AgentClient, deadline: Deadline, serve: Serve, tmp_path: Path
) -> None:
    def inner(connection: socket.socket) -> None:
        Agent.serve_on(connection, agent_binary, tmp_path / "inner.log").ended(0)

    with AgentClient(client.connect(serve(inner), deadline=deadline), "guest") as guest:
        guest.hello(deadline=deadline)
        panic = ChannelError("the host has panicked")
        threading.Timer(0.2, client.fail, [panic]).start()
        with pytest.raises(ChannelError) as caught:
            guest.run("sleep 1000", deadline=deadline)
        assert caught.value is panic
        client.close()


def qmp_server(connection: socket.socket) -> None:
    """As much of QEMU's monitor as a client needs to shake hands and be answered."""
    version = {"qemu": {"major": 10, "minor": 0, "micro": 2}, "package": ""}
    greeting = {"QMP": {"version": version, "capabilities": []}}
    connection.sendall(json.dumps(greeting).encode() + b"\r\n")
    pending = ""
    while data := connection.recv(65536):
        pending += data.decode()
        while pending.strip():
            try:  # commands come with nothing between them
                command, end = json.JSONDecoder().raw_decode(pending)
            except json.JSONDecodeError:
                break
            pending = pending[end:].lstrip()
            answer = {"return": command.get("arguments", {})}
            if "id" in command:
                answer["id"] = command["id"]
            connection.sendall(json.dumps(answer).encode() + b"\r\n")


def test_as_socket_carries_qmp(client: AgentClient, deadline: Deadline, serve: Serve) -> None:
    async def talk(connection: socket.socket) -> list[object]:
        qmp = QMPClient("guest")
        await qmp.connect(connection)
        asked = [qmp.execute("ask", {"number": n, "pad": "x" * 50 * n}) for n in range(50)]
        answers = await asyncio.gather(*asked)
        await qmp.disconnect()
        return [answer["number"] for answer in answers]  # type: ignore[index]

    connection = client.connect(serve(qmp_server), deadline=deadline).as_socket()
    numbers = asyncio.run(asyncio.wait_for(talk(connection), deadline.remaining))
    assert numbers == list(range(50))


def test_as_socket_passes_ends_on(
    client: AgentClient, deadline: Deadline, serve: Serve, rng: random.Random
) -> None:
    data = rng.randbytes(1_000_000)
    received = bytearray()
    with client.connect(serve(echo), deadline=deadline).as_socket() as connection:
        connection.settimeout(deadline.remaining)

        def send() -> None:
            connection.sendall(data)
            connection.shutdown(socket.SHUT_WR)

        sender = threading.Thread(target=send)
        sender.start()
        while part := connection.recv(65536):
            received += part
        sender.join()
    assert bytes(received) == data


def test_closing_the_socket_closes_the_stream(
    client: AgentClient, deadline: Deadline, serve: Serve
) -> None:
    ended = threading.Event()

    def quiet(connection: socket.socket) -> None:
        while connection.recv(1):
            pass
        ended.set()

    client.connect(serve(quiet), deadline=deadline).as_socket().close()
    assert ended.wait(deadline.remaining)


def test_the_socket_ends_with_the_channel(
    client: AgentClient, agent: Agent, deadline: Deadline, serve: Serve
) -> None:
    with client.connect(serve(echo), deadline=deadline).as_socket() as connection:
        connection.settimeout(deadline.remaining)
        agent.process.kill()
        assert connection.recv(1) == b""
    agent.ended(-9)


@pytest.fixture
def line() -> Iterator[tuple[int, str]]:
    """A pseudo terminal: its master, and the path of its slave, held open."""
    master, slave = pty.openpty()
    yield master, os.ttyname(slave)
    os.close(slave)
    os.close(master)


def test_serial_line(
    client: AgentClient, deadline: Deadline, line: tuple[int, str], rng: random.Random
) -> None:
    master, path = line
    with client.open_tty(path, baud=9600, rtscts=True, deadline=deadline) as stream:
        settings = termios.tcgetattr(master)
        assert settings[4:6] == [termios.B9600, termios.B9600]
        assert settings[2] & termios.CRTSCTS
        assert settings[2] & termios.CSIZE == termios.CS8
        assert not settings[3] & (termios.ICANON | termios.ECHO | termios.ISIG)
        every_byte = bytes(rng.sample(range(256), 256))
        os.write(master, every_byte)
        assert stream.read_exactly(256, deadline=deadline) == every_byte
        stream.write(every_byte, deadline=deadline)
        assert b"".join(os.read(master, 1) for _ in range(256)) == every_byte


def test_serial_line_refused(
    client: AgentClient, deadline: Deadline, line: tuple[int, str]
) -> None:
    with pytest.raises(AgentError, match=r"setting '.*' to 1234 baud: Invalid argument"):
        client.open_tty(line[1], baud=1234, deadline=deadline)
    with pytest.raises(AgentError, match=r"setting '/dev/null' .* ioctl"):
        client.open_tty("/dev/null", deadline=deadline)
    with pytest.raises(AgentError, match="opening serial line '/dev/ttyNone'"):
        client.open_tty("/dev/ttyNone", deadline=deadline)
