# SPDX-License-Identifier: MIT
"""The value change dump, read by a parser that is not its writer's."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

import pytest
from report_rig import leave_run

from testbed.cli.main import main

_READER = """
import json, sys
from vcdvcd import VCDVCD
dump = VCDVCD(sys.argv[1])
levels = {name: dump[name].tv for name in dump.signals}
print(json.dumps([float(dump.timescale["timescale"]), levels]))
"""
Levels = dict[str, list[tuple[int, str]]]


def read(path: Path) -> tuple[float, Levels]:
    """The unit in seconds, and of each wire its times and levels.

    In a process of its own: the parser has its whole process die of SIGPIPE from then on.
    """
    done = subprocess.run(
        [sys.executable, "-c", _READER, str(path)], capture_output=True, text=True, check=True
    )
    unit, levels = json.loads(done.stdout)
    return unit, {name: [(at, level) for at, level in all_of] for name, all_of in levels.items()}


def test_wires_are_read_back_with_their_times(tmp_path: Path) -> None:
    run = leave_run(tmp_path, accesses=50)
    path = run / "wires.vcd"
    assert main(["export", str(run), "--vcd", str(path)]) == 0
    unit, found = read(path)
    assert set(found) == {"sata_2000.interrupt", "serial_1000.interrupt"}
    assert unit == pytest.approx(1e-6)
    lines = (run / "host/serial-1000.trace").read_text().splitlines()
    levels: dict[int, str] = {}
    for line in lines:
        at, _, text = line.strip().partition(" ")
        if " wire " in text:
            levels[round(float(at) * 1e6)] = text[-1]
    assert len(levels) > 2
    serial = found["serial_1000.interrupt"]
    assert serial[0] == (0, "x"), "no level is known before the first"
    # A level that is sent again is no change.
    before = None
    changes = []
    for at, level in levels.items():
        if level != before:
            changes.append((at, level))
        before = level
    assert serial[1:] == changes


def test_a_run_without_wires_gives_a_dump_without_any(tmp_path: Path) -> None:
    run = leave_run(tmp_path)
    for trace in run.glob("host/*.trace"):
        trace.unlink()
    path = run / "wires.vcd"
    assert main(["export", str(run), "--vcd", str(path)]) == 0
    assert "$enddefinitions" in path.read_text()


def test_devices_of_like_names_do_not_share_a_wire(tmp_path: Path) -> None:
    run = leave_run(tmp_path)
    for name in ("a@1", "a_1"):
        (run / f"host/{name}.trace").write_text(f"    1.0 {name} wire interrupt=1\n")
    path = run / "wires.vcd"
    assert main(["export", str(run), "--vcd", str(path)]) == 0
    assert {"a_1.interrupt", "a_1_2.interrupt"} < set(read(path)[1])


def test_wrong_use_is_one_line(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    run = leave_run(tmp_path)
    for words, status, said in (
        ([str(run)], 3, "export into what? give --perfetto FILE"),
        ([str(tmp_path / "none"), "--vcd", str(tmp_path / "x")], 3, "no such folder"),
        ([str(run), "--vcd", "/dev/full"], 2, "cannot write the export: No space left"),
        ([str(run), "--perfetto", "/dev/full"], 2, "cannot write the export: No space left"),
    ):
        assert main(["export", *words]) == status
        printed = capsys.readouterr().err
        assert said in printed
        assert printed.count("\n") == 1


def test_what_could_not_be_read_is_told(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    run = leave_run(tmp_path)
    (run / "host/none.trace").mkdir()
    assert main(["export", str(run), "--vcd", str(run / "wires.vcd")]) == 2
    assert "none.trace: Is a directory" in capsys.readouterr().err
    assert "serial_1000" in (run / "wires.vcd").read_text()
