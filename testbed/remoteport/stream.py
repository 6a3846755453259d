# SPDX-License-Identifier: MIT
"""Packets over a UNIX stream socket, with a deadline on every wait."""

from __future__ import annotations

import contextlib
import os
import select
import socket
import threading
from collections.abc import Callable
from io import FileIO
from pathlib import Path

from testbed.deadline import Deadline
from testbed.remoteport.codec import MAX_DATA, Decoder, Packet
from testbed.remoteport.device import LinkError

_BACKOFF_LEAST = 16  # waits without spinning after a spin in vain, doubled each time up to
_BACKOFF_MOST = 256
_BUFFER = 1 << 20  # bytes asked for in each direction; the kernel gives what its limits allow


class ConnectionClosed(LinkError):
    """The peer closed the connection between two packets: the orderly end."""


class Stream:
    """One connection. One thread may receive while others send; sends take turns.

    `timeout` is in seconds, for a packet that began to arrive and for a peer that takes no data.
    `spin` is how many times to look for input before sleeping.
    """

    def __init__(
        self, sock: socket.socket, *, timeout: float, spin: int = 0, max_data: int = MAX_DATA
    ) -> None:
        self.timeout = timeout
        self._socket = sock
        self._spin = spin
        self._unspun = 0  # waits left that do not spin
        self._backoff = _BACKOFF_LEAST
        self._decoder = Decoder(max_data)
        self._sending = threading.Lock()
        self._readable = select.poll()
        self._readable.register(sock, select.POLLIN)
        self._writable = select.poll()
        self._writable.register(sock, select.POLLOUT)
        # What wakes a thread that waits without a deadline; the lock is for its end.
        self._waking = threading.Lock()
        self._wakeup = FileIO(os.eventfd(0, os.EFD_NONBLOCK | os.EFD_CLOEXEC), "r+")
        self._wakeup_descriptor = self._wakeup.fileno()
        self._anything = select.poll()
        self._anything.register(sock, select.POLLIN)
        self._anything.register(self._wakeup, select.POLLIN)
        sock.setblocking(True)
        for option in (socket.SO_SNDBUF, socket.SO_RCVBUF):
            sock.setsockopt(socket.SOL_SOCKET, option, _BUFFER)

    def receive(self, deadline: Deadline | None = None) -> Packet | None:
        """The next packet.

        None when nothing has begun to arrive at the deadline; without one, for `timeout` seconds
        or when `wake` was called.
        """
        return self._receive(deadline, True)

    def receive_now(self) -> Packet | None:
        """The next packet; None when nothing has begun to arrive."""
        return self._receive(None, False)

    def received(self) -> Packet | None:
        """The next packet that has arrived whole with those before it."""
        return self._decoder.next_packet()

    def _receive(self, deadline: Deadline | None, wait: bool) -> Packet | None:
        decoder = self._decoder
        if decoder.pending:
            packet = decoder.next_packet()
            return packet if packet is not None else self._finish()
        try:
            if wait:
                count = self._first_bytes(decoder.space(), deadline)
            else:
                count = self._socket.recv_into(decoder.space(), 0, socket.MSG_DONTWAIT)
        except BlockingIOError:
            return None
        except OSError as error:
            raise LinkError(f"receiving failed: {error.strerror}") from error
        if count <= 0:
            if count == 0:
                raise ConnectionClosed("the peer closed the connection")
            return None
        decoder.pending += count
        packet = decoder.next_packet()
        return packet if packet is not None else self._finish()

    def _first_bytes(self, room: memoryview, deadline: Deadline | None) -> int:
        """The size of what arrived, 0 at the end of the stream, -1 when the time was up."""
        receive = self._socket.recv_into
        if self._unspun:
            self._unspun -= 1
        else:
            for _ in range(self._spin):
                try:
                    count = receive(room, 0, socket.MSG_DONTWAIT)
                except BlockingIOError:
                    continue
                self._backoff = _BACKOFF_LEAST
                return count
            self._unspun = self._backoff
            self._backoff = min(2 * self._backoff, _BACKOFF_MOST)
        if deadline is None:
            for descriptor, _ in self._anything.poll(self.timeout * 1000):
                if descriptor == self._wakeup_descriptor:
                    os.eventfd_read(descriptor)
        else:
            self._readable.poll(deadline.remaining * 1000)
        try:
            return receive(room, 0, socket.MSG_DONTWAIT)
        except BlockingIOError:
            return -1

    def _finish(self) -> Packet:
        """The rest of a packet that has begun to arrive."""
        decoder = self._decoder
        deadline = Deadline(self.timeout)
        while True:
            try:
                self._readable.poll(deadline.remaining * 1000)
                count = self._socket.recv_into(decoder.space(), 0, socket.MSG_DONTWAIT)
            except BlockingIOError:
                count = -1
            except OSError as error:
                raise LinkError(f"receiving failed: {error.strerror}") from error
            if count == 0:
                raise LinkError(
                    f"the peer closed the connection {decoder.pending} bytes into a packet"
                )
            if count > 0:
                decoder.pending += count
                packet = decoder.next_packet()
                if packet is not None:
                    return packet
            if deadline.expired:
                raise LinkError(
                    f"a packet stopped after {decoder.pending} bytes and the rest did not"
                    f" come in {self.timeout:g} s"
                )

    def send(self, data: bytes) -> None:
        """Send all of `data`; LinkError when the peer is gone or takes nothing in time."""
        with self._sending:
            try:
                sent = self._socket.send(data, socket.MSG_DONTWAIT)
                if sent == len(data):
                    return
            except BlockingIOError:
                sent = 0
            except OSError as error:
                raise LinkError(f"sending failed: {error.strerror}") from error
            self._send_rest(memoryview(data)[sent:])

    def _send_rest(self, rest: memoryview) -> None:
        deadline = Deadline(self.timeout)
        while rest:
            try:
                self._writable.poll(deadline.remaining * 1000)
                rest = rest[self._socket.send(rest, socket.MSG_DONTWAIT) :]
            except BlockingIOError:
                pass
            except OSError as error:
                raise LinkError(f"sending failed: {error.strerror}") from error
            if rest and deadline.expired:
                raise LinkError(
                    f"the peer does not read: {len(rest)} bytes left after {self.timeout:g} s"
                )

    def shutdown(self) -> None:
        """End the connection for both sides; wakes every thread that waits on it."""
        with contextlib.suppress(OSError):
            self._socket.shutdown(socket.SHUT_RDWR)

    def wake(self) -> None:
        """Make a `receive` without a deadline return, the one under way or the next."""
        with self._waking:
            if not self._wakeup.closed:
                os.eventfd_write(self._wakeup_descriptor, 1)

    def close(self) -> None:
        self._socket.close()
        with self._waking:
            self._wakeup.close()


def listen(path: Path) -> socket.socket:
    """A listening UNIX socket at `path`, which may be longer than the 107 bytes of an address.

    A socket left by a process that is gone is replaced; OSError for one in use or another file.
    """
    if path.is_socket():
        try:
            connect(path).close()
        except ConnectionRefusedError:
            path.unlink()
    sock = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
    try:
        _through_directory(path, sock.bind)
        sock.listen(1)
    except OSError:
        sock.close()
        raise
    return sock


def connect(path: Path) -> socket.socket:
    """A connection to the UNIX socket at `path`, of any length; OSError when nobody listens."""
    sock = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
    try:
        _through_directory(path, sock.connect)
    except OSError:
        sock.close()
        raise
    return sock


def _through_directory(path: Path, use: Callable[[str], None]) -> None:
    """Give `use` a short name for `path` by way of its opened directory."""
    directory = os.open(path.parent, os.O_PATH | os.O_DIRECTORY | os.O_CLOEXEC)
    try:
        use(f"/proc/self/fd/{directory}/{path.name}")
    finally:
        os.close(directory)
