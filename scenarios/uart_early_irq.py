# SPDX-License-Identifier: MIT
"""An interrupt raised before the guest's driver asks for it: no wedged line, nothing lost."""

from testbed.scenario import Scenario
from testbed.scenario.traffic import exchange

UART = "/soc/serial@11c500"
IER, RECEIVED_DATA_AVAILABLE = 1, 0x01


class UartEarlyIrq(Scenario):
    bound = (UART,)

    def test(self) -> None:
        line = self.serial_line(UART)
        assigned = self.host.assign(UART)

        guest = self.prepare_guest([assigned])
        guest.start()  # VFIO has armed the interrupt, the guest's CPU does not run yet

        # As a boot loader may leave the device: receive interrupt on, and a character comes in.
        uart = self.host.model(UART)
        with uart.lock:
            uart.write(0, IER, 1, RECEIVED_DATA_AVAILABLE)
        line.write(b"!")
        assert uart.wire_level("interrupt")
        self.wait_until(
            lambda: self.host.interrupts(assigned.name) == 1, self.deadline(10), "VFIO to take it"
        )

        guest.resume()
        with guest.open_serial_port(assigned) as port:
            before = guest.interrupts(assigned)
            exchange(line, port, self.random, (1, 100, 1000), self.deadline(30))
            assert guest.interrupts(assigned) > before, "no interrupt after the early one"
        assert "nobody cared" not in guest.succeed("dmesg")
        assert "nobody cared" not in self.host.succeed("dmesg")
