# SPDX-License-Identifier: MIT
"""Assigns a device that the host's tree does not have."""

from testbed.scenario import Scenario


class NoSuchDevice(Scenario):
    def test(self) -> None:
        self.host.assign("/soc/serial@bad")
