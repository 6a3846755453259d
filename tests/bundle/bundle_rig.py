# SPDX-License-Identifier: MIT
"""A run's folder, as a run leaves it."""

from __future__ import annotations

import json
from pathlib import Path

from testbed.artifacts.digest import file_sha256
from testbed.options import Options
from testbed.runner.invocation import Invocation
from testbed.scenario.verdict import Outcome, Verdict

SEED = 4711


def make_run(folder: Path, options: Options | None = None) -> Path:
    """A run of scenario `mine`, which needs the file rules.dts beside it."""
    beside = folder / "scenarios"
    beside.mkdir(parents=True)
    (beside / "mine.py").write_text("RULES = 'rules.dts'\n")
    (beside / "rules.dts").write_text("/dts-v1/;\n")
    options = options or Options(board="e500", timeout_scale=2.5)
    run = folder / "results" / "run"
    (run / "host").mkdir(parents=True)
    (run / "host" / "console.log").write_bytes(b"\xff\x00hello\n")
    kernel = options.kernel
    digests = {"kernel": file_sha256(kernel)} if kernel is not None and kernel.is_file() else {}
    (run / "manifest.json").write_text(json.dumps({"overrides": digests}))
    Invocation(beside / "mine.py", options, "0123abcd").write(run)
    Verdict(
        name="mine", board="e500", verdict=Outcome.FAIL, message="no", seed=SEED, results=str(run)
    ).write()
    return run
