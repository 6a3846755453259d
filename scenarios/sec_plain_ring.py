# SPDX-License-Identifier: MIT
"""Job rings of a SEC that has no controller node, in the host and in two guests, one ring each.

The driver is the kernel's with the patches of kernel-patches/caam-plain-job-ring.
"""

from dataclasses import replace

from testbed.boards import Board, PlatformDevice
from testbed.machine.assignment import Assignment
from testbed.machine.guest import Guest
from testbed.scenario import Scenario
from testbed.scenario.caam_algorithms import expected_algorithms
from testbed.scenario.crypto import (
    Machine,
    check_algorithms,
    check_unharmed,
    compare,
    compare_together,
    load_plain_job_ring,
)
from testbed.scenario.sec_devices import plain_rings, sec_of

RINGS = ("/soc/jr@301000", "/soc/jr@302000")
DRIVER = "caam_jr"
REQUESTS = 20


class SecPlainRing(Scenario):
    timeout = 300

    def devices(self, board: Board) -> tuple[PlatformDevice, ...]:
        # As firmware leaves it behind on a machine of long addresses: no driver has the controller.
        self.sec = replace(sec_of(board.devices), long_pointers=True, rng_instantiated=True)
        return plain_rings(board.devices, self.sec)

    def test(self) -> None:
        assert not any(node.path.startswith("/soc/crypto") for node in self.host.tree.root.walk())
        self.load(self.host)
        for path in RINGS:
            assert self.host.load_driver(path) == DRIVER
        self.check(self.host)

        assigned = [self.host.assign(path) for path in RINGS]
        first = self.boot(assigned[0])
        second = self.boot(assigned[1], append="cryptomgr.notests")
        self.check(first)
        guests = (first, second)
        before = [g.interrupts(a) for g, a in zip(guests, assigned, strict=True)]
        agents = [guest.agent for guest in guests]
        limit = self.deadline(120)
        compare_together(agents, self.random, REQUESTS, limit, chacha=bool(self.sec.ccha))
        after = [g.interrupts(a) for g, a in zip(guests, assigned, strict=True)]
        assert all(a > b for a, b in zip(after, before, strict=True)), f"{before} to {after}"

        for guest, ring in zip(guests, assigned, strict=True):
            guest.shutdown()
            self.host.release(ring)
        self.check(self.host)
        check_unharmed(self.host)

    def boot(self, ring: Assignment, *, append: str = "") -> Guest:
        """A guest that has the ring, its driver, and nothing else of the SEC."""
        guest = self.boot_guest(ring, append=append)
        assert guest.node(ring).path.startswith(self.host.board.guest_bus.node)
        guest.mount_system()
        self.load(guest)
        assert guest.load_driver(ring) == DRIVER
        return guest

    def load(self, machine: Machine) -> None:
        load_plain_job_ring(machine)
        log = machine.succeed("dmesg")
        assert f"(Era {self.sec.era}), no controller, 64 bit pointers" in log
        assert machine.succeed("head -c 64 /dev/hwrng | wc -c").strip() == "64"

    def check(self, machine: Machine) -> None:
        """Every algorithm this SEC has is there and tested, and agrees with the workstation's."""
        check_algorithms(machine, expected_algorithms(self.sec), self.deadline(120))
        limit = self.deadline(120)
        compare(machine.agent, self.random, REQUESTS, limit, chacha=bool(self.sec.ccha))
