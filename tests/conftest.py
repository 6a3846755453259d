# SPDX-License-Identifier: MIT
"""Parts that tests of several folders look at, from the cache that runs use."""

from __future__ import annotations

import pytest
from hypothesis import HealthCheck, settings

from testbed.artifacts import Sources, prepare_sources, progress_for

# A machine may pause in any example, and while it makes one.
settings.register_profile("unhurried", deadline=None, suppress_health_check=[HealthCheck.too_slow])
settings.load_profile("unhurried")


@pytest.fixture(scope="session")
def sources() -> Sources:
    """Source trees of Linux and QEMU as the parts of the board are built from them."""
    return prepare_sources("arm-virt", progress=progress_for())
