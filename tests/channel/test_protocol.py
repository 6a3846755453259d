# SPDX-License-Identifier: MIT
"""Both ends against a peer that does not keep to the protocol."""

from __future__ import annotations

import contextlib
import random
import socket
import subprocess
import threading
from pathlib import Path

import pytest
from agent_rig import Agent
from test_frames import hello_event

from testbed.channel import AgentClient, AgentError, ChannelClosed, ChannelError, frames
from testbed.channel.frames import Event, Request
from testbed.deadline import Deadline

TOKEN = b"0123456789abcdef"
NOWHERE = "/nonexistent/program"
REQUESTS = [
    frames.hello(TOKEN),
    frames.execute(1, [NOWHERE, "-x"], "/nonexistent", {"A": "b"}),
    frames.execute(2, ["cat"], None, None),
    frames.connect(3, "/nonexistent/socket"),
    frames.open_tty(4, "/nonexistent/tty", 115200, True),
    frames.frame(2, Request.STDIN, b"some text"),
    frames.credit(2, Event.STDOUT, 9),
    frames.signal(2, 10),
    frames.frame(2, Request.STDIN_CLOSE),
    frames.frame(2, Request.CLOSE),
]
MUTATIONS = 150


def answers(agent: Agent) -> list[frames.Frame]:
    """Everything the agent says until it closes the channel."""
    decoder = frames.Decoder()
    events: list[frames.Frame] = []
    agent.connection.settimeout(20)
    with contextlib.suppress(ConnectionResetError):
        while data := agent.connection.recv(65536):
            events += decoder.feed(data)
    return events


@pytest.mark.parametrize(
    ("requests", "complaint"),
    [
        ([bytes([0, 1, 0, 1, 0, 0, 0, 1, 5])], "65537 bytes, more than 65536"),
        ([frames.frame(1, Event.DATA)], "unknown request 0x86 on stream 1"),
        ([frames.frame(1, Request.STDIN)], "request 0x05 for stream 1, which was never opened"),
        ([frames.connect(0, "/x")], "stream 0 opened after stream 0"),
        ([frames.connect(2, "/x"), frames.connect(2, "/x")], "stream 2 opened after stream 2"),
        ([frames.hello(b"short")], "hello on stream 0 with a token of 5 bytes"),
        ([frames.frame(1, Request.EXEC, bytes([0, 0, 0, 9]))], "more strings announced than bytes"),
        ([frames.frame(1, Request.EXEC, bytes(12))], "no arguments"),
        ([frames.frame(1, Request.CONNECT, b"\0\0\0\3a\0b")], "a string with a NUL byte in it"),
        ([frames.frame(1, Request.CONNECT, b"\0\0\0\3ab")], "payload too short"),
        ([frames.frame(1, Request.CONNECT, b"\0\0\0\1ab")], "payload too long"),
        ([REQUESTS[2], frames.frame(2, Request.DATA)], "on stream 2, which is a command"),
        ([REQUESTS[2], frames.credit(2, Event.DATA, 1)], "credit for event 0x86"),
        ([REQUESTS[2], frames.credit(2, Event.STDOUT, 1)], "credit of 1 .* exceeds the window"),
        ([REQUESTS[2], frames.signal(2, 999)], "no such signal"),
        (
            [
                frames.execute(1, ["sleep", "1000"], None, None),
                *[frames.frame(1, Request.STDIN, bytes(65536))] * 3,
            ],
            "65536 bytes on stream 1, which has room for",
        ),
    ],
)
def test_the_agent_names_what_is_malformed(
    agent: Agent, requests: list[bytes], complaint: str
) -> None:
    agent.connection.sendall(b"".join(requests))
    events = answers(agent)
    assert events[0].kind is Event.HELLO
    assert events[-1].kind is Event.ERROR
    assert events[-1].stream == 0
    text = frames.read_error(events[-1].payload)[1]
    with pytest.raises(AssertionError, match=complaint):
        raise AssertionError(text)
    agent.ended(2)
    assert f"testbed-agent: malformed request: {text}" in agent.said


def mutated(rng: random.Random) -> bytes:
    data = bytearray(b"".join(rng.sample(REQUESTS, rng.randrange(1, len(REQUESTS)))))
    if rng.random() < 0.5:
        data = bytearray(b"".join(REQUESTS))
    for _ in range(rng.randrange(0, 4)):
        at = rng.randrange(len(data))
        choice = rng.randrange(3)
        if choice == 0:
            data[at] = rng.randrange(256)
        elif choice == 1:
            del data[at : at + rng.randrange(1, 12)]
        else:
            data[at:at] = rng.randbytes(rng.randrange(1, 12))
        if not data:
            break
    return bytes(data)


def test_mutated_requests(
    agent_binary: Path, agents: list[Agent], tmp_path: Path, rng: random.Random
) -> None:
    """Each ends in an orderly exit: with a word about what was malformed, or as told."""
    refused = 0
    for number in range(MUTATIONS):
        agent = Agent(agent_binary, tmp_path / f"{number}.log")
        agents.append(agent)
        agent.connection.sendall(mutated(rng))
        agent.connection.shutdown(socket.SHUT_WR)
        events = answers(agent)
        if agent.ended(0, 2) == 2:
            refused += 1
            assert events[-1].kind is Event.ERROR
            assert events[-1].stream == 0
        agent.connection.close()
    print(f"{MUTATIONS} mutated sequences, {refused} refused")
    assert 0 < refused < MUTATIONS


