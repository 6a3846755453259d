# SPDX-License-Identifier: MIT
"""An assertion of the scenario does not hold."""

from testbed.scenario import Scenario


class Asserts(Scenario):
    def test(self) -> None:
        assert self.host.succeed("echo 1") == "2\n", "one is not two"
