# SPDX-License-Identifier: MIT
"""The model's end of a connection, byte by byte: for packets that a proper model never sends."""

from __future__ import annotations

import contextlib
import socket
import struct
from pathlib import Path

from testbed.deadline import Deadline

NOP, HELLO, CFG, READ, WRITE, INTERRUPT, SYNC, ATS_REQ = range(8)
OPTIONAL, RESPONSE, POSTED = 1, 2, 4
EXT_BASE = 4
ALL_CAPABILITIES = (1, 2, 3)
DEADLINE = 20.0

_HEADER = struct.Struct(">5I")
_BUS = struct.Struct(">3Q3IH")


def packet(
    cmd: int, body: bytes = b"", *, id: int = 7, flags: int = 0, dev: int = 0, size: int = -1
) -> bytes:
    """Any packet; `size` overrides the length field."""
    return _HEADER.pack(cmd, len(body) if size < 0 else size, id, flags, dev) + body


def hello(capabilities: tuple[int, ...] = ALL_CAPABILITIES, *, major: int = 4) -> bytes:
    caps = struct.pack(f">{len(capabilities)}I", *capabilities)
    return packet(HELLO, struct.pack(">HHIHH", major, 3, 32, len(capabilities), 0) + caps)


def bus(
    cmd: int,
    address: int = 0x42000000,
    size: int = 4,
    data: bytes = b"",
    *,
    attributes: int = 0,
    stream_width: int = 0,
    tail: bytes = b"",
    id: int = 7,
    flags: int = 0,
    dev: int = 0,
) -> bytes:
    """A bus access; `tail` is what an extended header puts between the base and the data."""
    base = _BUS.pack(0, attributes, address, size, 0, stream_width, 0)
    return packet(cmd, base + tail + data, id=id, flags=flags, dev=dev)


def extended(
    cmd: int,
    address: int,
    data: bytes,
    enable: bytes = b"",
    *,
    data_offset: int = 80,
    enable_offset: int | None = None,
    enable_len: int | None = None,
) -> bytes:
    """A bus access with the extended header, the byte enables behind the data."""
    tail = struct.pack(
        ">HIIIII",
        0,
        0,
        data_offset,
        0,
        80 + len(data) if enable_offset is None else enable_offset,
        len(enable) if enable_len is None else enable_len,
    )
    return bus(cmd, address, len(data), data + enable, attributes=EXT_BASE, tail=tail)


def interrupt(line: int = 0, value: int = 1, *, vector: int = 0, flags: int = POSTED) -> bytes:
    return packet(INTERRUPT, struct.pack(">QQIB", 0, vector, line, value), flags=flags)


class Peer:
    """Listens at `path` for one QEMU after another."""

    def __init__(self, path: Path) -> None:
        self.path = path
        self._listener = socket.socket(socket.AF_UNIX)
        self._listener.bind(str(path))
        self._listener.listen(1)
        self._listener.settimeout(DEADLINE)
        self._socket: socket.socket | None = None

    @property
    def socket(self) -> socket.socket:
        assert self._socket is not None, "no QEMU has connected"
        return self._socket

    def accept(self, greeting: bytes | None = None) -> Peer:
        """Take QEMU's connection and send `greeting` (a proper HELLO unless told)."""
        self.disconnect()
        self._socket, _ = self._listener.accept()
        self._socket.settimeout(DEADLINE)
        self.send(hello() if greeting is None else greeting)
        return self

    def send(self, data: bytes) -> None:
        self.socket.sendall(data)

    def receive(self) -> tuple[int, int, int, int, bytes]:
        """cmd, id, flags, dev and body of the next packet."""
        cmd, size, id, flags, dev = _HEADER.unpack(self._exactly(_HEADER.size))
        return cmd, id, flags, dev, self._exactly(size)

    def receive_command(self, cmd: int) -> tuple[int, int, int, bytes]:
        """id, flags, dev and body of the next packet with this command; others are passed over."""
        deadline = Deadline(DEADLINE)
        while not deadline.expired:
            got, id, flags, dev, body = self.receive()
            if got == cmd:
                return id, flags, dev, body
        raise TimeoutError(f"no packet with cmd {cmd}")

    def answer_read(self, data: bytes, *, status: int = 0) -> None:
        """Answer the next read with `data`."""
        id, _, dev, _ = self.receive_command(READ)
        self.send(
            bus(READ, 0, len(data), data, attributes=status << 8, id=id, flags=RESPONSE, dev=dev)
        )

    def closed_by_qemu(self) -> bool:
        """Whether QEMU closes the connection; what it sent before is passed over."""
        with contextlib.suppress(ConnectionResetError):
            while self.socket.recv(65536):
                pass
        return True

    def _exactly(self, size: int) -> bytes:
        data = b""
        while len(data) < size:
            more = self.socket.recv(size - len(data))
            if not more:
                raise EOFError(f"QEMU closed the connection {len(data)} bytes into {size}")
            data += more
        return data

    def disconnect(self) -> None:
        if self._socket is not None:
            self._socket.close()
            self._socket = None

    def close(self) -> None:
        """Stop listening and go: what is left is a path where nobody listens."""
        self.disconnect()
        self._listener.close()
        self.path.unlink(missing_ok=True)
