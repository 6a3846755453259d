# SPDX-License-Identifier: MIT
"""A scenario on kernels of several series of the distribution's."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any
from xml.etree import ElementTree

from tests.system.conftest import SCENARIOS, Testbed

SCENARIO = SCENARIOS / "kernel_releases.py"
SERIES = ("6.1", "6.12")


def kernels(verdict: dict[str, Any]) -> tuple[str, ...]:
    """The series that host and guest of the run said they were of."""
    folder = Path(verdict["results"])
    releases = [(folder / machine / "release").read_text() for machine in ("host", "guest0")]
    return tuple(".".join(release.split(".")[:2]) for release in releases)


def test_each_kernel_is_host_and_guest(testbed: Testbed, tmp_path: Path) -> None:
    junit = tmp_path / "junit.xml"
    done = testbed.run(SCENARIO, "--kernels", ",".join(SERIES), "--junit", junit)
    assert done.status == 0, done.output
    pairs = [(host, guest) for host in SERIES for guest in SERIES]
    assert [(v["host_kernel"], v["guest_kernel"]) for v in done.verdicts] == pairs
    assert [kernels(verdict) for verdict in done.verdicts] == pairs
    *_, head, first, second, _counts = done.output.splitlines()
    assert head.split() == ["kernel-releases", "guest", "6.1", "guest", "6.12"]
    assert re.fullmatch(r"host 6\.1 +PASS +[\d.]+ s +PASS +[\d.]+ s *", first)
    assert re.fullmatch(r"host 6\.12 +PASS +[\d.]+ s +PASS +[\d.]+ s *", second)
    cases = ElementTree.parse(junit).getroot().iter("testcase")
    assert [case.get("name") for case in cases] == [
        f"kernel-releases (host {host}, guest {guest})" for host, guest in pairs
    ]


def test_the_guests_is_the_boards_own_unless_asked_for(testbed: Testbed) -> None:
    done = testbed.run(SCENARIO, "--kernel", "6.1")
    assert done.status == 0, done.output
    (verdict,) = done.verdicts
    assert (verdict["host_kernel"], verdict["guest_kernel"]) == ("6.1", "")
    assert kernels(verdict) == ("6.1", "6.12")
    page = Path(verdict["results"], "report.html").read_text()
    assert f"--seed {verdict['seed']} --kernel 6.1" in page
