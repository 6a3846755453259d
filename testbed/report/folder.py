# SPDX-License-Identifier: MIT
"""What a folder has to be for a command that looks at a run."""

from __future__ import annotations

from pathlib import Path

from testbed.report.recording import is_run
from testbed.runner.discover import UsageError


def run_folder(path: Path) -> Path:
    """The absolute path of a run's folder; UsageError when `path` is none."""
    if not path.is_dir():
        raise UsageError(f"{path}: no such folder; give one that a run left, as testbed run says")
    if not is_run(path):
        raise UsageError(f"{path} is no folder of a run: it has no testbed.log or verdict.json")
    return path.resolve()
