# SPDX-License-Identifier: MIT
"""A model raises an exception in the middle of a register access."""

from models.ns16550a import Ns16550a
from testbed.boards.board import ModelFactory
from testbed.scenario import Scenario

UART = "/soc/serial@11c500"


class Dying(Ns16550a):
    armed = False

    def read(self, region: int, offset: int, size: int) -> int:
        if self.armed:
            raise RuntimeError("the plug was pulled")
        return super().read(region, offset, size)


class ModelDies(Scenario):
    def models(self) -> dict[str, ModelFactory]:
        return {UART: lambda _: Dying("serial@11c500", clock_frequency=150_000_000)}

    def test(self) -> None:
        self.model(UART, Dying).armed = True
        with self.host.open_serial_port(UART) as port:
            port.write(b"hello", deadline=self.deadline(10))
            self.serial_line(UART).read_exactly(5, self.deadline(10))
