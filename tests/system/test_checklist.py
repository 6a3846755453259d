# SPDX-License-Identifier: MIT
"""The bring-up checklist of real boards, every device of theirs that there is a model of tested."""

from __future__ import annotations

import json
import subprocess
from pathlib import Path
from typing import Any

import pytest

from testbed.checklist.battery import BATTERY, PROBES, UNBINDS
from tests.system.conftest import TESTBED

_BOARD = """/dts-v1/;
/ {
	#address-cells = <1>; #size-cells = <1>; interrupt-parent = <&pic>;
	soc {
		compatible = "simple-bus"; #address-cells = <1>; #size-cells = <1>; ranges;
		pic: pic@40000 {
			compatible = "fsl,mpic"; reg = <0x40000 0x40000>;
			interrupt-controller; #interrupt-cells = <4>;
		};
		serial@11c500 {
			compatible = "acme,uart", "ns16550a"; reg = <0x11c500 0x100>;
			interrupts = <36 2 0 0>;
		};
		serial@11d500 {
			compatible = "ns16550a"; reg = <0x11d500 0x100>; interrupts = <37 2 0 0>;
		};
	};
};
"""


def checklist(tree: str | Path, folder: Path) -> tuple[int, str, dict[str, dict[str, Any]]]:
    """Exit status, what was printed, and the devices by path."""
    path = folder / "list.json"
    done = subprocess.run(
        [*TESTBED, "checklist", tree, "--json", path, "--results", folder / "results"],
        capture_output=True,
        text=True,
        timeout=900,
        check=False,
    )
    entries = json.loads(path.read_text())["entries"]
    return done.returncode, done.stdout + done.stderr, {e["path"]: e for e in entries}


def passed(entry: dict[str, Any]) -> list[str]:
    return [check["name"] for check in entry["checks"] if check["outcome"] == "PASS"]


@pytest.mark.parametrize("name", ["p4080ds", "fsl-ls1046a-rdb"])
def test_a_board_of_the_kernels(name: str, tmp_path: Path) -> None:
    status, said, entries = checklist(name, tmp_path)
    assert status == 0, said
    modelled = [entry for entry in entries.values() if entry["kind"]]
    assert len(modelled) >= 7
    for entry in modelled:
        assert passed(entry)[-len(BATTERY) :] == list(BATTERY), entry


def test_a_device_that_vfio_refuses_leaves_the_others(tmp_path: Path) -> None:
    path = tmp_path / "board.dts"
    path.write_text(_BOARD)
    status, said, entries = checklist(path, tmp_path)
    assert status == 1, said
    assert passed(entries["/soc/serial@11d500"])[-len(BATTERY) :] == list(BATTERY)
    refused = {check["name"]: check for check in entries["/soc/serial@11c500"]["checks"]}
    assert refused["reset handler"]["outcome"] == "MISSING"
    assert refused[PROBES]["outcome"] == "PASS"
    assert refused[UNBINDS]["outcome"] == "FAIL"
    assert "No reset function found for device" in refused[UNBINDS]["text"]
    assert list(refused)[-1] == UNBINDS
