# SPDX-License-Identifier: MIT
"""Runs from one template see nothing of each other, and no broken template."""

from __future__ import annotations

import json
import os
from pathlib import Path

import pytest

from testbed.artifacts.digest import file_sha256
from tests.system.conftest import SCENARIOS, Testbed

BOARDS = ("arm-virt", "e500")


def used_template(run: Path) -> Path:
    """The template that a run was restored from, by the command line of its log of QMP."""
    lines = (run / "host" / "qmp.log").read_text().splitlines()
    (uri,) = [line for line in lines if '"migrate-incoming"' in line]
    command = json.loads(uri[uri.index("{") :])["arguments"]["uri"]
    return Path(command.removeprefix("exec:cat ")).parent


def content(template: Path) -> dict[str, str]:
    return {path.name: file_sha256(path) for path in template.iterdir()}


@pytest.mark.parametrize("board", BOARDS)
def test_whatever_a_run_leaves_is_gone(testbed: Testbed, board: str) -> None:
    """A dirty run, another, one that would see the first's traces: and files as they were."""
    names = ("dirty-host", "uart", "dirty-host")
    first = testbed.run("dirty-host", "--board", board)
    assert first.status == 0, first.output
    template = used_template(Path(first.verdicts[0]["results"]))
    before = content(template)
    done = testbed.run(*names, "-j1", "--board", board)
    assert done.status == 0, done.output
    assert used_template(Path(done.verdicts[0]["results"])) == template
    assert content(template) == before


@pytest.mark.parametrize("board", BOARDS)
def test_random_numbers_differ(testbed: Testbed, board: str) -> None:
    scenario = SCENARIOS / "random_numbers.py"
    drawn = set()
    for _ in range(2):
        done = testbed.run(scenario, "--board", board)
        assert done.status == 0, done.output
        drawn.add((Path(done.verdicts[0]["results"]) / "host" / "random").read_text())
    assert len(drawn) == 2


@pytest.mark.parametrize("part", ["memory", "state"])
def test_broken_template_is_made_anew(testbed: Testbed, own_cache: Path, part: str) -> None:
    """Cut off, with the time it had: as a disk that loses what was written to it leaves it."""
    scenario = SCENARIOS / "random_numbers.py"
    assert testbed.run(scenario, "--board", "e500").status == 0
    (template,) = (own_cache / "templates").iterdir()
    broken = template / part
    times = broken.stat()
    with broken.open("r+b") as stream:
        stream.write(bytes(times.st_blocks * 512 if part == "memory" else times.st_size))
        stream.truncate(times.st_size)
    os.utime(broken, ns=(times.st_atime_ns, times.st_mtime_ns))
    done = testbed.run(scenario, "--board", "e500", "--timeout-scale", "0.5")
    assert done.status == 0, done.output
    assert "making the template" in done.output
    log = (Path(done.verdicts[0]["results"]) / "testbed.log").read_text()
    assert "is of no use and dropped: " in log
