# SPDX-License-Identifier: MIT
"""The kernel's own crypto self-tests accept the SEC, in the host and through an assigned ring."""

from testbed.scenario.sec_selftest import SecSelftestScenario


class SecSelftest(SecSelftestScenario):
    """The board's own SEC."""
