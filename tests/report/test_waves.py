# SPDX-License-Identifier: MIT
"""The value change dump, read by a parser that is not its writer's."""

from __future__ import annotations

from pathlib import Path

import pytest
from report_rig import leave_run
from vcdvcd import VCDVCD

from testbed.cli.main import main


def test_wires_are_read_back_with_their_times(tmp_path: Path) -> None:
    run = leave_run(tmp_path, accesses=50)
    path = run / "wires.vcd"
    assert main(["export", str(run), "--vcd", str(path)]) == 0
    dump = VCDVCD(str(path))
    assert set(dump.signals) == {"sata_2000.interrupt", "serial_1000.interrupt"}
    assert float(dump.timescale["timescale"]) == pytest.approx(1e-6)
    lines = (run / "host/serial-1000.trace").read_text().splitlines()
    levels: dict[int, str] = {}
    for line in lines:
        at, _, text = line.strip().partition(" ")
        if " wire " in text:
            levels[round(float(at) * 1e6)] = text[-1]
    assert len(levels) > 2
    signal = dump["serial_1000.interrupt"]
    assert all(signal[at] == level for at, level in levels.items())
    assert signal[0] == "x", "no level is known before the first"


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
    assert {"a_1.interrupt", "a_1_2.interrupt"} < set(VCDVCD(str(path)).signals)


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
