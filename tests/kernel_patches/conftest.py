# SPDX-License-Identifier: MIT
from __future__ import annotations

from pathlib import Path

import pytest

from testbed.artifacts import Sources


@pytest.fixture(scope="session")
def linux_source(sources: Sources) -> Path:
    """Pristine Linux source: MAINTAINERS, scripts and what the series touch."""
    return sources.linux


@pytest.fixture(scope="session")
def linux_headers(sources: Sources) -> Path:
    """A folder the arm64 headers packages and the workstation's kbuild package are unpacked in."""
    return sources.linux_headers
