# SPDX-License-Identifier: MIT
"""The host's random numbers go into the run's folder."""

from testbed.scenario import Scenario


class RandomNumbers(Scenario):
    def test(self) -> None:
        drawn = self.host.succeed("head -c 16 /dev/urandom | sha256sum")
        (self.host.folder / "random").write_text(drawn)
