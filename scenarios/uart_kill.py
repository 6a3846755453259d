# SPDX-License-Identifier: MIT
"""The nested QEMU is killed in mid traffic: the UART is reset and works for the next guest."""

from testbed.scenario import Scenario
from testbed.scenario.traffic import exchange, random_text

UART = "/soc/serial@11c500"
IER, IIR, LCR, MCR, LSR = 1, 2, 3, 4, 5
POWER_ON = {IER: 0x00, IIR: 0x01, LCR: 0x00, MCR: 0x00, LSR: 0x60}


class UartKill(Scenario):
    def test(self) -> None:
        line = self.serial_line(UART)
        assigned = self.host.assign(UART)

        victim = self.boot_guest(assigned)
        port = victim.open_serial_port(assigned)
        port.write(random_text(self.random, 16384), deadline=self.deadline(20))
        line.read_exactly(1 + self.random.randrange(1024), self.deadline(20))
        line.write(random_text(self.random, 4096))
        line.wait_until(lambda: line.pending < 4000, self.deadline(20), "the guest to receive")
        line.discard_pending()
        victim.kill()

        assert self.host.succeed("echo alive") == "alive\n"
        uart = self.host.model(UART)
        with uart.lock:
            registers = {offset: uart.read(0, offset, 1) for offset in POWER_ON}
        assert registers == POWER_ON, f"after the guest's death the UART holds {registers}"
        assert not uart.wire_level("interrupt")
        line.read()

        heir = self.boot_guest(assigned)
        with heir.open_serial_port(assigned) as port:
            exchange(line, port, self.random, (1, 1000), self.deadline(30))
