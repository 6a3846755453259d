# SPDX-License-Identifier: MIT
"""A UART with a fixed clock works in a guest; one whose clock can be gated is the host's to keep.

Another of the host's UARTs uses that clock too: a guest that gated it would stop both.
"""

from dataclasses import replace

from testbed.boards import Board, PlatformDevice
from testbed.boards.board import ChildNode, Reference
from testbed.boards.uart import uart_device
from testbed.devicetree.tree import Value
from testbed.errors import TestbedError
from testbed.machine.assignment import Assignment
from testbed.options import TreeMaker
from testbed.scenario.uart import UARTS, UartScenario

FREQUENCY = 150_000_000
FIXED, GATE = "clock-uart", "clock-gate"
WITH_FIXED, WITH_GATE, SHARING = *UARTS, "/soc/serial@11e000"
ENABLED = f"/sys/kernel/debug/clk/{GATE}/clk_enable_count"
REASON = "a guest must not gate a clock of the host"


class ClockRefused(UartScenario):
    boards = ("arm-virt",)  # Power has no clocks that a kernel could gate here
    guest_tree = "qemu"
    timeout = 240

    def nodes(self, board: Board) -> tuple[ChildNode, ...]:
        gate: dict[str, Value | Reference] = {
            "compatible": "gpio-gate-clock",
            "#clock-cells": 0,
            "clocks": Reference(f"/{FIXED}"),
            "enable-gpios": Reference("/pl061@9030000", (5, 0)),
        }
        fixed: dict[str, Value | Reference] = {
            "compatible": "fixed-clock",
            "#clock-cells": 0,
            "clock-frequency": FREQUENCY,
        }
        return ChildNode(FIXED, properties=fixed), ChildNode(GATE, properties=gate)

    def devices(self, board: Board) -> tuple[PlatformDevice, ...]:
        uarts = {device.path: device for device in board.devices}
        third = uart_device("serial@11e000", (0x11E000, 0x1000), interrupt=186, stream_id=0xD0)
        return (
            clocked(uarts[WITH_FIXED], FIXED),
            clocked(uarts[WITH_GATE], GATE),
            clocked(third, GATE),
        )

    def test(self) -> None:
        self.host.succeed("mount -t debugfs none /sys/kernel/debug")
        for path in (WITH_FIXED, WITH_GATE, SHARING):
            self.host_drives(path)
        for maker in ("testbed", "qemu"):
            self.works(self.host.assign(WITH_FIXED), maker)
            self.refused(self.host.assign(WITH_GATE), maker)

    def works(self, uart: Assignment, maker: TreeMaker) -> None:
        guest = self.prepare_guest([uart], tree_by=maker)
        guest.boot()
        self.guest_drives(guest, uart)
        # The driver has asked the clock, and divided its frequency for the line.
        assert guest.tree.node(f"/{FIXED}").cell("clock-frequency") == FREQUENCY
        rates = guest.succeed("cat /sys/class/tty/ttyS*/uartclk").split()
        assert str(FREQUENCY) in rates, f"the guest's UARTs have clocks of {rates} Hz"
        guest.shutdown()
        self.host.release(uart)
        self.host_drives(uart.path)

    def refused(self, uart: Assignment, maker: TreeMaker) -> None:
        assert self.users() == 1, "the driver that the UART was taken from still has the clock"
        guest = self.prepare_guest([uart], tree_by=maker)
        message = ""
        try:
            guest.start()
        except TestbedError as error:
            message = error.message
        assert f"{uart.path} uses clock /{GATE}, which is not a fixed-clock: {REASON}" in message
        self.host_drives(SHARING)
        self.host.release(uart)
        assert self.users() == 2, "the driver has not the clock again"
        self.host_drives(uart.path)

    def users(self) -> int:
        """How many drivers of the host hold the shared clock enabled."""
        return int(self.host.succeed(["cat", ENABLED]))


def clocked(uart: PlatformDevice, clock: str) -> PlatformDevice:
    """The UART with its frequency by `clock` instead of a property."""
    kept = {name: v for name, v in uart.properties.items() if name != "clock-frequency"}
    return replace(uart, properties={**kept, "clocks": Reference(f"/{clock}")})
