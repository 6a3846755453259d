# SPDX-License-Identifier: MIT
"""Interrupts that nested QEMU takes in user space, the registers away from the guest till then.

QEMU unmaps the registers of a device that interrupted: the guest's first access traps, and lowers
the line. On Power this needs the kernel patch "KVM: PPC: booke: flush the shadow TLB when a memslot
goes": without it the guest reads on from the registers, and its line is never lowered.
"""

from testbed.scenario import Scenario
from testbed.scenario.traffic import exchange

UART = "/soc/serial@11d000"  # has a page of its own: without interrupts it is mapped


class UartTrapped(Scenario):
    def test(self) -> None:
        assigned = self.host.assign(UART)
        guest = self.prepare_guest([assigned], irqfd=False)
        guest.boot()
        with guest.open_serial_port(assigned) as port:
            before = guest.interrupts(assigned)
            exchange(self.serial_line(UART), port, self.random, (1, 17, 1000), self.deadline(60))
            assert guest.interrupts(assigned) > before, "the guest took no interrupt"
        guest.shutdown()
        self.host.release(assigned)
