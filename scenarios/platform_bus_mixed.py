# SPDX-License-Identifier: MIT
"""Virtual and assigned devices on one platform bus, in random orders; each works in the guest."""

from testbed.machine.assignment import Assignment
from testbed.machine.guest import Guest, GuestDevice
from testbed.machine.virtual_uart import VirtualUart
from testbed.scenario import Scenario
from testbed.scenario.crypto import compare
from testbed.scenario.guest_bus import check_places, refusal, serial_port
from testbed.scenario.sec_devices import SEC_RINGS, sec_of
from testbed.scenario.traffic import FarEnd, exchange

UARTS = ("/soc/serial@11c500", "/soc/serial@11d000")
SATA = "/soc/sata@221000"
VIRTUAL = tuple(VirtualUart(f"virtual{n}", register_shift=n) for n in range(3))
ORDERS = 3


class PlatformBusMixed(Scenario):
    guest_tree = "qemu"
    timeout = 420

    def test(self) -> None:
        assigned = [self.host.assign(path) for path in (*UARTS, SATA, SEC_RINGS[0])]
        for _ in range(ORDERS):
            devices: list[GuestDevice] = [*assigned, *VIRTUAL]
            self.random.shuffle(devices)
            guest = self.boot_guest(*devices, append="cryptomgr.notests")
            check_places(guest)
            for driver in ("ns16550", "vfio-platform"):
                said = refusal(guest, driver)
                assert f"Device '{driver}' does not support hotplugging" in said, said
            for device in sorted(devices, key=lambda d: guest.placement(d).offsets):
                self.works(guest, device)
            guest.shutdown()

    def works(self, guest: Guest, device: GuestDevice) -> None:
        if isinstance(device, VirtualUart):
            with guest.serial_line(device) as line:
                self.carries(guest, device, line)
        elif device.path in UARTS:
            self.carries(guest, device, self.serial_line(device.path))
        elif device.path == SATA:
            self.reads(guest, device)
        else:
            self.computes(guest, device)

    def carries(self, guest: Guest, uart: GuestDevice, line: FarEnd) -> None:
        with serial_port(guest, uart) as port:
            before = guest.interrupts(uart)
            exchange(line, port, self.random, (1, 100), self.deadline(30))
            assert guest.interrupts(uart) > before, f"the guest took no interrupt of {uart}"

    def computes(self, guest: Guest, ring: Assignment) -> None:
        guest.load_driver(ring)
        before = guest.interrupts(ring)
        chacha = bool(sec_of(self.host.devices).ccha)
        compare(guest.agent, self.random, 10, self.deadline(60), chacha=chacha)
        assert guest.interrupts(ring) > before, "the guest took no interrupt of the job ring"

    def reads(self, guest: Guest, sata: Assignment) -> None:
        """The guest writes a file's worth to the disk, past its cache, and reads the same."""
        disk = guest.disk(sata)
        before = guest.interrupts(sata)
        content = self.random.randbytes(1 << 20)
        guest.agent.put_file("/tmp/content", content, deadline=self.deadline(30))
        guest.succeed(f"dd if=/tmp/content of={disk} bs=64k oflag=direct")
        guest.succeed(f"dd if={disk} of=/tmp/read bs=64k count=16 iflag=direct")
        guest.succeed("cmp /tmp/content /tmp/read")
        assert guest.interrupts(sata) > before, "the guest took no interrupt of the disk"
