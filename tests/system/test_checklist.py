# SPDX-License-Identifier: MIT
"""The bring-up checklist of real boards, every device of theirs that there is a model of tested."""

from __future__ import annotations

import json
import subprocess
from pathlib import Path

import pytest

from testbed.checklist.battery import BATTERY
from tests.system.conftest import TESTBED


@pytest.mark.parametrize("name", ["p4080ds", "fsl-ls1046a-rdb"])
def test_a_board_of_the_kernels(name: str, tmp_path: Path) -> None:
    path, results = tmp_path / "list.json", tmp_path / "results"
    done = subprocess.run(
        [*TESTBED, "checklist", name, "--json", path, "--results", results],
        capture_output=True,
        text=True,
        timeout=900,
        check=False,
    )
    assert done.returncode == 0, done.stdout + done.stderr
    entries = json.loads(path.read_text())["entries"]
    for entry in entries:
        if entry["kind"]:
            made = [check["name"] for check in entry["checks"] if check["outcome"] == "PASS"]
            assert made[-len(BATTERY) :] == list(BATTERY), entry
    assert len([entry for entry in entries if entry["place"]]) >= 7
