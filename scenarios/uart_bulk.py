# SPDX-License-Identifier: MIT
"""64 KiB both ways through an assigned UART, every byte in its place."""

from testbed.scenario import Scenario
from testbed.scenario.traffic import exchange

UART = "/soc/serial@11c500"
SIZE = 65536


class UartBulk(Scenario):
    bound = (UART,)
    # This UART shares its page, so that nested QEMU passes each of the guest's accesses on, whoever
    # takes the interrupts: up to a millisecond a byte.
    timeout = 600

    def test(self) -> None:
        assigned = self.host.assign(UART)
        guest = self.boot_guest(assigned)
        with guest.open_serial_port(assigned) as port:
            before = guest.interrupts(assigned)
            exchange(self.serial_line(UART), port, self.random, (SIZE,), self.deadline(500))
            assert guest.interrupts(assigned) > before, "the guest took no interrupt"
