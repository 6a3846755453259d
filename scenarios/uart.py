# SPDX-License-Identifier: MIT
"""UARTs are driven by the host, assigned, driven by the guest, and given back."""

from testbed.scenario import Scenario
from testbed.scenario.traffic import exchange

# VFIO lets user space map the second, which has a page of its own, but not the first.
UARTS = ("/soc/serial@11c500", "/soc/serial@11d000")


class Uart(Scenario):
    def test(self) -> None:
        for path in UARTS:
            self.host_drives(path)

        assigned = [self.host.assign(path) for path in UARTS]
        guest = self.boot_guest(*assigned)
        for uart in assigned:
            with guest.open_serial_port(uart) as port:
                before = guest.interrupts(uart)
                line = self.serial_line(uart.path)
                exchange(line, port, self.random, (1, 15, 16, 17, 1000), self.deadline(60))
                assert guest.interrupts(uart) > before, "the guest took no interrupt"
        guest.shutdown()

        for uart in assigned:
            self.host.release(uart)
            self.host_drives(uart.path)

    def host_drives(self, path: str) -> None:
        with self.host.open_serial_port(path) as port:
            exchange(self.serial_line(path), port, self.random, (1, 100, 2048), self.deadline(30))
