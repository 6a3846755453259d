# SPDX-License-Identifier: MIT
"""What VFIO exposes of each UART is what its device-tree node describes."""

from testbed.devicetree.interrupts import controller
from testbed.scenario import Scenario

PAGE = 4096
UARTS = ("/soc/serial@11c500", "/soc/serial@11d000")


class UartExposed(Scenario):
    def test(self) -> None:
        for path in UARTS:
            node = self.host.node(path)
            offset, size = node.cells("reg")
            lines = len(node.cells("interrupts")) // controller(self.host.tree, node).cell(
                "#interrupt-cells"
            )

            assigned = self.host.assign(path)

            (region,) = assigned.exposed.regions
            assert region.size == size
            # A window that shares its page with other devices must not be mapped by user space.
            whole_pages = offset % PAGE == 0 and size % PAGE == 0
            assert region.flags == {"read", "write"} | ({"mmap"} if whole_pages else set())

            assert len(assigned.exposed.interrupts) == lines
            for interrupt in assigned.exposed.interrupts:
                assert interrupt.count == 1
                assert interrupt.flags == {"eventfd", "maskable", "automasked"}  # a level

            assert assigned.exposed == assigned.expected
            self.host.release(assigned)
