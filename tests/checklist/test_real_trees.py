# SPDX-License-Identifier: MIT
"""Boards of the kernel's own source, looked at without a machine."""

from __future__ import annotations

import json
from collections import Counter
from pathlib import Path

import pytest

from testbed.cli.main import main

# By kind: how many a guest could be given that there is a model of.
TREES = {
    "p3041ds": ("e500", {"UART": 4, "SATA": 2, "job ring": 4}),
    "p4080ds": ("e500", {"UART": 4, "job ring": 4}),
    "p5020ds": ("e500", {"UART": 4, "SATA": 2, "job ring": 4}),
    "ls1021a-twr": ("arm-virt", {"UART": 2, "SATA": 1, "job ring": 4}),
    "fsl-ls1043a-rdb": ("arm-virt", {"UART": 4, "SATA": 1, "job ring": 4}),
    "fsl-ls1046a-rdb": ("arm-virt", {"UART": 2, "SATA": 1, "job ring": 4}),
}


@pytest.mark.parametrize("name", TREES)
def test_everything_is_there_for_what_has_a_model(name: str, tmp_path: Path) -> None:
    board, kinds = TREES[name]
    files = {kind: tmp_path / f"list.{kind}" for kind in ("json", "html", "markdown")}
    options = [word for kind, path in files.items() for word in (f"--{kind}", str(path))]
    assert main(["checklist", name, "--static", *options]) == 0
    found = json.loads(files["json"].read_text())
    assert found["board"] == board
    modelled = [entry for entry in found["entries"] if entry["kind"]]
    assert Counter(entry["kind"] for entry in modelled) == kinds
    for entry in modelled:
        outcomes = {check["name"]: check["outcome"] for check in entry["checks"]}
        assert set(outcomes.values()) == {"PASS"}, f"{entry['path']}: {outcomes}"
        assert entry["path"] in files["html"].read_text()
        assert entry["path"] in files["markdown"].read_text()
    for entry in found["entries"]:
        lacking = [check for check in entry["checks"] if check["outcome"] == "MISSING"]
        assert bool(lacking) != bool(entry["kind"]), entry["path"]
        assert all(check["text"] for check in lacking)


def test_what_to_write_says_who_drives_it(tmp_path: Path) -> None:
    path = tmp_path / "list.json"
    assert main(["checklist", "fsl-ls1046a-rdb", "--static", "--json", str(path)]) == 0
    entries = {entry["path"]: entry for entry in json.loads(path.read_text())["entries"]}
    i2c = {check["name"]: check["text"] for check in entries["/soc/i2c@2180000"]["checks"]}
    assert "i2c_imx, a module of this kernel" in i2c["host driver"]
    assert '"fsl,ls1046a-i2c"' in i2c["reset handler"]
    assert (
        'guest,compatible = "fsl,ls1046a-i2c", "fsl,vf610-i2c";'
        in (entries["/soc/i2c@2180000"]["writing"])
    )


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (["no-such-board"], "no-such-board: neither a file nor a tree of the kernel's source"),
        (["ls1046a-rdb"], "it has fsl-ls1046a-rdb"),
        (["**.dts*"], "**.dts*: neither a file nor a tree of the kernel's source"),
        (["/none/board.dts"], "/none/board.dts: no such device tree"),
    ],
)
def test_a_tree_that_is_not_there(
    words: list[str], said: str, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(["checklist", *words]) == 3
    assert said in capsys.readouterr().err


def test_a_file_that_is_no_tree(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    path = tmp_path / "noise.dtb"
    path.write_bytes(bytes.fromhex("d00dfeed") + b"noise")
    assert main(["checklist", str(path)]) == 2
    (line,) = capsys.readouterr().err.splitlines()
    assert "is not a flattened device tree" in line
