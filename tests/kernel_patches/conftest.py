# SPDX-License-Identifier: MIT
from __future__ import annotations

import os
from pathlib import Path

import pytest


def _folder(variable: str, what: str, probe: str) -> Path:
    value = os.environ.get(variable)
    if not value:
        pytest.fail(f"{variable} is not set: {what}")
    folder = Path(value)
    if not (folder / probe).exists():
        pytest.fail(f"{variable}={folder}: no {probe} in it; {what}")
    return folder


@pytest.fixture(scope="session")
def linux_source() -> Path:
    """Pristine Linux source: MAINTAINERS, scripts and what the series touch are enough."""
    return _folder(
        "TESTBED_TEST_LINUX_SOURCE", "it names the kernel's source tree", "scripts/checkpatch.pl"
    )


@pytest.fixture(scope="session")
def linux_headers() -> Path:
    """A folder the arm64 headers packages and the workstation's kbuild package are unpacked in."""
    return _folder(
        "TESTBED_TEST_LINUX_HEADERS", "it names the unpacked kernel headers packages", "usr/src"
    )
