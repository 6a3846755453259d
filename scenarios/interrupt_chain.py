# SPDX-License-Identifier: MIT
"""A program lets an interrupt's own event unmask it, with the line held high: the host lives on.

Needs the kernel patch "vfio/platform: do not unmask an interrupt from interrupts".
"""

from testbed.scenario import Scenario
from testbed.scenario.tool import Tool

UART = "/soc/serial@11d000"
SCRATCH = 7  # reading it changes nothing in a UART
INTERRUPTS = 1000


class InterruptChain(Scenario):
    def test(self) -> None:
        uart = self.host.model(UART)
        assigned = self.host.assign(UART)
        argv = ["/testbed/bin/vfio-interrupts", assigned.name]
        with Tool(self.host.agent, argv, self.deadline(20)) as tool:

            def ask(command: str) -> None:
                answer = tool.ask(command, self.deadline(20))
                assert "error" not in answer, f"{command}: {answer['error']}"

            def interrupts() -> int:
                return self.host.interrupts(assigned.name)

            ask("arm")
            ask("chain")
            before = interrupts()
            uart.set_wire("interrupt", True)
            ask(f"count {SCRATCH}")
            self.wait_until(
                lambda: interrupts() > before + INTERRUPTS,
                self.deadline(60),
                "the interrupt to unmask itself",
            )
            uart.set_wire("interrupt", False)
            ask(f"count {SCRATCH}")
            self.wait_until(
                lambda: interrupts() == interrupts(), self.deadline(20), "the storm to end"
            )
            tool.finish(self.deadline(20))
        self.host.release(assigned)
