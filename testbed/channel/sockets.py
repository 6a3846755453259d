# SPDX-License-Identifier: MIT
"""A stream of the channel behind a real socket."""

from __future__ import annotations

import contextlib
import select
import socket
import threading
from typing import Protocol

_READ_SIZE = 32768


class _ByteStream(Protocol):
    def recv(self, limit: int, /) -> bytes: ...

    def sendall(self, data: bytes, /) -> None: ...

    def shutdown_write(self) -> None: ...

    def close(self) -> None: ...


def pump(stream: _ByteStream, label: str) -> socket.socket:
    """Return a connected socket whose bytes two threads carry to and from `stream`.

    Ends are passed on in both directions; closing the returned socket closes the stream.
    """
    given, ours = socket.socketpair()
    outward = threading.Thread(
        target=_outward, args=(stream, ours), name=f"pump-out-{label}", daemon=True
    )
    outward.start()
    threading.Thread(
        target=_inward, args=(stream, ours, outward), name=f"pump-in-{label}", daemon=True
    ).start()
    return given


def _inward(stream: _ByteStream, ours: socket.socket, outward: threading.Thread) -> None:
    """From the machine to the socket."""
    # Whatever ends the stream ends the socket, which has no other way to say why.
    with contextlib.suppress(Exception):
        while data := stream.recv(_READ_SIZE):
            ours.sendall(data)
        ours.shutdown(socket.SHUT_WR)
        outward.join()
    with contextlib.suppress(OSError):
        ours.shutdown(socket.SHUT_RDWR)
    stream.close()
    outward.join()
    ours.close()


def _outward(stream: _ByteStream, ours: socket.socket) -> None:
    """From the socket to the machine."""
    with contextlib.suppress(Exception):
        while data := ours.recv(_READ_SIZE):
            stream.sendall(data)
        stream.shutdown_write()
        _wait_for_hangup(ours)
    stream.close()


def _wait_for_hangup(connection: socket.socket) -> None:
    """Wait until the peer has closed both directions: an end of input alone says only one."""
    poller = select.poll()
    poller.register(connection, 0)
    poller.poll()
