# SPDX-License-Identifier: MIT
"""Each way to go wrong ends in its verdict, in time, with one line that names the cause."""

from __future__ import annotations

import os
import subprocess
import sys
from dataclasses import dataclass
from pathlib import Path

import pytest

from testbed.artifacts.cache import Cache
from tests.system.conftest import SCENARIOS, TESTBED, Testbed

ERROR, FAIL = 2, 1


@dataclass(frozen=True)
class Expected:
    """How a run has to end. `message` is a part of the verdict's line."""

    scenario: str
    status: int
    stage: str
    message: str
    board: str = "arm-virt"


CASES = [
    Expected("no_such_device", ERROR, "bind", "/soc has no 'serial@bad'"),
    Expected("host_panics", ERROR, "host boot", "Kernel panic - not syncing: "),
    Expected("guest_panics", ERROR, "guest boot", "guest0 died: Kernel panic - not syncing: "),
    Expected("guest_hangs", ERROR, "guest boot", "waited 20.0 s for the agent's hello"),
    Expected("model_dies", ERROR, "model", "the plug was pulled"),
    Expected("asserts", FAIL, "test", "one is not two"),
    Expected("never_ends", ERROR, "test", "did not end within 15 s"),
    Expected("host_panics", ERROR, "host boot", "Kernel panic - not syncing: ", "e500"),
    Expected("no_iommu_group", ERROR, "bind", "is in no IOMMU group", "e500"),
    Expected("too_many_guests", ERROR, "guest boot", "guests share the huge pages", "e500"),
    Expected(
        "nested_qemu_dies", ERROR, "infrastructure", "QEMU of guest0 killed by signal 9", "e500"
    ),
]


@pytest.mark.parametrize("case", CASES, ids=lambda case: f"{case.scenario}-{case.board}")
def test_scenario_ends_in_its_verdict(testbed: Testbed, case: Expected) -> None:
    done = testbed.run(SCENARIOS / f"{case.scenario}.py", "--board", case.board)
    (verdict,) = done.verdicts
    assert done.status == case.status, done.output
    assert verdict["verdict"] == ("ERROR" if case.status == ERROR else "FAIL")
    assert verdict["stage"] == case.stage
    assert case.message in verdict["message"]
    assert "\n" not in verdict["message"]
    assert "Traceback" not in done.output
    assert Path(verdict["evidence"]).exists()
    assert verdict["message"] in done.output


def test_bridge_for_another_qemu(
    testbed: Testbed, other_bridge: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("TESTBED_TEST_BRIDGE", str(other_bridge))
    done = testbed.run(SCENARIOS / "wrong_bridge.py")
    (verdict,) = done.verdicts
    assert (done.status, verdict["stage"]) == (ERROR, "host boot")
    assert "built for QEMU" in verdict["message"]


def test_broken_scenario_file(testbed: Testbed, tmp_path: Path) -> None:
    broken = tmp_path / "broken.py"
    broken.write_text('"""Not Python."""\nclass Broken(:\n')
    done = testbed.run(broken)
    (verdict,) = done.verdicts
    assert (done.status, verdict["verdict"]) == (ERROR, "ERROR")
    assert f"{broken}:2 is not valid Python" in verdict["message"]


@pytest.mark.parametrize(
    ("board", "kind"), [("arm-virt", "an arm64 kernel image"), ("e500", "a 32-bit Power kernel")]
)
@pytest.mark.parametrize("option", ["--kernel", "--guest-kernel"])
def test_wrong_kernel(testbed: Testbed, tmp_path: Path, board: str, kind: str, option: str) -> None:
    kernel = tmp_path / "kernel"
    kernel.write_bytes(b"no" + os.urandom(100_000))  # never the beginning of a gzip file
    done = testbed.run("uart-exposed", "--board", board, option, kernel)
    (verdict,) = done.verdicts
    assert (done.status, verdict["stage"]) == (ERROR, "artifacts")
    assert f"is not {kind}" in verdict["message"]


def test_guest_qemu_for_another_machine(testbed: Testbed) -> None:
    done = testbed.run("uart", "--board", "e500", "--guest-qemu", sys.executable)
    (verdict,) = done.verdicts
    assert (done.status, verdict["stage"]) == (ERROR, "guest boot")
    assert "does not run in the e500 host" in verdict["message"]


def test_guest_qemu_that_makes_no_nodes(testbed: Testbed) -> None:
    done = testbed.run("uart", "--guest-tree", "qemu", "--guest-qemu", "stock")
    (verdict,) = done.verdicts
    assert (done.status, verdict["stage"]) == (ERROR, "guest boot")
    assert "is not a valid device model name" in verdict["message"]
    assert "take the one that does, with --guest-qemu built, or" in verdict["message"]
    assert "\n" not in verdict["message"]


def test_qemu_that_is_none(testbed: Testbed) -> None:
    done = testbed.run("uart-exposed", "--qemu", "/bin/true")
    (verdict,) = done.verdicts
    assert (done.status, verdict["stage"]) == (ERROR, "artifacts")
    assert "/bin/true" in verdict["message"]


# What to fetch is known already and the disk is full: the archive is not asked, however slow it is.
_FULL_DISK = """
mount -t tmpfs -o size=1m none "$TESTBED_CACHE" && cp -r "$1" "$TESTBED_CACHE" || exit 99
head -c 2m /dev/zero >"$TESTBED_CACHE/filling" 2>&-
shift && exec "$@"
"""


def test_full_disk_in_the_cache(tmp_path: Path) -> None:
    """A full cache, in a mount namespace of its own: no root is needed to make one."""
    cache = tmp_path / "cache"
    cache.mkdir()
    run = [*TESTBED, "run", "uart-exposed", "--results", str(tmp_path / "results")]
    selections = Cache.default().selections
    done = subprocess.run(
        ["unshare", "--map-root-user", "--mount", "sh", "-c", _FULL_DISK, "sh", selections, *run],
        env={**os.environ, "TESTBED_CACHE": str(cache)},
        capture_output=True,
        text=True,
        check=False,
        timeout=120,
    )
    assert done.returncode == ERROR, done.stderr
    assert "ERROR (artifacts)" in done.stdout
    assert "no space left on device" in done.stdout
    assert "Traceback" not in done.stdout + done.stderr


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["run", "no-such-scenario"], "no scenario 'no-such-scenario'"),
        (["run"], "required"),
        (["run", "uart", "--board", "toaster"], "toaster"),
        (["run", "uart", "--kernel", "/no/such/file"], "no such file"),
        (["frobnicate"], "frobnicate"),
    ],
)
def test_usage_errors_are_one_line_and_status_3(arguments: list[str], message: str) -> None:
    done = subprocess.run([*TESTBED, *arguments], capture_output=True, text=True, check=False)
    assert done.returncode == 3
    assert message in done.stderr.splitlines()[-1]
    assert "Traceback" not in done.stderr