def test_usage_and_missing_devices(agent_binary: Path, tmp_path: Path) -> None:
    def run(*arguments: str) -> tuple[int, str]:
        done = subprocess.run(
            [agent_binary, *arguments], capture_output=True, text=True, timeout=20
        )
        return done.returncode, done.stderr

    assert run() == (1, "usage: testbed-agent PORT-NAME | DEVICE-PATH | fd:N | unix:PATH\n")
    assert run("/dev/none") == (3, "testbed-agent: opening /dev/none: No such file or directory\n")
    status, said = run(f"unix:{tmp_path}/none")
    assert status == 3
    assert said.startswith("testbed-agent: connecting to ")


class FakeAgent:
    """The machine's end of a channel, in the test's hands."""

    def __init__(self) -> None:
        connection, self.connection = socket.socketpair()
        self.connection.settimeout(20)
        self.client = AgentClient(connection, "host")
        self.token = self.request()[frames.HEADER_SIZE :]

    def request(self) -> bytes:
        header = self.connection.recv(frames.HEADER_SIZE, socket.MSG_WAITALL)
        payload = self.connection.recv(int.from_bytes(header[:4], "big"), socket.MSG_WAITALL)
        return header + payload

    def say(self, data: bytes) -> None:
        self.connection.sendall(data)

    def __enter__(self) -> FakeAgent:
        return self

    def __exit__(self, *_: object) -> None:
        self.client.close()
        self.connection.close()


def test_leftovers_before_hello_are_skipped(deadline: Deadline, rng: random.Random) -> None:
    with FakeAgent() as fake:
        leftovers = rng.randbytes(rng.randrange(300_000))
        fake.say(leftovers + hello_event(fake.token))
        machine = fake.client.hello(deadline=deadline)
        assert (machine.machine, str(machine)) == ("arm", "Linux 6 v arm")


def test_an_agent_that_came_late_is_asked_again(deadline: Deadline) -> None:
    with FakeAgent() as fake:
        fake.say(b"noise of a boot loader" + hello_event(frames.GREETING))
        assert fake.request()[frames.HEADER_SIZE :] == fake.token
        fake.say(hello_event(fake.token))
        assert fake.client.hello(deadline=deadline).machine == "arm"


def test_the_agent_answers_a_repeated_hello_once(agent: Agent) -> None:
    agent.connection.sendall(
        frames.hello(TOKEN) + REQUESTS[2] + frames.hello(TOKEN) + frames.hello(b"f" * 16)
    )
    agent.connection.shutdown(socket.SHUT_WR)
    kinds = [(event.kind, event.payload[:16]) for event in answers(agent)]
    assert [token for kind, token in kinds if kind is Event.HELLO] == [
        frames.GREETING,
        TOKEN,
        b"f" * 16,
    ]


def test_another_protocol_is_refused(deadline: Deadline) -> None:
    with FakeAgent() as fake:
        fake.say(hello_event(fake.token, protocol=2))
        with pytest.raises(ChannelError, match="speaks protocol 2, not 1: build it again"):
            fake.client.hello(deadline=deadline)


@pytest.mark.parametrize(
    ("say", "kind", "complaint"),
    [
        (
            frames.frame(1, Event.DATA, b"x"),
            ChannelError,
            "malformed answer of the agent: DATA on stream 1",
        ),
        (frames.frame(9, Event.EOF, b"x"), ChannelError, "stream 9, never opened"),
        (
            frames.frame(1, Event.STDOUT, bytes(40000)) * 2,
            ChannelError,
            "STDOUT over the window of 65536 bytes",
        ),
        (frames.frame(1, Event.EXIT, b"\2\0"), ChannelError, "EXIT payload 0200"),
        (frames.frame(1, Event.EOF, b"\1"), ChannelError, "EOF payload 01 names no"),
        (bytes([1, 0, 0, 0, 0, 0, 0, 0, 0x83]), ChannelError, "payload length"),
        (hello_event(frames.GREETING), ChannelClosed, "agent was started again"),
        (
            frames.frame(0, Event.ERROR, b"\0\0\0\x47\0\0\0\3bad"),
            AgentError,
            "the agent gave up: bad",
        ),
    ],
)
def test_the_client_names_what_is_malformed(
    deadline: Deadline, say: bytes, kind: type[Exception], complaint: str
) -> None:
    with FakeAgent() as fake:
        fake.say(hello_event(fake.token))
        fake.client.hello(deadline=deadline)

        def answer() -> None:
            fake.request()
            fake.say(frames.frame(1, Event.OPENED, bytes(4)) + say)

        thread = threading.Thread(target=answer)
        thread.start()
        with pytest.raises(kind, match=f"host: .*{complaint}"):
            fake.client.spawn("true", deadline=deadline).wait(deadline=deadline)
        thread.join()
