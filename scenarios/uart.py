# SPDX-License-Identifier: MIT
"""UARTs are driven by the host, assigned, driven by the guest, and given back."""

from testbed.scenario.uart import UARTS, UartScenario


class Uart(UartScenario):
    def test(self) -> None:
        for path in UARTS:
            self.host_drives(path)

        assigned = [self.host.assign(path) for path in UARTS]
        guest = self.boot_guest(*assigned)
        for uart in assigned:
            self.guest_drives(guest, uart)
        guest.shutdown()

        for uart in assigned:
            self.host.release(uart)
            self.host_drives(uart.path)
