# SPDX-License-Identifier: MIT
"""64 KiB both ways through an assigned UART, every byte in its place."""

from testbed.scenario import Scenario
from testbed.scenario.traffic import exchange

UART = "/soc/serial@11c500"
SIZE = 65536


class UartBulk(Scenario):
    # The nested QEMU of this kind of guest takes level interrupts in user space, and passes each
    # register access on while one is pending: about a millisecond a byte.
    timeout = 600

    def test(self) -> None:
        assigned = self.host.assign(UART)
        guest = self.boot_guest(assigned)
        with guest.open_serial_port(assigned) as port:
            before = guest.interrupts(assigned)
            exchange(self.serial_line(UART), port, self.random, (SIZE,), self.deadline(500))
            assert guest.interrupts(assigned) > before, "the guest took no interrupt"
