# SPDX-License-Identifier: MIT
"""The channel's frames: bytes to values and back, no I/O. The other side is guests/agent/agent.h.

A frame is u32 payload length, u32 stream id, u8 kind, payload; a string in a payload is u32 length
and bytes. All numbers are big-endian. Stream 0 is the channel itself.
"""

from __future__ import annotations

import struct
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from enum import IntEnum
from typing import NamedTuple

PROTOCOL_VERSION = 1
MAX_PAYLOAD = 65536
WINDOW = 65536
"""Bytes that may be under way in one direction of one stream before the other side grants more."""
TOKEN_SIZE = 16
GREETING = b"testbed-agent up"
"""The token of a HELLO the agent sends unasked: it has just started."""

_HEADER = struct.Struct(">IIB")
HEADER_SIZE = _HEADER.size
_U32 = struct.Struct(">I")
_CREDIT = struct.Struct(">BI")
_TTY = struct.Struct(">IB")
_HELLO = struct.Struct(f">{TOKEN_SIZE}sIII")


class Request(IntEnum):
    HELLO = 0x01
    EXEC = 0x02
    CONNECT = 0x03
    OPEN_TTY = 0x04
    STDIN = 0x05
    STDIN_CLOSE = 0x06
    SIGNAL = 0x07
    DATA = 0x08
    SHUTDOWN = 0x09
    CLOSE = 0x0A
    CREDIT = 0x0B


class Event(IntEnum):
    HELLO = 0x81
    OPENED = 0x82
    STDOUT = 0x83
    STDERR = 0x84
    EXIT = 0x85
    DATA = 0x86
    EOF = 0x87
    ERROR = 0x88
    CREDIT = 0x89
    INPUT_CLOSED = 0x8A


class FrameError(ValueError):
    """Bytes that are no frame of this protocol; the message names the field."""


class Frame(NamedTuple):
    stream: int
    kind: Event
    payload: bytes


@dataclass(frozen=True)
class MachineInfo:
    """What the machine's uname(2) says."""

    system: str
    name: str
    release: str
    version: str
    machine: str

    def __str__(self) -> str:
        return f"{self.system} {self.release} {self.version} {self.machine}"


@dataclass(frozen=True)
class Hello:
    token: bytes
    protocol: int
    window: int
    max_payload: int
    machine: MachineInfo


class Decoder:
    """Cuts a byte stream into events. After a FrameError it is of no further use."""

    def __init__(self) -> None:
        self._pending = bytearray()

    def feed(self, data: bytes) -> Iterator[Frame]:
        """Yield every frame that is whole now. FrameError: length or kind out of range."""
        self._pending += data
        while len(self._pending) >= HEADER_SIZE:
            length, stream, kind = _HEADER.unpack_from(self._pending)
            if length > MAX_PAYLOAD:
                raise FrameError(f"payload length {length} is over {MAX_PAYLOAD}")
            if kind not in _EVENTS:
                raise FrameError(f"unknown kind 0x{kind:02x} on stream {stream}")
            end = HEADER_SIZE + length
            if len(self._pending) < end:
                return
            payload = bytes(self._pending[HEADER_SIZE:end])
            del self._pending[:end]
            yield Frame(stream, Event(kind), payload)


_EVENTS = frozenset(int(event) for event in Event)


class _Payload:
    """A payload taken apart from the front."""

    def __init__(self, event: Event, data: bytes) -> None:
        self._event = event
        self._data = data
        self._at = 0

    def take(self, layout: struct.Struct) -> tuple[int | bytes, ...]:
        if self._at + layout.size > len(self._data):
            raise FrameError(f"{self._event.name} payload of {len(self._data)} bytes is too short")
        values = layout.unpack_from(self._data, self._at)
        self._at += layout.size
        return values

    def u32(self) -> int:
        return int(self.take(_U32)[0])

    def string(self) -> str:
        length = self.u32()
        text = self._data[self._at : self._at + length]
        if len(text) < length:
            raise FrameError(f"{self._event.name} string of {length} bytes ends early")
        self._at += length
        return text.decode(errors="replace")

    def end(self) -> None:
        if self._at != len(self._data):
            left = len(self._data) - self._at
            raise FrameError(f"{self._event.name} payload has {left} bytes too many")


