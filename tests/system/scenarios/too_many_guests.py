# SPDX-License-Identifier: MIT
"""One guest more than the host has huge pages for."""

from testbed.scenario import Scenario


class TooManyGuests(Scenario):
    def test(self) -> None:
        for _ in range(3):
            self.prepare_guest([]).start()
