# SPDX-License-Identifier: MIT
"""Parts that tests of several folders look at, from the cache that runs use."""

from __future__ import annotations

import pytest

from testbed.artifacts import Sources, prepare_sources, progress_for


@pytest.fixture(scope="session")
def sources() -> Sources:
    """Source trees of Linux and QEMU as the parts of the board are built from them."""
    return prepare_sources("arm-virt", progress=progress_for())
