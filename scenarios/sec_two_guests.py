# SPDX-License-Identifier: MIT
"""Two guests at the same time, each with a job ring of one SEC and the stock driver."""

from testbed.scenario import Scenario
from testbed.scenario.crypto import check_unharmed, compare, compare_together
from testbed.scenario.sec_devices import SEC_RINGS

REQUESTS = 20


class SecTwoGuests(Scenario):
    timeout = 300

    def test(self) -> None:
        assigned = [self.host.assign(path) for path in SEC_RINGS]
        guests = [self.boot_guest(ring, append="cryptomgr.notests") for ring in assigned]
        for guest, ring in zip(guests, assigned, strict=True):
            guest.load_driver(ring)
        before = [g.interrupts(a) for g, a in zip(guests, assigned, strict=True)]
        compare_together([g.agent for g in guests], self.random, REQUESTS, self.deadline(120))
        after = [g.interrupts(a) for g, a in zip(guests, assigned, strict=True)]
        assert all(a > b for a, b in zip(after, before, strict=True)), f"{before} to {after}"

        # One goes; the other does not notice, and the ring is the host's again.
        guests[0].kill()
        self.host.release(assigned[0])
        compare(self.host.agent, self.random, REQUESTS, self.deadline(60))
        compare(guests[1].agent, self.random, REQUESTS, self.deadline(60))
        guests[1].shutdown()
        self.host.release(assigned[1])
        compare(self.host.agent, self.random, REQUESTS, self.deadline(60))
        check_unharmed(self.host)
