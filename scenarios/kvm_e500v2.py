# SPDX-License-Identifier: MIT
"""Nested guests boot under KVM 50 times in a row, with no oops in the host and no hang.

Needs the kernel patches of kernel-patches/kvm-e500: without the first the host dies at the first
exit of a guest, without the second at the first system call in it.
"""

from testbed.scenario import Scenario
from testbed.scenario.crypto import check_unharmed

BOOTS = 50
SECONDS = 30


class KvmE500v2(Scenario):
    # What it is about is this CPU's KVM; elsewhere each boot takes ten seconds.
    boards = ("e500",)
    timeout = 600

    def test(self) -> None:
        for _ in range(BOOTS):
            guest = self.boot_guest(seconds=SECONDS)
            assert "enabled" in guest.qmp.monitor("info kvm")
            token = f"{self.random.getrandbits(64):x}"
            assert guest.succeed(f"echo {token}") == f"{token}\n"
            check_unharmed(guest)
            guest.shutdown()
        check_unharmed(self.host)
