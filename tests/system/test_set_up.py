# SPDX-License-Identifier: MIT
"""Set-up leaves a template for the first run, and nothing else: not when it is ended either."""

from __future__ import annotations

import os
import re
import signal
import subprocess
from functools import partial
from pathlib import Path

import pytest

from testbed.deadline import Deadline
from tests.system.conftest import SCENARIOS, TESTBED, Testbed, processes_of

MAKING = "making the template 'booted' of e500"


@pytest.fixture
def folder(own_cache: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Where set-up makes its run."""
    folder = tmp_path / "temporary"
    folder.mkdir()
    monkeypatch.setenv("TMPDIR", str(folder))
    return folder


def set_up(*arguments: str) -> subprocess.Popen[str]:
    # A job in the background is born deaf to SIGINT; what is tested is one that is not.
    listening = partial(signal.signal, signal.SIGINT, signal.SIG_DFL)
    return subprocess.Popen(
        [*TESTBED, "setup", "--board", "e500", *arguments],
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        preexec_fn=listening,
    )


def output_of(process: subprocess.Popen[str], status: int) -> str:
    output, _ = process.communicate(timeout=300)
    assert process.returncode == status, output
    assert "Traceback" not in output
    return output


def test_first_run_finds_a_template(testbed: Testbed, folder: Path, own_cache: Path) -> None:
    assert f"{MAKING}: done, " in output_of(set_up(), 0)
    assert not list(folder.iterdir())
    (template,) = (own_cache / "templates").iterdir()
    done = testbed.run(SCENARIOS / "random_numbers.py", "--board", "e500")
    assert done.status == 0, done.output
    assert f"restoring the e500 host from template 'booted' ({template.name[:12]})" in done.output
    assert "making" not in done.output
    assert MAKING not in output_of(set_up(), 0)


def test_what_goes_wrong_is_one_line_and_its_evidence_stays(folder: Path) -> None:
    hasty = output_of(set_up("--timeout-scale", "0.001"), 2)
    *_, error, evidence = hasty.splitlines()
    # Which of the deadlines passes first, and in what stage, is the machine's business.
    assert re.match(r"testbed: ERROR \([a-z ]+\): making the template of e500: ", error), hasty
    file = Path(evidence.removeprefix("testbed: see "))
    assert file.is_relative_to(folder)
    assert file.exists()


@pytest.mark.parametrize("how", [signal.SIGINT, signal.SIGTERM, signal.SIGKILL])
def test_nothing_outlives_it(folder: Path, own_cache: Path, how: signal.Signals) -> None:
    process = set_up()
    deadline = Deadline(60)
    memory = str(own_cache / "building")  # of the host that becomes the template
    while not any("qemu-system-ppc" in line and memory in line for line in processes_of(folder)):
        assert not deadline.expired, "no host was booted"
    os.kill(process.pid, how)
    process.communicate(timeout=60)
    assert process.returncode == (-how if how is signal.SIGKILL else 2)
    deadline = Deadline(10)
    while left := processes_of(folder):
        assert not deadline.expired, f"left behind: {left}"
    if how is not signal.SIGKILL:
        assert not list(folder.iterdir())
        assert not list((own_cache / "building").iterdir()), "half a template is left"
    assert not list((own_cache / "templates").iterdir())
