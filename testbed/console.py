# SPDX-License-Identifier: MIT
"""A serial console that is watched and asserted on, never used to give commands.

A thread drains the byte stream into the log from the first moment, so that a console nobody reads
cannot stop the machine behind it; pexpect matches what has been drained. When each piece came is
kept beside the log.
"""

from __future__ import annotations

import contextlib
import queue
import re
import socket
import threading
import time
from collections.abc import Callable
from io import FileIO
from pathlib import Path

from pexpect import EOF, TIMEOUT
from pexpect.spawnbase import SpawnBase

from testbed.deadline import Deadline
from testbed.errors import Stage, TestbedError
from testbed.watch import Watch

# What a dying machine prints, each with the verdict's words. The groups are shown to the user.
_FATAL = re.compile(
    rb"(?:testbed-init: fatal: (?P<init>[^\r\n]*)"
    rb"|(?P<panic>Kernel panic - not syncing: [^\r\n]*)"
    rb"|(?P<oops>(?:Internal error: |Unable to handle kernel |kernel BUG at |Oops: )[^\r\n]*))"
)
_LONGEST_LINE = 4096


class Console(SpawnBase):  # type: ignore[misc]
    """The console of one machine, `stream` being the connected socket that carries it.

    Beside `log`, a file of the same name ending in `.times` has a line for each piece that came:
    seconds since `start`, a moment of the monotonic clock, and where in `log` the piece begins.
    """

    def __init__(
        self,
        name: str,
        stream: socket.socket,
        log: Path,
        watch: Watch,
        stage: Stage,
        *,
        start: float,
    ) -> None:
        super().__init__(encoding=None)
        self.delayafterread = None
        self.machine = name
        self.log = log
        self._stream = stream
        self._watch = watch
        self._stage = stage
        self._start = start
        self._chunks: queue.SimpleQueue[bytes] = queue.SimpleQueue()
        self._ended = False
        self._viewer: Callable[[bytes], None] | None = None
        self._pump = threading.Thread(target=self._drain, name=f"console-{name}", daemon=True)
        self._pump.start()

    def _drain(self) -> None:
        try:
            with (
                self.log.open("ab", buffering=0) as log,
                self.log.with_suffix(".times").open("ab", buffering=0) as times,
            ):
                self._keep(log, times)
        except OSError as error:
            self._watch.fail(
                TestbedError(
                    Stage.INFRASTRUCTURE,
                    f"cannot write {self.log}: {error.strerror}; free space there",
                )
            )
        self._chunks.put(b"")

    def _keep(self, log: FileIO, times: FileIO) -> None:
        """All that comes, until the machine closes its console. Raises OSError of the files."""
        pending = b""
        while data := self._receive():
            times.write(b"%.6f %d\n" % (time.monotonic() - self._start, log.tell()))
            log.write(data)
            self._chunks.put(data)
            if (viewer := self._viewer) is not None:
                viewer(data)
            pending = self._scan(pending + data)
        self._scan(pending + b"\n")

    def _receive(self) -> bytes:
        try:
            return self._stream.recv(65536)
        except OSError:
            return b""

    def _scan(self, text: bytes) -> bytes:
        """Look for a fatal message in whole lines; returns the unfinished last line."""
        whole, newline, rest = text.rpartition(b"\n")
        if newline and (match := _FATAL.search(whole)):
            what = next(group for group in match.groups() if group is not None)
            self._watch.fail(
                TestbedError(
                    self._stage,
                    f"{self.machine} died: {what.decode(errors='replace').strip()}",
                    evidence=self.log,
                    excerpt=_around(whole, match.start()),
                )
            )
        return rest[-_LONGEST_LINE:]

    def read_nonblocking(self, size: int = 1, timeout: float | None = None) -> bytes:
        """pexpect's source of bytes."""
        if self._ended:
            raise EOF("end of console")
        try:
            data = self._chunks.get(timeout=self.timeout if timeout == -1 else timeout)
        except queue.Empty:
            raise TIMEOUT("nothing more on the console") from None
        if not data:
            self._ended = True
            raise EOF("end of console")
        return data

    def expect_text(self, pattern: str, deadline: Deadline) -> re.Match[bytes]:
        """Wait until the console shows regular expression `pattern`.

        Raises the machine's failure when it dies meanwhile, TestbedError at the deadline.
        """
        while True:
            self._watch.check()
            found = self.expect(
                [pattern.encode(), EOF, TIMEOUT], timeout=min(1, deadline.remaining)
            )
            if found == 0:
                match = self.match
                assert isinstance(match, re.Match)
                return match
            self._watch.check()
            if found == 1 or deadline.expired:
                came = "its console ended" if found == 1 else f"not in {deadline.seconds:.0f} s"
                raise TestbedError(
                    self._stage,
                    f"waited for {pattern!r} on the console of {self.machine}: {came}",
                    evidence=self.log,
                )

    def show_to(self, viewer: Callable[[bytes], None] | None) -> None:
        """Hand what the machine prints from now on to `viewer` too, from a thread; None ends it."""
        self._viewer = viewer

    def type(self, data: bytes) -> None:
        """Type at the console, as a person does in `testbed shell`."""
        self._stream.sendall(data)

    @property
    def ended(self) -> bool:
        """The machine has closed its console."""
        return not self._pump.is_alive()

    def close(self) -> None:
        with contextlib.suppress(OSError):
            self._stream.shutdown(socket.SHUT_RDWR)
        self._pump.join()
        self._stream.close()


def _around(text: bytes, position: int, lines: int = 4) -> tuple[str, ...]:
    start = text.rfind(b"\n", 0, position) + 1
    shown = text[:start].splitlines()[-1:] + text[start:].splitlines()[: lines - 1]
    return tuple(line.decode(errors="replace").strip() for line in shown if line.strip())
