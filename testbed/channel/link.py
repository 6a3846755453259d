# SPDX-License-Identifier: MIT
"""One channel's transport: a thread that reads it, one that writes it, and what is open on it."""

from __future__ import annotations

import contextlib
import os
import socket
import threading
from collections import deque
from collections.abc import Callable
from typing import Protocol

from testbed.channel import frames
from testbed.channel.errors import AgentError, ChannelClosed, ChannelError, ChannelTimeout
from testbed.channel.frames import Event, Frame
from testbed.deadline import Deadline

_READ_SIZE = 65536


class Transport(Protocol):
    """Any reliable byte stream. `close()` must end a `recv` or `sendall` that waits."""

    def recv(self, limit: int, /) -> bytes: ...

    def sendall(self, data: bytes, /) -> None: ...

    def close(self) -> None: ...


class SocketTransport:
    """A connected socket whose `close()` wakes its readers and writers."""

    def __init__(self, connection: socket.socket) -> None:
        connection.setblocking(True)
        self._socket = connection
        self.recv = connection.recv
        self.sendall = connection.sendall

    def close(self) -> None:
        with contextlib.suppress(OSError):
            self._socket.shutdown(socket.SHUT_RDWR)
        self._socket.close()


class Endpoint(Protocol):
    """What handles the events of one stream. Called with the link's lock held."""

    changed: threading.Condition

    def handle(self, event: Frame) -> bool:
        """Take an event; True when it was the stream's last."""


