# SPDX-License-Identifier: MIT
"""Nothing is done with the host: what is left of it is the template that most scenarios ask for."""

from testbed.scenario.base import Scenario


class Booted(Scenario):
    def test(self) -> None:
        assert self.host.succeed("echo alive") == "alive\n"
