# SPDX-License-Identifier: MIT
"""QMP sessions with a QEMU that is slow, or leaves."""

from __future__ import annotations

import json
import socket
import threading
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from testbed import qmp as qmp_module
from testbed.deadline import Deadline
from testbed.errors import Stage, TestbedError
from testbed.qmp import Qmp

VERSION = {"qemu": {"major": 10, "minor": 0, "micro": 2}, "package": ""}


class Monitor:
    """QEMU's end of a session; `answer` is called with each command after the handshake."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self._ours, self._line = socket.socketpair()
        self.answer: Callable[[dict[str, Any]], None] = self.done
        self._thread = threading.Thread(target=self._serve)
        self._thread.start()

    @property
    def transcript(self) -> Path:
        return self._folder / "qmp.log"

    def session(self, scale: float = 1.0, start: float | None = None) -> Qmp:
        deadline, log = Deadline(10), self.transcript
        return Qmp("QEMU", self._ours, log, Stage.TEST, deadline, scale=scale, start=start)

    def say(self, message: dict[str, Any]) -> None:
        self._line.sendall(json.dumps(message).encode() + b"\r\n")

    def event(self, status: str) -> None:
        timestamp = {"seconds": 0, "microseconds": 0}
        self.say({"event": "MIGRATION", "data": {"status": status}, "timestamp": timestamp})

    def done(self, command: dict[str, Any]) -> None:
        self.say({"return": {}, "id": command["id"]} if "id" in command else {"return": {}})

    def leave(self) -> None:
        self._line.shutdown(socket.SHUT_RDWR)

    def _serve(self) -> None:
        self.say({"QMP": {"version": VERSION, "capabilities": []}})
        self.done(json.loads(self._line.recv(65536)))
        while data := self._line.recv(65536):
            self.answer(json.loads(data))

    def close(self) -> None:
        self.leave()
        self._thread.join()
        self._line.close()


@pytest.fixture
def monitor(tmp_path: Path) -> Iterator[Monitor]:
    monitor = Monitor(tmp_path)
    yield monitor
    monitor.close()


def is_last(data: Any) -> bool:
    return data["status"] in ("completed", "failed")


def migrate(session: Qmp, deadline: Deadline) -> Any:
    return session.execute_until("migrate", {}, "MIGRATION", is_last, deadline=deadline)


def test_a_command_and_its_last_event(monitor: Monitor) -> None:
    def answer(command: dict[str, Any]) -> None:
        monitor.event("setup")
        monitor.done(command)
        for status in ("active", "completed"):
            monitor.event(status)

    monitor.answer = answer
    session = monitor.session()
    assert migrate(session, Deadline(10)) == {"status": "completed"}
    session.close()


def test_the_last_event_counts_though_qemu_leaves_after_it(monitor: Monitor) -> None:
    def answer(command: dict[str, Any]) -> None:
        monitor.done(command)
        monitor.event("failed")
        monitor.leave()

    monitor.answer = answer
    session = monitor.session()
    assert migrate(session, Deadline(10)) == {"status": "failed"}
    session.close()


def test_a_qemu_that_leaves_ends_the_wait_for_its_event(monitor: Monitor) -> None:
    def answer(command: dict[str, Any]) -> None:
        monitor.event("setup")
        monitor.done(command)
        monitor.leave()

    monitor.answer = answer
    session = monitor.session()
    deadline = Deadline(10)
    with pytest.raises(TestbedError, match=r"its MIGRATION on QEMU: .*it has ended"):
        migrate(session, deadline)
    assert not deadline.expired
    session.close()


@pytest.mark.parametrize(("scale", "enough"), [(1.0, False), (1000.0, True)])
def test_the_deadline_of_a_command_is_scaled(
    monitor: Monitor, monkeypatch: pytest.MonkeyPatch, scale: float, enough: bool
) -> None:
    monkeypatch.setattr(qmp_module, "_ANSWER_SECONDS", 0.01)
    late = threading.Event()

    def answer(command: dict[str, Any]) -> None:
        late.wait(0.2)
        if enough:
            monitor.done(command)

    monitor.answer = answer
    session = monitor.session(scale)
    if enough:
        assert session.execute("query-status") == {}
    else:
        with pytest.raises(TestbedError, match="QMP query-status on QEMU: no answer in 0 s"):
            session.execute("query-status")
        late.set()
    session.close()


def test_the_transcript_counts_from_where_the_run_does(monitor: Monitor) -> None:
    session = monitor.session(start=time.monotonic() - 1000)
    assert session.execute("query-status") == {}
    session.close()
    lines = monitor.transcript.read_text().splitlines()
    assert [line.split()[1] for line in lines] == ["<-", "->", "<-", "->", "<-"]
    assert all(1000 <= float(line.split()[0]) < 1100 for line in lines)
