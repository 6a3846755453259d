# SPDX-License-Identifier: MIT
"""A SATA disk is read by the host, filled by a guest, and found whole by the host again."""

from testbed.scenario.sata import SATA, SataScenario


class Sata(SataScenario):
    def test(self) -> None:
        self.host_reads()

        assigned = self.host.assign(SATA)
        guest = self.boot_guest(assigned)
        files = self.guest_fills(guest, assigned)
        self.fill_the_queue(guest, guest.disk(assigned))
        guest.shutdown()

        self.host.release(assigned)
        self.host_finds(files)
