# SPDX-License-Identifier: MIT
"""The guest's kernel finds no init and panics."""

from testbed.scenario import Scenario


class GuestPanics(Scenario):
    def test(self) -> None:
        self.boot_guest(append="rdinit=/no/such/init")