def frame(stream: int, kind: Request | Event, payload: bytes = b"") -> bytes:
    """One frame. ValueError: a payload longer than the protocol allows."""
    if len(payload) > MAX_PAYLOAD:
        raise ValueError(
            f"{kind.name} request of {len(payload)} bytes is over the channel's {MAX_PAYLOAD}"
        )
    return _HEADER.pack(len(payload), stream, kind) + payload


def _string(text: str) -> bytes:
    data = text.encode(errors="surrogateescape")
    if b"\0" in data:
        raise ValueError(f"a NUL byte cannot be passed to a machine, as in {text!r}")
    return _U32.pack(len(data)) + data


def _strings(texts: Sequence[str]) -> bytes:
    return _U32.pack(len(texts)) + b"".join(_string(text) for text in texts)


def hello(token: bytes) -> bytes:
    return frame(0, Request.HELLO, token)


def execute(
    stream: int, argv: Sequence[str], cwd: str | None, env: Mapping[str, str] | None
) -> bytes:
    """EXEC: `env` is added to the agent's own environment. ValueError: NUL bytes, too long."""
    if not argv:
        raise ValueError("a command needs at least its name")
    additions = [f"{name}={value}" for name, value in (env or {}).items()]
    payload = _strings(argv) + _string(cwd or "") + _strings(additions)
    return frame(stream, Request.EXEC, payload)


def connect(stream: int, path: str) -> bytes:
    return frame(stream, Request.CONNECT, _string(path))


def open_tty(stream: int, path: str, baud: int, rtscts: bool) -> bytes:
    return frame(stream, Request.OPEN_TTY, _TTY.pack(baud, rtscts) + _string(path))


def signal(stream: int, number: int) -> bytes:
    return frame(stream, Request.SIGNAL, _U32.pack(number))


def credit(stream: int, kind: Event, count: int) -> bytes:
    return frame(stream, Request.CREDIT, _CREDIT.pack(kind, count))


def read_hello(payload: bytes) -> Hello:
    """FrameError: no HELLO. One of another protocol version has its later fields left empty."""
    fields = _Payload(Event.HELLO, payload)
    token, protocol, window, max_payload = fields.take(_HELLO)
    assert isinstance(token, bytes)
    if protocol == PROTOCOL_VERSION:
        machine = MachineInfo(*(fields.string() for _ in range(5)))
        fields.end()
    else:
        machine = MachineInfo("", "", "", "", "")
    return Hello(token, int(protocol), int(window), int(max_payload), machine)


def read_u32(event: Frame) -> int:
    """The payload of OPENED (process id, or 0) and of CREDIT (bytes)."""
    fields = _Payload(event.kind, event.payload)
    value = fields.u32()
    fields.end()
    return value


def read_exit(payload: bytes) -> int:
    """The return code as subprocess has it: N, or -N after signal N."""
    if len(payload) != 2 or payload[0] > 1:
        raise FrameError(f"EXIT payload {payload.hex()} is not a status")
    return -payload[1] if payload[0] else payload[1]


def read_eof(payload: bytes) -> Event:
    """Which event will not come again."""
    if len(payload) != 1 or payload[0] not in (Event.STDOUT, Event.STDERR, Event.DATA):
        raise FrameError(f"EOF payload {payload.hex()} names no byte event")
    return Event(payload[0])


def read_error(payload: bytes) -> tuple[int, str]:
    """errno and text."""
    fields = _Payload(Event.ERROR, payload)
    errno, text = fields.u32(), fields.string()
    fields.end()
    return errno, text


def find_hello(data: bytes | bytearray, token: bytes) -> tuple[Hello, int] | None:
    """Find the HELLO that carries `token` among bytes of an earlier peer; None: not whole yet.

    Returns it and the position behind it.
    """
    at = data.find(token)
    if at < HEADER_SIZE:
        return None
    length, stream, kind = _HEADER.unpack_from(data, at - HEADER_SIZE)
    if kind != Event.HELLO or stream:
        raise FrameError(f"HELLO's token came on stream {stream}, kind 0x{kind:02x}")
    if len(data) < at + length:
        return None
    return read_hello(bytes(data[at : at + length])), at + length
