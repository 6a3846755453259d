# SPDX-License-Identifier: MIT
"""The browser of the tests does not outlive them."""

from __future__ import annotations

import os
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from pathlib import Path

import pytest

from testbed.deadline import Deadline
from tests.system.conftest import processes_of

SECONDS = 60
PROGRAM = """
import os, signal, sys
from pathlib import Path
from browser_rig import Browser
browser = Browser(Path(sys.argv[1]))
print(browser.run("return 6 * 7"), flush=True)
os.kill(os.getpid(), signal.SIGKILL)
"""


@pytest.fixture
def short() -> Iterator[Path]:
    """A folder for the browser's socket, the name of which has to be short; pytest's may not be."""
    with tempfile.TemporaryDirectory() as folder:
        yield Path(folder)


def test_a_killed_test_leaves_no_browser(short: Path) -> None:
    profile = short / "profile"
    profile.mkdir()
    done = subprocess.run(
        [sys.executable, "-c", PROGRAM, str(profile)],
        cwd=Path(__file__).parent,
        env={**os.environ, "TMPDIR": str(short)},
        capture_output=True,
        text=True,
        timeout=SECONDS,
        check=False,
    )
    assert done.stdout == "42\n", done.stderr
    deadline = Deadline(SECONDS)
    while left := processes_of(short):
        assert not deadline.expired, left
