# SPDX-License-Identifier: MIT
"""The scenario's own code never comes to an end."""

from testbed.scenario import Scenario


class NeverEnds(Scenario):
    timeout = 15

    def test(self) -> None:
        while True:
            pass
