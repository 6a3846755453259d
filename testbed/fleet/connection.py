# SPDX-License-Identifier: MIT
"""The connection to one machine, by which everything else on it is started and told."""

from __future__ import annotations

import contextlib
import json
import os
import signal
import subprocess
import threading
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

from testbed.deadline import Deadline
from testbed.errors import Stage, TestbedError
from testbed.fleet.far_end import versions
from testbed.fleet.sent import SENT
from testbed.fleet.ssh import Ssh
from testbed.process import die_with_parent, tail

_READY_SECONDS = 60
_END_SECONDS = 20
_COPY_SECONDS = 600

Listener = Callable[["Connection", dict[str, Any]], None]


class Connection:
    """`listener` gets each event of the machine's tasks, and {"event": "gone"} when it has ended.

    It is called from a thread. `log` keeps what ssh and the machine say on stderr.
    """

    def __init__(
        self, ssh: Ssh, name: str, tasks: int, log: Path, listener: Listener, scale: float
    ) -> None:
        self.ssh = ssh
        self.name = ssh.machine.name
        self.log = log
        self.slots = 0
        self.folder = ""
        self._status = ""
        self._scale = scale
        self._listener = listener
        self._ready = threading.Event()
        self._ended = threading.Event()
        self._versions: dict[str, str] = {}
        command = f"exec .venv/bin/python -m testbed.fleet.far_end {name} {tasks}"
        parent = os.getpid()
        with log.open("ab") as output:
            self._process = subprocess.Popen(
                ssh.connecting(command),
                stdin=subprocess.PIPE,
                stdout=subprocess.PIPE,
                stderr=output,
                start_new_session=True,
                preexec_fn=lambda: die_with_parent(parent),
            )
        self._reader = threading.Thread(target=self._read, name=self.name, daemon=True)
        self._reader.start()

    def wait_until_ready(self) -> None:
        """TestbedError when the machine cannot be reached, or has not what it needs."""
        deadline = Deadline(_READY_SECONDS * self._scale)
        if not self._ready.wait(deadline.remaining) or self._ended.is_set():
            said = tail(self.log, 3)
            raise self._failure(
                f"connecting to {self.name}: {said[-1] if said else 'no answer'};"
                f" see if 'ssh {self.name}' works, then 'testbed fleet setup'",
                said,
            )
        for what, ours in versions().items():
            theirs = self._versions.get(what)
            if theirs != ours:
                shown = "" if what == "project" else f" ({theirs}, here {ours})"
                raise self._failure(
                    f"{self.name} has another {what} than this machine{shown};"
                    " 'testbed fleet setup' makes them the same"
                )

    @property
    def alive(self) -> bool:
        return not self._ended.is_set()

    def forward(self, socket: Path) -> None:
        """Let avocado's runners there reach a socket here. TestbedError: it could not be."""
        self._run(self.ssh.forwarding(self._status, socket), _READY_SECONDS, "forwarding a socket")

    def place(self, here: Path, names: Sequence[str], folder: str) -> None:
        """Put files below `here` into `folder` of the run's. TestbedError: it could not be."""
        command = self.ssh.placing(here, names, f"{self.folder}/{folder}")
        self._run(command, _COPY_SECONDS, f"sending {names[0]} to {folder}")

    def sync(self) -> None:
        """Have {"event": "synced"} follow the last event of what has ended there, or "gone"."""
        assert self._process.stdin is not None
        with contextlib.suppress(OSError):
            self._process.stdin.write(b"\n")
            self._process.stdin.flush()

    def gather(self, here: Path) -> None:
        """Bring what the tasks have left. TestbedError: it could not be."""
        excluded = ("/status", "/journal", f"/{SENT}*")
        command = self.ssh.fetching(self.folder, here, excluded)
        self._run(command, _COPY_SECONDS, "bringing the results")

    def close(self) -> None:
        """End the connection, and with it all that still runs there."""
        assert self._process.stdin is not None
        with contextlib.suppress(OSError):
            self._process.stdin.close()
        try:
            self._process.wait(_END_SECONDS)
        except subprocess.TimeoutExpired:
            self._process.send_signal(signal.SIGKILL)
            self._process.wait()
        self._reader.join()

    def _read(self) -> None:
        assert self._process.stdout is not None
        with self._process.stdout as stream:
            for line in stream:
                event = _event(line)
                if event is None:
                    continue  # what a login script prints
                if event["event"] == "ready":
                    self.folder, self._status = event["folder"], event["status"]
                    self.slots = self.ssh.machine.slots or event["slots"]
                    self._versions = event["versions"]
                    self._ready.set()
                else:
                    self._listener(self, event)
        self._ended.set()
        self._ready.set()
        self._listener(self, {"event": "gone"})

    def _run(self, command: list[str], seconds: float, what: str) -> None:
        parent = os.getpid()
        try:
            done = subprocess.run(
                command,
                stdin=subprocess.DEVNULL,
                capture_output=True,
                text=True,
                check=False,
                timeout=seconds * self._scale,
                start_new_session=True,
                preexec_fn=lambda: die_with_parent(parent),
            )
            said = done.stderr.strip()
            status = done.returncode
        except (OSError, subprocess.TimeoutExpired) as error:
            said, status = str(error), -1
        if status != 0:
            with self.log.open("a") as log:
                print(said, file=log)
            line = said.splitlines()[-1] if said else f"status {status}"
            raise self._failure(f"{what} of {self.name}: {line}")

    def _failure(self, message: str, excerpt: tuple[str, ...] = ()) -> TestbedError:
        return TestbedError(Stage.INFRASTRUCTURE, message, evidence=self.log, excerpt=excerpt)


def _event(line: bytes) -> dict[str, Any] | None:
    """What a line of the far end says; None of any other."""
    try:
        event = json.loads(line)
    except ValueError:
        return None
    return event if isinstance(event, dict) and "event" in event else None