class Link:
    """Frames in and out of `transport`. Nothing here blocks a caller but `wait`."""

    def __init__(self, transport: Transport, name: str) -> None:
        self.name = name
        self.lock = threading.RLock()
        self._transport = transport
        self._changed = threading.Condition(self.lock)
        self._failure: Exception | None = None
        self._endpoints: dict[int, Endpoint] = {}
        self._last_id = 0
        self._hello: frames.Hello | None = None
        self._token = os.urandom(frames.TOKEN_SIZE)
        self._unsynchronized = bytearray()
        self._decoder = frames.Decoder()
        self._outgoing: deque[bytes] = deque()
        self._outgoing_changed = threading.Condition()
        self._stopping = False
        self._threads = [
            threading.Thread(target=self._read, name=f"channel-read-{name}", daemon=True),
            threading.Thread(target=self._write, name=f"channel-write-{name}", daemon=True),
        ]
        self.send(frames.hello(self._token))
        for thread in self._threads:
            thread.start()

    def hello(self, deadline: Deadline) -> frames.MachineInfo:
        """Wait for the agent to answer; see `wait` for the errors."""
        with self.lock:
            self.wait(self._changed, lambda: self._hello is not None, deadline, "the agent's hello")
            assert self._hello is not None
            return self._hello.machine

    def wait(
        self,
        changed: threading.Condition,
        ready: Callable[[], bool],
        deadline: Deadline | None,
        what: str,
        last_lines: Callable[[], tuple[str, ...]] = tuple,
    ) -> None:
        """Wait, with the lock held, until `ready()`.

        ChannelTimeout at the deadline; when the link has failed, or fails, what it failed with.
        """
        while not ready():
            if self._failure is not None:
                raise self._failure
            left = threading.TIMEOUT_MAX if deadline is None else deadline.remaining
            if deadline is not None and deadline.expired:
                lines = last_lines()
                came = f"; last output: {lines[-1]}" if lines else ""
                raise ChannelTimeout(
                    f"{self.name}: waited {deadline.seconds:.1f} s for {what}{came}", lines
                )
            changed.wait(min(left, threading.TIMEOUT_MAX))

    def attach(self, endpoint: Endpoint, request: Callable[[int], bytes]) -> int:
        """Give `endpoint` the next stream id and send the request that opens it."""
        with self.lock:
            if self._failure is not None:
                raise self._failure
            opening = request(self._last_id + 1)
            self._last_id += 1
            self._endpoints[self._last_id] = endpoint
            self.send(opening)
            return self._last_id

    def detach(self, stream: int) -> None:
        """Later events of `stream` are dropped."""
        with self.lock:
            self._endpoints.pop(stream, None)

    def send(self, data: bytes) -> None:
        """Queue a frame. What waits here is bounded by the streams' windows."""
        with self._outgoing_changed:
            self._outgoing.append(data)
            self._outgoing_changed.notify()

    def fail(self, failure: Exception) -> None:
        """End every wait, now and later, with `failure`. Only the first failure counts."""
        with self.lock:
            if self._failure is None:
                self._failure = failure
            self._changed.notify_all()
            for endpoint in self._endpoints.values():
                endpoint.changed.notify_all()

    def close(self) -> None:
        self.fail(ChannelClosed(f"{self.name}: the channel was closed on this side"))
        with self._outgoing_changed:
            self._stopping = True
            self._outgoing_changed.notify()
        self._transport.close()
        for thread in self._threads:
            if thread is not threading.current_thread():
                thread.join()

    def _write(self) -> None:
        while True:
            with self._outgoing_changed:
                while not self._outgoing and not self._stopping:
                    self._outgoing_changed.wait()
                if self._stopping:
                    return
                data = b"".join(self._outgoing)
                self._outgoing.clear()
            try:
                self._transport.sendall(data)
            except Exception as error:
                self._lost(error)
                return

    def _read(self) -> None:
        try:
            while data := self._transport.recv(_READ_SIZE):
                if self._hello is None:
                    data = self._synchronize(data)
                with self.lock:
                    for event in self._decoder.feed(data):
                        self._dispatch(event)
        except frames.FrameError as error:
            self.fail(ChannelError(f"{self.name}: malformed answer of the agent: {error}"))
        except Exception as error:
            self._lost(error)
        else:
            self.fail(ChannelClosed(f"{self.name}: the channel was closed by the machine"))

    def _lost(self, error: Exception) -> None:
        """A transport that is itself a stream passes on why its machine died."""
        if isinstance(error, OSError):
            error = ChannelClosed(f"{self.name}: the channel broke: {error}")
        self.fail(error)

    def _synchronize(self, data: bytes) -> bytes:
        """Skip what an earlier peer left, up to the answer to our HELLO; return what follows it."""
        pending = self._unsynchronized
        pending += data
        if (found := frames.find_hello(pending, self._token)) is None:
            # The agent came up after our HELLO was sent, which it may never have seen.
            if (at := pending.find(frames.GREETING)) >= 0:
                del pending[: at + len(frames.GREETING)]
                self.send(frames.hello(self._token))
            elif len(pending) > 2 * frames.MAX_PAYLOAD:
                del pending[: -frames.MAX_PAYLOAD]
            return b""
        hello, end = found
        rest = bytes(pending[end:])
        pending.clear()
        if (theirs := hello.protocol) != (ours := frames.PROTOCOL_VERSION):
            raise ChannelError(
                f"{self.name}: its agent speaks protocol {theirs}, not {ours}: build it again"
            )
        with self.lock:
            self._hello = hello
            self._changed.notify_all()
        return rest

    def _dispatch(self, event: Frame) -> None:
        if event.stream == 0:
            if event.kind is Event.ERROR:
                errno, text = frames.read_error(event.payload)
                raise AgentError(f"{self.name}: the agent gave up: {text}", errno)
            if event.kind is Event.HELLO:
                raise ChannelClosed(f"{self.name}: the agent was started again")
            raise frames.FrameError(f"{event.kind.name} on stream 0")
        endpoint = self._endpoints.get(event.stream)
        if endpoint is None:
            if event.stream > self._last_id:
                raise frames.FrameError(f"{event.kind.name} on stream {event.stream}, never opened")
            return
        if endpoint.handle(event):
            del self._endpoints[event.stream]
        endpoint.changed.notify_all()
