# SPDX-License-Identifier: MIT
"""An Ethernet controller and its PHY, which is another device's: a guest gets both, or is refused.

The guest's gianfar follows a phandle from its controller to the PHY on the MDIO bus. Checksums are
the controller's work both ways: the far end looks at every one, and spoils some.
"""

from pathlib import Path

from models.etsec import Etsec
from testbed.errors import TestbedError
from testbed.machine.assignment import Assignment
from testbed.machine.guest import Guest
from testbed.scenario import Scenario
from testbed.scenario.ethernet import BROADCAST
from testbed.scenario.network import Interface

MDIO = "/soc/mdio@24000"
ETHERNET = "/soc/ethernet@b0000"
FIXED_LINK = Path(__file__).with_name("etsec_fixed_link.dts")
IMASK, RQUEUE, MACCFG1 = 0x014, 0x314, 0x500


class EtsecScenario(Scenario):
    # The other board has a host without an eTSEC: QorIQ parts with Arm cores have newer ones.
    boards = ("e500",)
    timeout = 300

    def test(self) -> None:
        self.host_drives()

        # The controller's driver holds the PHY while the bus is there: it goes first.
        ethernet = self.host.assign(ETHERNET)
        mdio = self.host.assign(MDIO)
        guest = self.boot_guest(mdio, ethernet)
        guest.load_driver(mdio)
        interface = Interface(guest, guest.network_interface(ethernet), self.etsec.line)
        self.bring_up(interface)
        self._run.note(interface.exchange(self.random, 10_000, self.deadline(120)))
        self.pull_the_cable(interface)
        self.kill(guest, interface)

        self.host.release(mdio)
        self.host.release(ethernet)
        self.host_drives()
        self.without_the_phy()

    def host_drives(self) -> None:
        self.host.load_driver(MDIO)
        interface = Interface(self.host, self.host.network_interface(ETHERNET), self.etsec.line)
        self.bring_up(interface)
        interface.exchange(self.random, 500, self.deadline(30))
        interface.down()

    def bring_up(self, interface: Interface) -> None:
        interface.up()
        self.wait_until(lambda: interface.carrier, self.deadline(20), "the link to come up")
        assert interface.mac(self.deadline(20)) == self.host.node(ETHERNET).get("local-mac-address")

    def pull_the_cable(self, interface: Interface) -> None:
        """The machine sees by its PHY that the link is lost, and that it is back."""
        self.etsec.line.disconnect()
        self.wait_until(lambda: not interface.carrier, self.deadline(20), "the link to be lost")
        self.etsec.line.connect()
        self.wait_until(lambda: interface.carrier, self.deadline(20), "the link to come back")
        interface.exchange(self.random, 500, self.deadline(30))

    def kill(self, guest: Guest, interface: Interface) -> None:
        """While frames come in. The reset leaves a controller that does no DMA."""
        interface.break_off(self.random, self.deadline(60))
        guest.kill()
        etsec = self.etsec
        with etsec.lock:
            left = {offset: etsec.read(0, offset, 4) for offset in (IMASK, RQUEUE, MACCFG1)}
        assert not any(left.values()), f"after the guest's death the eTSEC holds {left}"
        lines = [wire for wire in etsec.wires if etsec.wire_level(wire)]
        assert not lines, f"after the guest's death the eTSEC asserts {lines}"
        taken = etsec.line.counts.taken
        etsec.line.send(BROADCAST.ljust(60, b"\0"))
        etsec.line.wait_drained(self.deadline(10))
        assert etsec.line.counts.taken == taken, "the eTSEC received a frame for nobody"
        faults = self.host.iommu_faults()
        assert not faults, f"the controller's DMA was refused: {faults}"
        etsec.line.receive_all()  # what the victim had sent last

    def without_the_phy(self) -> None:
        """Its phandle leads nowhere then, unless a fragment says what to do without."""
        ethernet = self.host.assign(ETHERNET)
        phy = self.host.node(f"{MDIO}/ethernet-phy")
        wanted = f"leads to {phy.path}, which the guest does not get"
        assert wanted in self.refusal(ethernet), "no word of what the guest's node leads to"
        self.host.release(ethernet)

        ethernet = self.host.assign(ETHERNET, fragment=FIXED_LINK)
        guest = self.boot_guest(ethernet)
        interface = Interface(guest, guest.network_interface(ethernet), self.etsec.line)
        self.bring_up(interface)
        interface.exchange(self.random, 500, self.deadline(30))
        guest.shutdown()
        self.host.release(ethernet)

    def refusal(self, assignment: Assignment) -> str:
        """Why there is no guest that has this."""
        try:
            self.boot_guest(assignment)
        except TestbedError as error:
            return error.message
        raise AssertionError(f"a guest was given {assignment.path} alone")

    @property
    def etsec(self) -> Etsec:
        return self.model(ETHERNET, Etsec)
