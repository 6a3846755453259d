# SPDX-License-Identifier: MIT
from __future__ import annotations

import json
from collections import Counter
from pathlib import Path
from typing import Any

from report_rig import NASTY, leave_run

from testbed.cli.main import main


def exported(run: Path) -> list[dict[str, Any]]:
    path = run / "trace.json"
    assert main(["export", str(run), "--perfetto", str(path)]) == 0
    events: list[dict[str, Any]] = json.loads(path.read_text())["traceEvents"]
    return events


def test_every_event_is_one_of_the_format(tmp_path: Path) -> None:
    for event in exported(leave_run(tmp_path)):
        assert isinstance(event["pid"], int)
        assert isinstance(event["name"], str)
        match event["ph"]:
            case "M":
                assert event["name"] in ("process_name", "thread_name")
                assert isinstance(event["args"]["name"], str)
            case "X":
                assert event["ts"] >= 0
                assert event["dur"] >= 0
            case "i":
                assert event["s"] == "t"
                assert event["ts"] >= 0
            case "C":
                assert event["args"]["level"] in (0, 1)
            case other:
                raise AssertionError(f"{other} is no phase that is written")


def test_every_track_has_a_name(tmp_path: Path) -> None:
    events = exported(leave_run(tmp_path))
    names = {(e["pid"], e["tid"]) for e in events if e["name"] == "thread_name"}
    used = {(e["pid"], e["tid"]) for e in events if e["ph"] in "Xi"}
    assert used <= names
    processes = [e["args"]["name"] for e in events if e["name"] == "process_name"]
    assert processes == ["stages", "consoles", "sata@2000", "serial@1000"]


def test_nothing_is_left_out(tmp_path: Path) -> None:
    run = leave_run(tmp_path, accesses=60_000)
    lines = (run / "host/serial-1000.trace").read_text().splitlines()
    events = exported(run)
    process = next(e["pid"] for e in events if e.get("args") == {"name": "serial@1000"})
    found = [e for e in events if e["pid"] == process and e["ph"] in "iC"]
    assert len(found) == len(lines)
    assert [e["ts"] for e in found] == [round(float(line.split()[0]) * 1e6) for line in lines]
    kinds = Counter(e["cat"] for e in found if e["ph"] == "i")
    assert kinds == {"R": 30_000, "W": 30_000, "DMA": 1, "refused": 1, "event": 1}
    assert sum(e["args"]["level"] for e in found if e["ph"] == "C") == 30_000


def test_steps_are_slices_and_console_lines_instants(tmp_path: Path) -> None:
    events = exported(leave_run(tmp_path))
    slices = {e["name"]: e for e in events if e["ph"] == "X"}
    assert slices["booting the host"]["args"] == {"stage": "host boot", "outcome": "end"}
    assert f"booting guest0 {NASTY}" in slices
    assert any(e["ph"] == "i" and e["name"] == "[    0.1] host boots" for e in events)
