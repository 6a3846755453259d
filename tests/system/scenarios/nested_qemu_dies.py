# SPDX-License-Identifier: MIT
"""The guest's QEMU is killed behind the back of the testbed, as the host's kernel may do it."""

from testbed.scenario import Scenario


class NestedQemuDies(Scenario):
    def test(self) -> None:
        guest = self.boot_guest()
        program = self.host.board.guest_qemu.rpartition("/")[2]
        self.host.succeed(["killall", "-9", program])
        guest.succeed("sleep 5")
