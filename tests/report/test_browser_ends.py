# SPDX-License-Identifier: MIT
"""The browser of the tests does not outlive them."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

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


def test_a_killed_test_leaves_no_browser(tmp_path: Path) -> None:
    profile = tmp_path / "profile"
    profile.mkdir()
    done = subprocess.run(
        [sys.executable, "-c", PROGRAM, str(profile)],
        cwd=Path(__file__).parent,
        env={**os.environ, "TMPDIR": str(tmp_path)},
        capture_output=True,
        text=True,
        timeout=SECONDS,
        check=False,
    )
    assert done.stdout == "42\n", done.stderr
    deadline = Deadline(SECONDS)
    while left := processes_of(tmp_path):
        assert not deadline.expired, left
