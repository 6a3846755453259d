# SPDX-License-Identifier: MIT
"""A guest that drives an assigned UART, and which kernels it and its host are."""

from testbed.scenario.uart import UARTS, UartScenario


class KernelReleases(UartScenario):
    def test(self) -> None:
        uart = self.host.assign(UARTS[1])
        guest = self.boot_guest(uart)
        self.guest_drives(guest, uart)
        for machine in (self.host, guest):
            (machine.folder / "release").write_text(machine.succeed("uname -r"))
