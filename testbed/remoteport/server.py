# SPDX-License-Identifier: MIT
"""Serves one device on a UNIX socket: one thread, one QEMU at a time, again after each."""

from __future__ import annotations

import contextlib
import socket
import threading
import traceback
from collections import deque
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

from testbed.deadline import Deadline
from testbed.errors import Stage, TestbedError
from testbed.remoteport.codec import ProtocolError
from testbed.remoteport.device import Device, LinkError
from testbed.remoteport.session import ModelError, Session
from testbed.remoteport.stream import ConnectionClosed, Stream, listen
from testbed.remoteport.trace import Trace

TIMEOUT = 10.0  # seconds

# How often to look for input, 1.3 us a time, before sleeping. Register read of 4 bytes, median and
# 90th percentile in us; C client that spins for 50 us, two processors, pause between accesses:
#                                  0        5        20       100      1000 us
#    idle,   0 looks             10 26    19 25    41 51    36  69    51 103
#    idle,  50 looks             10 14    10 21    10 12    45 110    72 107
#    busy,   0 looks             17 65    17 66    24 68    25  85    24  76
#    busy,  60, no back-off      10 180   67 141  138 156  140 158   132 244
#    busy,  50 looks             16 64    17 66    21 68    18  65    20  50
# Asleep on an idle machine, each side pays for waking a halted processor. On a busy one the
# spinning thread holds the processor that its peer waits for, which Stream's back-off bounds.
SPIN = 50
_REMEMBERED = 32


@dataclass(frozen=True, slots=True)
class Failure:
    """A model's exception: `text` is its traceback, `message` one line with the access."""

    exception: BaseException
    message: str
    text: str


class Server:
    """Listens at `path` and serves `device` from `start` to `stop`.

    `timeout` bounds every wait on a connected peer, in seconds. `on_failure` is called on the
    server's thread when the model raises; `failure` keeps the first. What ended a connection
    otherwise than the peer's orderly close is in `link_errors`, newest last.
    """

    def __init__(
        self,
        device: Device,
        path: Path,
        *,
        chan: int = 0,
        timeout: float = TIMEOUT,
        trace: Trace | None = None,
        on_failure: Callable[[Failure], None] | None = None,
        posted_wires: bool = True,
        spin: int = SPIN,
    ) -> None:
        self.device = device
        self.path = path
        self.failure: Failure | None = None
        self.link_errors: deque[Exception] = deque(maxlen=_REMEMBERED)
        self._chan = chan
        self._timeout = timeout
        self._trace = trace
        self._on_failure = on_failure
        self._posted_wires = posted_wires
        self._spin = spin
        self._changed = threading.Condition()
        self._session: Session | None = None
        self._connections = 0
        self._stopping = False
        self._listener: socket.socket | None = None
        self._thread: threading.Thread | None = None

    def start(self) -> None:
        """Listen and serve. On return a QEMU can connect."""
        try:
            self._listener = listen(self.path)
        except OSError as error:
            raise TestbedError(
                Stage.INFRASTRUCTURE,
                f"{self.device.name}: cannot listen at {self.path}: {error.strerror or error}",
            ) from error
        self._thread = threading.Thread(
            target=self._run, name=f"remote-port {self.device.name}", daemon=True
        )
        self._thread.start()

    @property
    def connected(self) -> bool:
        """Whether a QEMU is connected and has said hello."""
        session = self._session
        return session is not None and session.attached

    @property
    def state_refused(self) -> str | None:
        """Why the connected QEMU's last save or load of a state was refused."""
        session = self._session
        return None if session is None else session.state_refused

    @property
    def connections(self) -> int:
        """How many connections have got past their hello."""
        return self._connections

    def wait_connected(self, deadline: Deadline) -> None:
        """Until a QEMU is connected; TestbedError at the deadline or when the model has failed."""
        with self._changed:
            self._changed.wait_for(lambda: self.connected or self.failure, deadline.remaining)
        if self.failure is not None:
            raise TestbedError(Stage.MODEL, self.failure.message)
        if not self.connected:
            last = f" ({self.link_errors[-1]})" if self.link_errors else ""
            raise TestbedError(
                Stage.INFRASTRUCTURE,
                f"{self.device.name}: no QEMU connected to {self.path} in"
                f" {deadline.seconds:g} s{last}",
            )

    def wait_disconnected(self, deadline: Deadline) -> None:
        """Until no QEMU is connected; TestbedError at the deadline."""
        with self._changed:
            if not self._changed.wait_for(lambda: self._session is None, deadline.remaining):
                raise TestbedError(
                    Stage.INFRASTRUCTURE,
                    f"{self.device.name}: QEMU is still connected after {deadline.seconds:g} s",
                )

    def stop(self) -> None:
        """Close the connection, stop listening, join the thread, remove the socket."""
        with self._changed:
            self._stopping = True
            session = self._session
        if self._listener is None:
            return
        with contextlib.suppress(OSError):
            self._listener.shutdown(socket.SHUT_RDWR)
        if session is not None:
            session.stop()
        if self._thread is not None and self._thread is not threading.current_thread():
            self._thread.join(self._timeout)
            if self._thread.is_alive():
                raise TestbedError(
                    Stage.MODEL,
                    f"{self.device.name}: a callback of the model has not returned"
                    f" {self._timeout:g} s after its server was stopped",
                )
        self._listener.close()
        self._listener = None
        self.path.unlink(missing_ok=True)

    def __enter__(self) -> Server:
        self.start()
        return self

    def __exit__(self, *_: object) -> None:
        self.stop()

    def _run(self) -> None:
        assert self._listener is not None
        while True:
            try:
                connection, _ = self._listener.accept()
            except OSError as error:
                if not self._stopping:
                    self.link_errors.append(error)
                return
            self._connected(connection)
            if self._stopping:
                return

    def _connected(self, connection: socket.socket) -> None:
        stream = Stream(connection, timeout=self._timeout, spin=self._spin)
        try:
            self._serve(stream)
        except ModelError as error:
            self._failed(error)
        except ConnectionClosed:
            self._note("disconnected")
        except (ProtocolError, LinkError) as error:
            if not self._stopping:
                self.link_errors.append(error)
                self._note(f"connection closed: {error}")
        except Exception as error:  # a fault of this side must not pass for a quiet connection
            self._failed(ModelError(f"{self.device.name}: {type(error).__name__}: {error}"), error)
        finally:
            stream.close()
            with self._changed:
                self._session = None
                self._changed.notify_all()

    def _serve(self, stream: Stream) -> None:
        session = Session(
            stream,
            self.device,
            chan=self._chan,
            posted_wires=self._posted_wires,
            trace=self._trace,
        )
        with self._changed:
            if self._stopping:
                return
            self._session = session
        session.handshake()
        self._note("connected")
        session.serve(self._attached)

    def _attached(self) -> None:
        with self._changed:
            self._connections += 1
            self._changed.notify_all()

    def _failed(self, error: ModelError, cause: BaseException | None = None) -> None:
        cause = cause or error.__cause__ or error
        text = "".join(traceback.format_exception(cause))
        message = " ".join(str(error).split())
        failure = Failure(cause, message, text)
        self._note(f"model failed: {message}")
        with self._changed:
            if self.failure is None:
                self.failure = failure
            self._changed.notify_all()
        if self._on_failure is not None:
            self._on_failure(failure)

    def _note(self, text: str) -> None:
        if self._trace is not None:
            self._trace.event(self.device, text)
