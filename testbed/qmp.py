# SPDX-License-Identifier: MIT
"""Blocking QMP for scenarios: qemu.qmp on an event loop of its own, with a transcript."""

from __future__ import annotations

import asyncio
import contextlib
import json
import socket
import threading
import time
from collections.abc import Callable, Coroutine, Mapping
from pathlib import Path
from typing import Any, TypeVar, cast

from qemu.qmp import EventListener, ExecuteError, Message, QMPClient, QMPError, Runstate

from testbed.deadline import Deadline
from testbed.errors import Stage, TestbedError
from testbed.watch import Watch

_T = TypeVar("_T")
_ANSWER_SECONDS = 10
_CHECK_SECONDS = 0.5
"""Between two looks at whether a machine still lives, where nothing else tells."""


class _Transcribed(QMPClient):
    """A client that writes every message to a file as it passes."""

    def __init__(self, name: str, transcript: Path, start: float) -> None:
        super().__init__(name)
        self._start = start
        self.transcript = transcript.open("a", buffering=1)

    def _note(self, arrow: str, message: Message) -> None:
        elapsed = time.monotonic() - self._start
        self.transcript.write(f"{elapsed:10.6f} {arrow} {json.dumps(dict(message))}\n")

    def _cb_outbound(self, msg: Message) -> Message:
        self._note("->", msg)
        return super()._cb_outbound(msg)

    def _cb_inbound(self, msg: Message) -> Message:
        self._note("<-", msg)
        return super()._cb_inbound(msg)


class Qmp:
    """A QMP session over a connected socket. Every call has a deadline.

    `deadline` is for its beginning; `scale` multiplies that of commands which are given none.
    Times in `transcript` are seconds since `start`, a moment of the monotonic clock.
    """

    def __init__(
        self,
        name: str,
        stream: socket.socket,
        transcript: Path,
        stage: Stage,
        deadline: Deadline,
        *,
        scale: float = 1.0,
        start: float | None = None,
    ) -> None:
        self.name = name
        self._scale = scale
        self._stage = stage
        self._transcript = transcript
        self._loop = asyncio.new_event_loop()
        # A QEMU that ends takes its session with it: whoever waits is told, the loop needs not be.
        self._loop.set_exception_handler(lambda loop, context: None)
        self._thread = threading.Thread(
            target=self._loop.run_forever, name=f"qmp-{name}", daemon=True
        )
        self._thread.start()
        start = time.monotonic() if start is None else start
        self._client = _Transcribed(name, transcript, start)
        try:
            self._call("capabilities negotiation", self._client.connect(stream), deadline)
        except TestbedError:
            self._end_loop()
            raise

    def execute(
        self,
        command: str,
        arguments: Mapping[str, Any] | None = None,
        *,
        deadline: Deadline | None = None,
    ) -> Any:
        """Execute a command and return what QEMU returned.

        TestbedError when QEMU refuses it or the deadline (default 10 s, scaled) passes.
        """
        return self._call(
            command,
            self._client.execute(command, arguments),
            deadline or Deadline(_ANSWER_SECONDS * self._scale),
        )

    def execute_until(
        self,
        command: str,
        arguments: Mapping[str, Any],
        event: str,
        last: Callable[[Mapping[str, Any]], bool],
        *,
        deadline: Deadline,
    ) -> Mapping[str, Any]:
        """Execute a command and wait for its `event`, the first whose data are the `last`.

        Returns those data. TestbedError as `execute`, and when QEMU leaves before.
        """

        async def work() -> Mapping[str, Any]:
            with self._client.listener(event) as events:
                await self._client.execute(command, arguments)
                while True:
                    message = await self._next_of(events)
                    data: dict[str, Any] = cast(dict[str, Any], message.get("data", {}))
                    if last(data):
                        return data

        return self._call(f"{command} and its {event}", work(), deadline)

    async def _next_of(self, events: EventListener) -> Message:
        """The next event; EOFError when the session has ended, which does not end the listener."""
        while True:
            with contextlib.suppress(TimeoutError):
                return await asyncio.wait_for(events.get(), _CHECK_SECONDS)
            if self._client.runstate is not Runstate.RUNNING and events.empty():
                raise EOFError("it has ended")

    def wait_for(self, event: str, watch: Watch) -> None:
        """Wait, without a deadline, for the first such event since the session began.

        Raises the machine's failure when it dies meanwhile.
        """
        future = asyncio.run_coroutine_threadsafe(self._next(event), self._loop)
        while True:
            watch.check()
            with contextlib.suppress(TimeoutError):
                return future.result(_CHECK_SECONDS)

    async def _next(self, event: str) -> None:
        async for message in self._client.events:
            if message["event"] == event:
                return

    def monitor(self, command: str) -> str:
        """The text a human monitor command prints."""
        text: str = self.execute("human-monitor-command", {"command-line": command})
        return text.replace("\r\n", "\n")

    def _call(self, what: str, work: Coroutine[Any, Any, _T], deadline: Deadline) -> _T:
        future = asyncio.run_coroutine_threadsafe(work, self._loop)
        try:
            return future.result(deadline.remaining)
        except TimeoutError:
            future.cancel()
            came = f"no answer in {deadline.seconds:.0f} s"
        except ExecuteError as error:
            came = str(error)
        except (QMPError, OSError, EOFError, AssertionError) as error:
            # AssertionError: qemu.qmp's own, when QEMU leaves right after its greeting.
            came = f"{type(error).__name__}: {error}"
        raise TestbedError(
            self._stage, f"QMP {what} on {self.name}: {came}", evidence=self._transcript
        )

    def close(self) -> None:
        """End the session; the machine goes on."""
        future = asyncio.run_coroutine_threadsafe(self._client.disconnect(), self._loop)
        # A peer that is gone leaves nothing to close.
        with contextlib.suppress(TimeoutError, QMPError, OSError, EOFError):
            future.result(5)
        self._end_loop()

    def _end_loop(self) -> None:
        self._loop.call_soon_threadsafe(self._loop.stop)
        self._thread.join()
        self._loop.close()
        self._client.transcript.close()
