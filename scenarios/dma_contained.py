# SPDX-License-Identifier: MIT
"""A device of one guest reaches that guest's memory and nothing else, by order of the IOMMU."""

import re

from testbed.machine.guest import Guest
from testbed.scenario import Scenario
from testbed.scenario.containment import check_refused
from testbed.scenario.tool import Tool

PAGE = 4096
PAGES = 256


class DmaContained(Scenario):
    timeout = 240
    host_append = "cryptomgr.notests"
    DEVICES = ("/soc/crypto@300000/jr@1000", "/soc/crypto@300000/jr@2000")

    def test(self) -> None:
        assigned = [self.host.assign(path) for path in self.DEVICES]
        guests = [self.boot_guest(device) for device in assigned]
        (guest, other), (device, _) = guests, assigned
        # Where the guest's own memory is, a bus address means that memory, not the host's.
        memory = range(self.host.board.guest_memory_start, self.host.board.guest_memory_end)

        # More than lies there, so that some of it is the host's at another address.
        many = self.canary(len(memory) // PAGE + 1)

        with (
            Tool(self.host.agent, many, self.deadline(60)) as host_canary,
            Tool(other.agent, self.canary(), self.deadline(30)) as other_canary,
        ):
            host_page = self.address(host_canary, memory.stop)
            other_page = self.host_address(other, other_canary, memory)

            places = {
                memory.stop: "above the guest's memory",
                memory.stop - 8: "across the end of the guest's memory",
                host_page: "the host's memory",
                other_page: "the other guest's memory",
            }
            if memory.start:
                places[memory.start - PAGE] = "below the guest's memory"
            for address, where in places.items():
                with Tool(guest.agent, self.canary(), self.deadline(30)) as own_canary:
                    check_refused(self, device.path, address, where)
                    self.intact(own_canary, guest.name)

            # The same address in both guests: the device reaches its own guest's only.
            with Tool(guest.agent, self.canary(), self.deadline(30)) as own_canary:
                page = self.address(own_canary, memory.start)
                self.host.model(device.path).dma.write(page + 16, self.random.randbytes(16))
                assert own_canary.ask("check", self.deadline(30))["changed"] == "1"
            self.intact(host_canary, "the host")
            self.intact(other_canary, other.name)
        for machine in (guest, other, self.host):
            assert machine.succeed("echo alive").strip() == "alive"

    def canary(self, pages: int = PAGES) -> list[str]:
        return ["memory-canary", str(pages), str(self.random.getrandbits(63))]

    def address(self, canary: Tool, low: int, high: int = 1 << 48) -> int:
        """The physical address, as its machine has it, of a canary page at or above `low`."""
        answer = canary.ask(f"where {low:#x} {high:#x}", self.deadline(30))
        assert "address" in answer, f"{canary.name}: no page of it lies above {low:#x}"
        return int(answer["address"], 16)

    def host_address(self, guest: Guest, canary: Tool, own: range) -> int:
        """Where the host has a canary page of `guest`, outside of `own` bus addresses."""
        page = 0
        while True:
            page = self.address(canary, page)
            answer = guest.qmp.monitor(f"gpa2hpa {page:#x}")
            found = re.search(r"is 0x([0-9a-f]+)", answer)
            assert found, f"{guest.name}'s QEMU: {answer}"
            if (host_page := int(found[1], 16)) not in own:
                return host_page
            page += PAGE

    def intact(self, canary: Tool, machine: str) -> None:
        answer = canary.ask("check", self.deadline(30))
        assert answer["changed"] == "0", f"memory of {machine} changed at {answer['address']}"
