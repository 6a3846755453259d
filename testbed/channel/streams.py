# SPDX-License-Identifier: MIT
"""The two directions of a stream, with credit-based flow control, and streams made of them."""

from __future__ import annotations

import signal
import socket
import threading
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass

from testbed.channel import frames
from testbed.channel.errors import AgentError, ChannelClosed, command_text, last_lines
from testbed.channel.frames import WINDOW, Event, Frame, Request
from testbed.channel.link import Link
from testbed.channel.sockets import pump
from testbed.deadline import Deadline

_CHUNK = 32768
_TAIL = 4096


class _Endpoint:
    """One open stream of a link: its state, and waiting for it to change."""

    def __init__(self, link: Link, label: str, request: Callable[[int], bytes]) -> None:
        self.link = link
        self.label = label
        self.changed = threading.Condition(link.lock)
        self.pid = 0
        self.returncode: int | None = None
        self.readers: dict[Event, Reader] = {}
        self.writer: Writer | None = None
        self._opened = False
        self._failure: Exception | None = None
        self.id = link.attach(self, request)

    def reader(self, kind: Event) -> Reader:
        self.readers[kind] = Reader(self, kind)
        return self.readers[kind]

    def wait_until_open(self, deadline: Deadline) -> None:
        try:
            with self.link.lock:
                self.wait(lambda: self._opened, deadline, f"{self.label} to start")
        except BaseException:
            self.close()
            raise

    def wait(self, ready: Callable[[], bool], deadline: Deadline | None, what: str) -> None:
        """Wait, with the lock held; raises what ended the stream, else as Link.wait does."""
        self.link.wait(
            self.changed,
            lambda: ready() or self._failure is not None,
            deadline,
            what,
            self._last_lines,
        )
        if self._failure is not None and not ready():
            raise self._failure

    def send(self, kind: Request, payload: bytes = b"") -> None:
        self.link.send(frames.frame(self.id, kind, payload))

    def close(self) -> None:
        with self.link.lock:
            if self._failure is None:
                self._failure = ChannelClosed(
                    f"{self.link.name}: {self.label} was closed on this side"
                )
            self.send(Request.CLOSE)
            self.link.detach(self.id)
            self.changed.notify_all()

    def handle(self, event: Frame) -> bool:
        kind = event.kind
        if kind in (Event.STDOUT, Event.STDERR, Event.DATA):
            self._reader_of(kind).feed(event.payload)
        elif kind is Event.EOF:
            self._reader_of(frames.read_eof(event.payload)).ended = True
        elif kind is Event.OPENED:
            self.pid = frames.read_u32(event)
            self._opened = True
        elif kind is Event.EXIT:
            self.returncode = frames.read_exit(event.payload)
            self._input_closed()
        elif kind is Event.CREDIT and self.writer is not None:
            self.writer.credit += frames.read_u32(event)
        elif kind is Event.INPUT_CLOSED:
            self._input_closed()
        elif kind is Event.ERROR:
            errno, text = frames.read_error(event.payload)
            self._failure = AgentError(f"{self.link.name}: {text}", errno)
            return True
        else:
            raise frames.FrameError(f"{kind.name} on stream {self.id}, {self.label}")
        return self.returncode is not None and all(r.ended for r in self.readers.values())

    def _reader_of(self, kind: Event) -> Reader:
        if kind not in self.readers:
            raise frames.FrameError(f"{kind.name} on stream {self.id}, {self.label}")
        return self.readers[kind]

    def _input_closed(self) -> None:
        if self.writer is not None:
            self.writer.refused = True

    def _last_lines(self) -> tuple[str, ...]:
        return last_lines(b"\n".join(bytes(reader.tail) for reader in self.readers.values()))


