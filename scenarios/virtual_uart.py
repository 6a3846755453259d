# SPDX-License-Identifier: MIT
"""UARTs that the guest's QEMU makes, added with -device and without VFIO: its 8250 drives them."""

from testbed.machine.virtual_uart import VirtualUart
from testbed.scenario import Scenario
from testbed.scenario.guest_bus import check_places
from testbed.scenario.traffic import exchange

# Registers next to each other, and as far apart as those of parts on a 32-bit bus.
UARTS = (VirtualUart("virtual0"), VirtualUart("virtual1", register_shift=2))


class VirtualSerial(Scenario):
    guest_tree = "qemu"

    def test(self) -> None:
        guest = self.boot_guest(*UARTS)
        check_places(guest)
        for uart in UARTS:
            with guest.serial_line(uart) as line, guest.open_serial_port(uart) as port:
                before = guest.interrupts(uart)
                exchange(line, port, self.random, (1, 15, 16, 17, 1000, 2048), self.deadline(60))
                assert guest.interrupts(uart) > before, "the guest took no interrupt"
