# SPDX-License-Identifier: MIT
"""The guest's first process waits for input for ever."""

from testbed.scenario import Scenario


class GuestHangs(Scenario):
    def test(self) -> None:
        self.boot_guest(append="rdinit=/bin/busybox -- cat", seconds=20)
