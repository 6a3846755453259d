# SPDX-License-Identifier: MIT
"""The guest's platform bus takes one, some and as many devices as fit; one more is refused."""

from collections.abc import Sequence

from testbed.devicetree.address import linux_name
from testbed.errors import TestbedError
from testbed.machine.guest import Guest
from testbed.machine.virtual_uart import VirtualUart
from testbed.scenario import Scenario
from testbed.scenario.guest_bus import check_places, mapped_uarts, peripherals, serial_port
from testbed.scenario.traffic import exchange


class PlatformBusFill(Scenario):
    guest_tree = "qemu"
    timeout = 420

    def test(self) -> None:
        bus = self.host.board.guest_bus
        most = bus.interrupt_count
        for count in (1, self.random.randrange(2, min(most, 10)), most):
            self.works(uarts(count))
        self.refused(
            uarts(most + 1),
            f"the platform bus has 0 of its {most} interrupts left, ns16550 'u{most}' needs 1",
        )

        # Four UARTs with their registers so far apart that nothing is left between them.
        quarter = bus.size // 4
        shift = (quarter // 8).bit_length() - 1
        wide = self.prepare_guest(uarts(4, shift))
        wide.start()
        check_places(wide)
        wide.shutdown()
        for last in (VirtualUart("u4", shift), VirtualUart("u4")):
            self.refused(
                (*uarts(4, shift), last),
                f"the platform bus has no {last.size:#x} bytes left of its {bus.size:#x},"
                " ns16550 'u4' needs them for region 0",
            )
        self.refused(uarts(1, shift + 3), f"has no {2 * bus.size:#x} bytes left")

    def works(self, devices: Sequence[VirtualUart]) -> None:
        bus = self.host.board.guest_bus
        guest = self.boot_guest(*devices)
        assert peripherals(guest, "ns16550") == {uart.name for uart in devices}
        places = check_places(guest)
        assert [place.offsets for place in places] == [(8 * n,) for n in range(len(devices))]
        numbers = range(bus.first_interrupt, bus.first_interrupt + len(devices))
        specifier = self.host.board.interrupts.specifier
        assert [place.interrupts for place in places] == [(specifier(n),) for n in numbers]
        assert mapped_uarts(guest) == [(8 * n, 8 * n + 7) for n in range(len(devices))]

        names = {linux_name(guest.tree, guest.node(uart)) for uart in devices}
        there = set(guest.succeed("ls /sys/bus/platform/devices").split())
        assert there >= names, f"the guest lacks {names - there}"
        for uart in devices:
            self.carries(guest, uart)
        guest.shutdown()

    def carries(self, guest: Guest, uart: VirtualUart) -> None:
        with guest.serial_line(uart) as line, serial_port(guest, uart) as port:
            before = guest.interrupts(uart)
            exchange(line, port, self.random, (1, 64), self.deadline(30))
            assert guest.interrupts(uart) > before, f"the guest took no interrupt of {uart.name}"

    def refused(self, devices: Sequence[VirtualUart], reason: str) -> None:
        guest = self.prepare_guest(devices)
        try:
            guest.start()
        except TestbedError as error:
            said = str(error)
        else:
            guest.shutdown()
            raise AssertionError(f"the bus took {len(devices)} UARTs; expected: {reason}")
        assert reason in said, f"{len(devices)} UARTs were refused with: {said}"


def uarts(count: int, register_shift: int = 0) -> tuple[VirtualUart, ...]:
    return tuple(VirtualUart(f"u{n}", register_shift) for n in range(count))
