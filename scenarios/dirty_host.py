# SPDX-License-Identifier: MIT
"""A host is left as dirty as can be; it was clean before, whatever ran on the same template."""

from __future__ import annotations

import time

from testbed.devicetree.address import linux_name
from testbed.machine.platform_device import PlatformDevices, SysfsDevice
from testbed.scenario.sata import SATA, SataScenario
from testbed.scenario.traffic import random_text

UART, OTHER_UART = "/soc/serial@11c500", "/soc/serial@11d000"
SCR = 7  # the 16550's scratch register
MARK = "left-behind"
PLACES = ("/tmp", "/run", "/dev/shm", "/root")
CLOCK_SECONDS = 60


class DirtyHost(SataScenario):
    bound = (UART,)

    def test(self) -> None:
        self.finds_nothing()
        self.leaves_everything()

    def finds_nothing(self) -> None:
        """No trace of a run before this one, and the time of day."""
        host = self.host
        assert host.succeed("hostname").strip() == "testbed-host"
        for place in PLACES:
            assert MARK not in host.succeed(["ls", "-A", place]), f"{place} has the mark of a run"
        assert MARK not in host.succeed("dmesg"), "the kernel's log has the mark of a run"
        assert self.disk.media.written == 0, "the disk was written to"
        uart = host.model(OTHER_UART)
        assert uart.read(0, SCR, 1) == 0, "the UART's scratch register was written to"
        other = self.sysfs(OTHER_UART)
        assert other.driver not in ("", "vfio-platform"), f"the UART is with {other.driver!r}"
        wrong = abs(int(host.succeed("date +%s")) - time.time())
        assert wrong < CLOCK_SECONDS, f"the host's clock is {wrong:.0f} s wrong"

    def leaves_everything(self) -> None:
        """Memory, files, registers, drivers, disk, clock, and a guest killed in mid traffic."""
        host = self.host
        line = self.serial_line(UART)
        guest = self.boot_guest(host.assign(UART))
        port = guest.open_serial_port(guest.assignments[0])
        port.write(random_text(self.random, 4096), deadline=self.deadline(20))
        line.write(random_text(self.random, 4096))
        guest.kill()

        host.succeed(f"hostname {MARK}; echo {MARK} >/dev/kmsg")
        for place in PLACES:
            host.succeed(f"dd if=/dev/urandom of={place}/{MARK} bs=1M count=8 2>/dev/null")
        device = host.disk(SATA)
        host.succeed(f"dd if=/dev/urandom of={device} bs=1M count=4 conv=fsync 2>/dev/null")
        assert self.disk.media.written
        self.disk.media.write_bytes(0, self.random.randbytes(4096))
        self.disk.faults.crc_error()
        name = self.sysfs(OTHER_UART).name
        host.succeed(f"echo {name} > /sys/bus/platform/devices/{name}/driver/unbind")
        (window,) = (d.registers[0] for d in host.devices if d.path == OTHER_UART)
        host.succeed(f"devmem {host.board.soc_base + window[0] + SCR:#x} 8 0x5a")
        assert host.model(OTHER_UART).read(0, SCR, 1) == 0x5A
        host.succeed("date -s @0; echo 1 > /proc/sys/vm/panic_on_oom")

    def sysfs(self, path: str) -> SysfsDevice:
        """What the host knows of the device at a device-tree path."""
        name = linux_name(self.host.tree, self.host.node(path))
        return PlatformDevices(self.host.agent).show(name, self.deadline(20))
