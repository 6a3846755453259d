# SPDX-License-Identifier: MIT
"""The kernel's own crypto self-tests with one SEC or another: in the host, then in a guest."""

from __future__ import annotations

from typing import ClassVar

from models.sec import SecConfig, SecController
from testbed.boards import Board, PlatformDevice
from testbed.deadline import Deadline
from testbed.scenario.base import Scenario
from testbed.scenario.caam_algorithms import expected_algorithms
from testbed.scenario.crypto import Machine, check_algorithms, check_unharmed, compare
from testbed.scenario.sec_devices import SEC, SEC_RINGS, with_sec

_REQUESTS = 40
_HOST_SECONDS = 120
_GUEST_SECONDS = 90
"""From loading the driver on: what the project promises of a nested guest."""


class SecSelftestScenario(Scenario):
    """A SEC, the board's or `sec`, passes them in the host and through an assigned ring."""

    timeout = 300
    sec: ClassVar[SecConfig | None] = None

    def devices(self, board: Board) -> tuple[PlatformDevice, ...]:
        return board.devices if self.sec is None else with_sec(board.devices, self.sec)

    def test(self) -> None:
        ring = SEC_RINGS[0]
        limit = self.deadline(_HOST_SECONDS)
        self.host.load_driver(ring)
        self.check(self.host, limit)

        assigned = self.host.assign(ring)
        before = self.host.interrupts(assigned.name)
        guest = self.boot_guest(assigned)
        limit = self.deadline(_GUEST_SECONDS)
        guest.load_driver(assigned, seconds=_GUEST_SECONDS)
        self.check(guest, limit)
        # More than VFIO's are those of a line that QEMU was not told to lower: a guest that still
        # has the registers mapped, which QEMU took away, answers interrupts by itself.
        in_guest = guest.interrupts(assigned)
        in_host = self.host.interrupts(assigned.name) - before
        assert 0 < in_guest <= in_host, f"{in_guest} interrupts in the guest, {in_host} in VFIO"
        for machine in (self.host, guest):
            check_unharmed(machine)

    def check(self, machine: Machine, limit: Deadline) -> None:
        """Every algorithm this SEC has is there and tested, and agrees with the workstation's."""
        config = self.model(SEC, SecController).config
        assert f"(Era {config.era})" in machine.succeed("dmesg"), "the driver sees another SEC"
        check_algorithms(machine, expected_algorithms(config), limit)
        compare(machine.agent, self.random, _REQUESTS, limit, chacha=bool(config.ccha))
