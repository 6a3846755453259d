# SPDX-License-Identifier: MIT
"""UARTs that the host or a guest drives, against the far ends of their lines."""

from __future__ import annotations

from testbed.machine.assignment import Assignment
from testbed.machine.guest import Guest
from testbed.scenario.base import Scenario
from testbed.scenario.traffic import exchange

UARTS = ("/soc/serial@11c500", "/soc/serial@11d000")
"""VFIO lets user space map the second, which has a page of its own, but not the first."""


class UartScenario(Scenario):
    """What scenarios of UARTs have in common."""

    def host_drives(self, path: str) -> None:
        """The host's driver passes text both ways."""
        with self.host.open_serial_port(path) as port:
            exchange(self.serial_line(path), port, self.random, (1, 100, 2048), self.deadline(30))

    def guest_drives(self, guest: Guest, uart: Assignment) -> None:
        """The guest's driver passes text both ways, and takes interrupts for it."""
        with guest.open_serial_port(uart) as port:
            before = guest.interrupts(uart)
            line = self.serial_line(uart.path)
            exchange(line, port, self.random, (1, 15, 16, 17, 1000), self.deadline(60))
            assert guest.interrupts(uart) > before, "the guest took no interrupt"