class Reader:
    """Bytes coming from the machine. At most a window of them is held; a wait makes room for more.

    Each method raises ChannelTimeout at its deadline, and ChannelClosed, AgentError or what the
    client was failed with when nothing more can come and the end was not reached.
    """

    def __init__(self, endpoint: _Endpoint, kind: Event) -> None:
        self.ended = False
        self.tail = bytearray()
        self._endpoint = endpoint
        self._kind = kind
        self._held = bytearray()
        self._owed = 0  # received, and not yet granted again

    def feed(self, data: bytes) -> None:
        self._owed += len(data)
        if self._owed > WINDOW:
            raise frames.FrameError(f"{self._kind.name} over the window of {WINDOW} bytes")
        self._held += data
        self.tail += data[-_TAIL:]
        if len(self.tail) > 2 * _TAIL:
            del self.tail[:-_TAIL]

    def read(self, limit: int = WINDOW, *, deadline: Deadline) -> bytes:
        """Between 1 and `limit` bytes, as soon as there are any; b"" at the end."""
        return self._read(limit, deadline)

    def read_exactly(self, count: int, *, deadline: Deadline) -> bytes:
        """`count` bytes. ChannelClosed: the end came first; what came stays unread."""
        with self._endpoint.link.lock:
            self._fill(lambda: len(self._held) >= count, deadline, f"{count} bytes")
            return self._take(count)

    def read_until(self, pattern: bytes, *, deadline: Deadline) -> bytes:
        """Everything up to and with `pattern`. ChannelClosed: the end came first."""
        if not pattern:
            raise ValueError("read_until needs a pattern of at least one byte")
        searched = 0

        def found() -> bool:
            nonlocal searched
            at = self._held.find(pattern, searched)
            searched = max(0, len(self._held) - len(pattern) + 1) if at < 0 else at
            return at >= 0

        with self._endpoint.link.lock:
            self._fill(found, deadline, repr(pattern))
            return self._take(searched + len(pattern))

    def read_all(self, *, deadline: Deadline) -> bytes:
        """Everything up to the end."""
        parts = []
        while data := self._read(WINDOW, deadline):
            parts.append(data)
        return b"".join(parts)

    def recv(self, limit: int, /) -> bytes:
        """As a socket's, without a deadline: for threads that the stream's end ends."""
        return self._read(limit, None)

    @property
    def held(self) -> int:
        """Bytes that can be read without waiting."""
        return len(self._held)

    def take_held(self, limit: int | None = None) -> bytes:
        """What has come so far, at most `limit` bytes, without waiting."""
        with self._endpoint.link.lock:
            return self._take(len(self._held) if limit is None else limit)

    def _read(self, limit: int, deadline: Deadline | None) -> bytes:
        with self._endpoint.link.lock:
            self._wait(lambda: bool(self._held) or self.ended, deadline, "output")
            return self._take(limit)

    def _fill(self, enough: Callable[[], bool], deadline: Deadline, what: str) -> None:
        while not enough():
            if self.ended:
                raise ChannelClosed(
                    f"{self._endpoint.link.name}: {self._endpoint.label} ended before {what}"
                    f" came, {len(self._held)} bytes left"
                )
            seen = len(self._held)
            self._grant(self._owed)
            self._wait(lambda: len(self._held) > seen or self.ended, deadline, what)  # noqa: B023

    def _wait(self, ready: Callable[[], bool], deadline: Deadline | None, what: str) -> None:
        self._endpoint.wait(ready, deadline, f"{what} from {self._endpoint.label}")

    def _take(self, count: int) -> bytes:
        data = bytes(self._held[:count])
        del self._held[:count]
        consumed = self._owed - len(self._held)
        if consumed >= WINDOW // 4 or (consumed > 0 and not self._held):
            self._grant(consumed)
        return data

    def _grant(self, count: int) -> None:
        if count and not self.ended:
            self._owed -= count
            self._endpoint.link.send(frames.credit(self._endpoint.id, self._kind, count))


class Writer:
    """Bytes going to the machine."""

    def __init__(self, endpoint: _Endpoint, kind: Request, end: Request) -> None:
        self.credit = WINDOW
        self.refused = False
        self.closed = False
        self._endpoint = endpoint
        self._kind = kind
        self._end = end

    def write(self, data: bytes, *, deadline: Deadline) -> None:
        """Hand all of `data` to the machine, which is done when it has been granted room there.

        ChannelClosed: closed before, or nothing reads it any more. ChannelTimeout at the deadline.
        """
        self._write(data, deadline)

    def sendall(self, data: bytes, /) -> None:
        """As a socket's, without a deadline: for threads that the stream's end ends."""
        self._write(data, None)

    def close(self) -> None:
        """Tell the machine that no more is coming, after what was written."""
        with self._endpoint.link.lock:
            if not self.closed:
                self.closed = True
                self._endpoint.send(self._end)

    def push(self, data: memoryview) -> memoryview:
        """Send what there is credit for, without waiting, and return the rest."""
        while data and self.credit and not self.refused:
            size = min(len(data), self.credit, _CHUNK)
            self.credit -= size
            self._endpoint.send(self._kind, bytes(data[:size]))
            data = data[size:]
        return data

    def _write(self, data: bytes, deadline: Deadline | None) -> None:
        left = memoryview(data)
        label = self._endpoint.label
        with self._endpoint.link.lock:
            if self.closed:
                raise ChannelClosed(f"{self._endpoint.link.name}: writing to {label} after its end")
            while left := self.push(left):
                self._endpoint.wait(
                    lambda: self.credit > 0 or self.refused, deadline, f"{label} to read its input"
                )
                if self.refused:
                    raise ChannelClosed(
                        f"{self._endpoint.link.name}: {label} reads no more, {len(left)} of"
                        f" {len(data)} bytes unsent"
                    )


