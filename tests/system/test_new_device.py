# SPDX-License-Identifier: MIT
"""A device that `testbed new-device` wrote works as it stands, in a copy of the project."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from testbed.paths import PROJECT
from tests.system.conftest import TESTBED

_LEFT_OUT = shutil.ignore_patterns(
    *(".git", ".venv", "testbed-results", "__pycache__", "*.egg-info", ".*_cache", "tests")
)


@pytest.fixture
def copy(tmp_path: Path) -> Path:
    path = tmp_path / "project"
    shutil.copytree(PROJECT, path, ignore=_LEFT_OUT)
    return path


def test_a_new_device_works(copy: Path) -> None:
    def run(*words: str) -> str:
        done = subprocess.run(
            words,
            cwd=copy,
            env={**os.environ, "PYTHONPATH": str(copy)},
            capture_output=True,
            text=True,
            timeout=600,
            check=False,
        )
        assert done.returncode == 0, done.stdout + done.stderr
        return done.stdout

    written = run(*TESTBED, "new-device", "mirror").splitlines()
    assert int(written[-1].split()[0]) < 150
    python = [word for line in written for word in line.split() if word.endswith(".py")]
    assert len(python) == 2
    run(sys.executable, "-m", "ruff", "check", *python)
    run(sys.executable, "-m", "ruff", "format", "--check", *python)
    assert "  PASS  mirror-works" in run(*TESTBED, "run", "mirror-works")
