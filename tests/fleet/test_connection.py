# SPDX-License-Identifier: MIT
"""A connection: what the far end says is heard, and what a login prints before is not."""

from __future__ import annotations

import json
import shlex
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from testbed.fleet.connection import Connection
from testbed.fleet.far_end import versions
from testbed.fleet.machines import Machine
from testbed.fleet.ssh import Ssh


@dataclass(frozen=True)
class Printing(Ssh):
    """In place of a machine: prints these lines, and ends with its input."""

    lines: tuple[str, ...] = ()

    def connecting(self, command: str) -> list[str]:
        return ["sh", "-c", f"printf '%s\\n' {shlex.join(self.lines)}; exec cat"]


def test_what_a_login_prints_is_passed_over(tmp_path: Path) -> None:
    ready = {"event": "ready", "folder": "/there", "status": "/s", "slots": 3}
    begin = {"event": "begin", "task": 0}
    said = (
        *("Welcome", "42", "null", '"quoted"', "[1]", '{"a": 1}'),
        *(json.dumps(event) for event in ({**ready, "versions": versions()}, begin)),
    )
    heard: list[dict[str, Any]] = []
    connection = Connection(
        Printing(Machine("alpha"), None, lines=said),
        *("run", 1, tmp_path / "alpha.log"),
        lambda _, event: heard.append(event),
        scale=1,
    )
    try:
        connection.wait_until_ready()
        assert (connection.slots, connection.folder) == (3, "/there")
    finally:
        connection.close()
    assert heard == [begin, {"event": "gone"}]