class Stream:
    """A byte stream both ways: a UNIX socket or a serial line in the machine."""

    def __init__(
        self, link: Link, label: str, request: Callable[[int], bytes], deadline: Deadline
    ) -> None:
        with link.lock:  # no event is handled before both directions are there
            self._endpoint = _Endpoint(link, label, request)
            self._reader = self._endpoint.reader(Event.DATA)
            self._writer = Writer(self._endpoint, Request.DATA, Request.SHUTDOWN)
            self._endpoint.writer = self._writer
        self._endpoint.wait_until_open(deadline)
        self.read = self._reader.read
        self.read_exactly = self._reader.read_exactly
        self.read_until = self._reader.read_until
        self.read_all = self._reader.read_all
        self.take_held = self._reader.take_held
        self.write = self._writer.write
        self.shutdown_write = self._writer.close

    def recv(self, limit: int, /) -> bytes:
        """As a socket's, without a deadline: for threads that `close()` ends."""
        return self._reader._read(limit, None)

    def sendall(self, data: bytes, /) -> None:
        """As a socket's, without a deadline: for threads that `close()` ends."""
        self._writer._write(data, None)

    def close(self) -> None:
        """Drop the stream, both ways and at once. Whoever waits on it gets ChannelClosed."""
        self._endpoint.close()

    def as_socket(self) -> socket.socket:
        """A connected socket that carries this stream, for code that wants a descriptor.

        The stream belongs to it from now on: closing the socket closes the stream, and the stream's
        end, for whatever reason, is the socket's.
        """
        return pump(self, self._endpoint.label)

    def __enter__(self) -> Stream:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()


@dataclass(frozen=True)
class Completed:
    """A command that ran to its end. `returncode` is -N after signal N."""

    argv: tuple[str, ...]
    returncode: int
    stdout: bytes
    stderr: bytes
    seconds: float

    @property
    def text(self) -> str:
        """Its standard output as text, without the newlines at its end."""
        return self.stdout.decode(errors="replace").rstrip("\n")


class Process:
    """A command running in the machine, the leader of its own session and process group.

    Its output is what it has written by the time it ends: what a process it leaves behind writes
    to the same pipes later is lost.
    """

    def __init__(
        self,
        link: Link,
        argv: Sequence[str],
        cwd: str | None,
        env: Mapping[str, str] | None,
        deadline: Deadline,
    ) -> None:
        self.argv = tuple(argv)
        self._started = time.monotonic()
        self._label = f"`{command_text(self.argv)}`"
        with link.lock:  # no event is handled before all directions are there
            self._endpoint = _Endpoint(
                link, self._label, lambda stream: frames.execute(stream, self.argv, cwd, env)
            )
            self.stdin = Writer(self._endpoint, Request.STDIN, Request.STDIN_CLOSE)
            self.stdout = self._endpoint.reader(Event.STDOUT)
            self.stderr = self._endpoint.reader(Event.STDERR)
            self._endpoint.writer = self.stdin
        self._endpoint.wait_until_open(deadline)

    @property
    def pid(self) -> int:
        """Its process id in the machine, which is its process group's too."""
        return self._endpoint.pid

    @property
    def returncode(self) -> int | None:
        """None while it runs; -N after signal N."""
        return self._endpoint.returncode

    def wait(self, *, deadline: Deadline) -> int:
        """Wait for its end, whether or not its output has been read; returns the return code."""
        with self._endpoint.link.lock:
            self._wait(lambda: self.returncode is not None, deadline)
            assert self.returncode is not None
            return self.returncode

    def kill(self, number: int = signal.SIGKILL) -> None:
        """Send a signal to its process group. Nothing happens after its end."""
        with self._endpoint.link.lock:
            if self.returncode is None:
                self._endpoint.link.send(frames.signal(self._endpoint.id, number))

    def communicate(self, data: bytes = b"", *, deadline: Deadline) -> Completed:
        """Write `data` to its input, read its output to the end, wait for it."""
        left = memoryview(data)
        stdout, stderr = bytearray(), bytearray()
        with self._endpoint.link.lock:
            while True:
                left = self.stdin.push(left)
                if not left or self.stdin.refused:
                    left = memoryview(b"")
                    self.stdin.close()
                stdout += self.stdout.take_held()
                stderr += self.stderr.take_held()
                if self._ended():
                    break
                self._wait(lambda writing=bool(left): self._news(writing), deadline)  # type: ignore[misc]
        assert self.returncode is not None
        return Completed(
            self.argv,
            self.returncode,
            bytes(stdout),
            bytes(stderr),
            time.monotonic() - self._started,
        )

    def stdio_as_socket(self) -> socket.socket:
        """A connected socket that carries its standard input and output.

        Closing the socket ends its input, the end of its output is the socket's; the process itself
        goes on until `kill` or `close`.
        """
        return pump(_Stdio(self), self._label)

    def close(self) -> None:
        """Kill its process group if it still runs, and forget it."""
        self._endpoint.close()

    def __enter__(self) -> Process:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def _ended(self) -> bool:
        outputs = (self.stdout, self.stderr)
        return self.returncode is not None and all(r.ended and not r.held for r in outputs)

    def _news(self, writing: bool) -> bool:
        to_write = writing and (self.stdin.credit > 0 or self.stdin.refused)
        return to_write or self.stdout.held > 0 or self.stderr.held > 0 or self._ended()

    def _wait(self, ready: Callable[[], bool], deadline: Deadline) -> None:
        self._endpoint.wait(ready, deadline, f"the end of {self._label}")


class _Stdio:
    """A process's standard input and output as one byte stream."""

    def __init__(self, process: Process) -> None:
        self.recv = process.stdout.recv
        self.sendall = process.stdin.sendall
        self.shutdown_write = process.stdin.close
        self.close = process.stdin.close
