# SPDX-License-Identifier: MIT
"""Job rings are assigned as such: nested QEMU gives them a SEC to lie in, for the stock driver."""

from collections.abc import Sequence

from testbed.channel import AgentClient
from testbed.machine.assignment import Assignment
from testbed.scenario import Scenario
from testbed.scenario.crypto import check_unharmed, compare_together
from testbed.scenario.sec_devices import SEC_RINGS, sec_of
from testbed.scenario.typed import check_refused, check_typed

REQUESTS = 40


class TypedSec(Scenario):
    timeout = 300
    guest_tree = "qemu"
    # A job ring cannot be taken from its driver while the kernel tests its algorithms.
    host_append = "cryptomgr.notests"

    def test(self) -> None:
        rings = [self.host.assign(path) for path in SEC_RINGS]
        check_refused(
            self, f"vfio-platform-uart,host={rings[0].name}", "which vfio-platform-uart is not for"
        )
        self.guest_uses(rings[:1], by_path=True)
        self.guest_uses(rings, by_path=False)
        for ring in rings:
            self.host.release(ring)
        self.agree(self.host.agent, 1)
        check_unharmed(self.host)

    def guest_uses(self, rings: Sequence[Assignment], *, by_path: bool) -> None:
        """The guest's driver answers random requests as the workstation does, with every ring."""
        guest = self.prepare_guest(rings, append="cryptomgr.notests", by_path=by_path)
        guest.boot()
        for ring in rings:
            check_typed(guest, ring, "vfio-platform-sec-jr")
            guest.load_driver(ring)
        windows = guest.qmp.monitor("info mtree -f").count(": sec-controller")
        assert windows == 1, f"{windows} windows stand for one SEC"
        before = [guest.interrupts(ring) for ring in rings]
        self.agree(guest.agent, len(rings))
        after = [guest.interrupts(ring) for ring in rings]
        assert all(a > b for a, b in zip(after, before, strict=True)), f"{before} to {after}"
        check_unharmed(guest)
        guest.shutdown()

    def agree(self, agent: AgentClient, together: int) -> None:
        """So many requests are under way at a time: the driver spreads them over its rings."""
        chacha = bool(sec_of(self.host.devices).ccha)
        compare_together(
            [agent] * together, self.random, REQUESTS, self.deadline(120), chacha=chacha
        )
