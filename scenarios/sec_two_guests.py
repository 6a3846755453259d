# SPDX-License-Identifier: MIT
"""Two guests at the same time, each with a job ring of one SEC and the stock driver."""

from testbed.channel import AgentClient
from testbed.scenario import Scenario
from testbed.scenario.crypto import check_unharmed, compare, compare_together
from testbed.scenario.sec_devices import SEC_RINGS, sec_of

REQUESTS = 20


class SecTwoGuests(Scenario):
    timeout = 300

    def test(self) -> None:
        assigned = [self.host.assign(path) for path in SEC_RINGS]
        guests = [self.boot_guest(ring, append="cryptomgr.notests") for ring in assigned]
        for guest, ring in zip(guests, assigned, strict=True):
            guest.load_driver(ring)
        agents = [guest.agent for guest in guests]
        self.chacha = bool(sec_of(self.host.devices).ccha)
        before = [g.interrupts(a) for g, a in zip(guests, assigned, strict=True)]
        limit = self.deadline(120)
        compare_together(agents, self.random, REQUESTS, limit, chacha=self.chacha)
        after = [g.interrupts(a) for g, a in zip(guests, assigned, strict=True)]
        assert all(a > b for a, b in zip(after, before, strict=True)), f"{before} to {after}"

        # One goes; the other does not notice, and the ring is the host's again.
        guests[0].kill()
        self.host.release(assigned[0])
        self.agree(self.host.agent)
        self.agree(guests[1].agent)
        guests[1].shutdown()
        self.host.release(assigned[1])
        self.agree(self.host.agent)
        check_unharmed(self.host)

    def agree(self, agent: AgentClient) -> None:
        compare(agent, self.random, REQUESTS, self.deadline(60), chacha=self.chacha)
