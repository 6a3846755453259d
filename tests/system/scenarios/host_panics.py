# SPDX-License-Identifier: MIT
"""The host's kernel finds no init and panics."""

from testbed.scenario import Scenario


class HostPanics(Scenario):
    host_append = "rdinit=/no/such/init"

    def test(self) -> None:
        raise AssertionError("the host cannot have booted")
