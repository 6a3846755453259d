# SPDX-License-Identifier: MIT
"""UARTs are assigned as what they are: nested QEMU makes their nodes, or says why it does not."""

from dataclasses import replace

from testbed.boards import Board, PlatformDevice
from testbed.devicetree import Tree
from testbed.machine.assignment import Assignment
from testbed.paths import FRAGMENTS
from testbed.scenario.typed import check_refused, check_typed, said
from testbed.scenario.uart import UARTS, UartScenario

COLOUR = "acme,colour"  # a property that no rule names
FOLDER = "/run/testbed"


class TypedUart(UartScenario):
    guest_tree = "qemu"

    def devices(self, board: Board) -> tuple[PlatformDevice, ...]:
        return tuple(
            replace(device, properties={**device.properties, COLOUR: 7})
            if device.path == UARTS[1]
            else device
            for device in board.devices
        )

    def test(self) -> None:
        assigned = [self.host.assign(path) for path in UARTS]
        self.refusals(assigned[0])
        self.reports_what_no_rule_names(assigned[1])

        guest = self.prepare_guest(assigned, by_path=True)
        guest.boot()
        for uart in assigned:
            check_typed(guest, uart, "vfio-platform-uart")
            self.guest_drives(guest, uart)
        painted = assigned[1].node.path
        assert f"warning:   dropped   {COLOUR} = <0x7> of {painted}: no rule" in said(guest)
        guest.shutdown()
        for uart in assigned:
            self.host.release(uart)
            self.host_drives(uart.path)

    def refusals(self, uart: Assignment) -> None:
        path, name = uart.path, f"host={uart.name}"
        noise, other, broken = (f"{FOLDER}/{n}.dtb" for n in ("noise", "other", "broken"))
        rules = Tree.compile(FRAGMENTS / "ahci.dts")
        self.put(other, rules.to_blob())
        rules.root.set("guest,copy", b"no end")
        self.put(broken, rules.to_blob())
        self.put(noise, self.random.randbytes(1000))
        for device, reason in (
            (f"vfio-platform-sata,{name}", "is a 'ns16550a', which vfio-platform-sata is not for"),
            ("vfio-platform-uart,dev=/soc/serial@bad", "no platform device of the host has"),
            ("vfio-platform-uart,dev=/soc/serial", "give unit addresses"),
            (f"vfio-platform-uart,dev={path},{name}", "exclude each other"),
            (f"vfio-platform,{name}", "nothing says what its node has"),
            (f"vfio-platform,{name},dt-fragment={FOLDER}/none.dtb", "No such file or directory"),
            (f"vfio-platform,{name},dt-fragment={noise}", "is not a compiled device tree"),
            (f"vfio-platform,{name},dt-fragment={broken}", "guest,copy of / is not a list of"),
            (f"vfio-platform,{name},dt-fragment={other}", f"is a 'ns16550a', which {other} is not"),
        ):
            check_refused(self, device, reason)

    def reports_what_no_rule_names(self, uart: Assignment) -> None:
        """The testbed does so too, when it makes the tree."""
        guest = self.prepare_guest([uart], tree_by="testbed")
        guest.start()
        (report,) = guest.reports
        assert report.unmatched == [COLOUR]
        assert f"dropped   {COLOUR} = <0x7>   <- no rule in ns16550a.dts names it" in report.text()
        guest.shutdown()

    def put(self, path: str, content: bytes) -> None:
        self.host.agent.put_file(path, content, deadline=self.deadline(20))
