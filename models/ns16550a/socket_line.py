# SPDX-License-Identifier: MIT
"""A serial line carried over a UNIX socket."""

from __future__ import annotations

import contextlib
import selectors
import socket
import threading
from pathlib import Path

from models.ns16550a.line import Drained, LineEvent, SerialLine, Transmitted
from testbed.errors import Stage, TestbedError
from testbed.remoteport.closing import Closing
from testbed.remoteport.stream import listen

_CHUNK = 64 << 10


class SocketLine(Closing):
    """Listens on `path` and carries bytes between `line` and one client at a time.

    Further clients wait in the socket's queue until the first leaves. While nobody is connected,
    what the UART sends stays in the line (up to its capacity) and goes to the next client. A
    client that writes faster than the receiver takes is not read until the line has drained. It
    reads the line by itself: nobody else should.
    """

    def __init__(self, line: SerialLine, path: str | Path) -> None:
        self.line = line
        self.path = Path(path)
        self._listener = self._listen()
        self._wake_in, self._wake_out = socket.socketpair()
        self._wake_in.setblocking(False)
        self._wake_out.setblocking(False)
        self._signalled = False
        self._closing = False
        self._client: socket.socket | None = None
        self._out = b""
        self._selector = selectors.DefaultSelector()
        self._selector.register(self._wake_out, selectors.EVENT_READ)
        self._selector.register(self._listener, selectors.EVENT_READ)
        self._unsubscribe = line.subscribe(self._event)
        self._thread = threading.Thread(target=self._run, name=f"line {path}", daemon=True)
        self._thread.start()

    def close(self) -> None:
        """Disconnect the client, stop listening and remove the socket file."""
        self._unsubscribe()
        self._closing = True
        self._signal()
        self._thread.join()
        self.path.unlink(missing_ok=True)

    def _listen(self) -> socket.socket:
        try:
            listener = listen(self.path)
        except OSError as error:
            why = error.strerror or error
            raise TestbedError(
                Stage.MODEL,
                f"serial line {self.line.name}: cannot listen on {self.path}: {why};"
                " give a free path in a writable folder",
            ) from None
        listener.setblocking(False)
        return listener

    def _event(self, event: LineEvent) -> None:
        if isinstance(event, Transmitted | Drained) and not self._signalled:
            self._signal()

    def _signal(self) -> None:
        self._signalled = True
        # A full pair means that the thread has a wake-up to find already.
        with contextlib.suppress(BlockingIOError):
            self._wake_in.send(b"!")

    def _run(self) -> None:
        while not self._closing:
            for key, _ in self._selector.select():
                if key.fileobj is self._wake_out:
                    with contextlib.suppress(BlockingIOError):
                        self._wake_out.recv(4096)
                    self._signalled = False
                elif key.fileobj is self._listener:
                    self._accept()
                elif key.events & selectors.EVENT_READ:
                    self._receive()
            self._send()
            self._watch()
        self._drop()
        self._selector.close()
        for end in (self._listener, self._wake_in, self._wake_out):
            end.close()

    def _accept(self) -> None:
        try:
            client, _ = self._listener.accept()
        except OSError:
            return
        client.setblocking(False)
        self._client = client
        self._selector.unregister(self._listener)
        self._selector.register(client, selectors.EVENT_READ)

    def _receive(self) -> None:
        client = self._client
        if client is None:
            return
        try:
            data = client.recv(_CHUNK)
        except BlockingIOError:
            return
        except OSError:
            data = b""
        if data:
            self.line.write(data)
        else:
            self._drop()

    def _send(self) -> None:
        while self._client is not None:
            self._out = self._out or self.line.read(_CHUNK)
            if not self._out:
                return
            try:
                sent = self._client.send(self._out)
            except BlockingIOError:
                return
            except OSError:
                self._drop()
                return
            self._out = self._out[sent:]

    def _watch(self) -> None:
        """Wait for what the client can do next: be read while the line has room, be written to."""
        if self._client is None:
            return
        events = selectors.EVENT_READ if self.line.pending < _CHUNK else 0
        if self._out:
            events |= selectors.EVENT_WRITE
        registered = self._client in self._selector.get_map()
        if events and registered:
            self._selector.modify(self._client, events)
        elif events:
            self._selector.register(self._client, events)
        elif registered:
            self._selector.unregister(self._client)

    def _drop(self) -> None:
        client = self._client
        if client is None:
            return
        self._client = None
        if client in self._selector.get_map():
            self._selector.unregister(client)
        client.close()
        if not self._closing:
            self._selector.register(self._listener, selectors.EVENT_READ)
