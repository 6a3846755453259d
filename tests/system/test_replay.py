# SPDX-License-Identifier: MIT
"""A run is bundled and replayed, with what it had."""

from __future__ import annotations

import subprocess
from pathlib import Path

from testbed.artifacts.cache import Cache
from testbed.scenario.verdict import Verdict
from tests.system.conftest import SCENARIOS, TESTBED, Testbed


def replay(bundle: Path, results: Path) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [*TESTBED, "replay", str(bundle), "--results", str(results)],
        capture_output=True,
        text=True,
        check=False,
        timeout=120,
    )


def kept_choices() -> dict[str, bytes]:
    return {path.name: path.read_bytes() for path in Cache.default().selections.iterdir()}


def test_a_failure_is_replayed_from_one_file(testbed: Testbed, tmp_path: Path) -> None:
    first = testbed.run(SCENARIOS / "asserts.py", "--board", "e500")
    (verdict,) = first.verdicts
    bundle, results = tmp_path / "bundle.tar.gz", tmp_path / "replayed"
    packed = subprocess.run(
        [*TESTBED, "bundle", verdict["results"], "-o", str(bundle)], check=False
    )
    assert packed.returncode == 0
    before = kept_choices()
    done = replay(bundle, results)
    assert done.returncode == first.status == 1, done.stderr
    assert done.stdout.endswith("the same verdict as in the bundle\n")
    (folder,) = results.glob("*-asserts")
    again = Verdict.read(folder)
    assert again is not None
    assert (again.message, again.seed) == (verdict["message"], verdict["seed"])
    manifests = [Path(path, "manifest.json").read_text() for path in (verdict["results"], folder)]
    assert manifests[0] == manifests[1]
    assert kept_choices() == before


def test_what_is_no_bundle_is_one_line_and_leaves_nothing(tmp_path: Path) -> None:
    file = tmp_path / "bundle.tar.gz"
    file.write_bytes(b"hello")
    done = replay(file, tmp_path / "results")
    assert done.returncode == 2
    assert done.stderr.startswith("testbed: ERROR (infrastructure): ")
    assert done.stderr.count("\n") == 1
    assert not (tmp_path / "results").exists()
