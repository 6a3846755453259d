# SPDX-License-Identifier: MIT
"""A SATA controller is assigned as one: nested QEMU makes its node, a guest fills the disk."""

from testbed.scenario.sata import SATA, SataScenario
from testbed.scenario.typed import check_refused, check_typed


class TypedSata(SataScenario):
    guest_tree = "qemu"

    def test(self) -> None:
        self.host_reads()

        assigned = self.host.assign(SATA)
        check_refused(
            self, f"vfio-platform-uart,host={assigned.name}", "which vfio-platform-uart is not for"
        )
        guest = self.boot_guest(assigned)
        check_typed(guest, assigned, "vfio-platform-sata")
        files = self.guest_fills(guest, assigned)
        self.fill_the_queue(guest, guest.disk(assigned))
        guest.shutdown()

        self.host.release(assigned)
        self.host_finds(files)
