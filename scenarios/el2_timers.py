# SPDX-License-Identifier: MIT
"""A host restored with the bridge's repair of EL2 timers ticks; without it, its tick is dead.

An idle CPU's timer is set anew when anything wakes it, and a timer that has gone off is saved as
the interrupt it has become: either hides what QEMU loses, the second often on a loaded machine. So
the tick of this host goes on when it is idle (`nohz=off`), and it is saved when no interrupt of its
timer is under way.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

from testbed.machine.guest import Guest
from testbed.machine.host import Host
from testbed.machine.template import MEMORY, STATE, Template
from testbed.scenario import Scenario
from testbed.scenario.tick import Tick, interrupted

APPEND = "nohz=off"
SWITCHED_OFF = ("el2-timers=off",)
SLEEP_SECONDS = "0.01"
SPAN = 250_000_000  # ns, some sixty ticks


class El2Timers(Scenario):
    boards = ("arm-virt",)  # no other has an EL2

    def test(self) -> None:
        with self.saved() as template:
            with self.running("repaired", template=template) as host:
                self.ticks(host)
            with self.running("unrepaired", template=template, bridge=SWITCHED_OFF) as host:
                self.stands_still(host)

    def ticks(self, host: Host) -> None:
        """Its timer interrupts, a program that sleeps wakes up, a guest boots."""
        first = Tick.of(host)
        host.succeed(["sleep", SLEEP_SECONDS])
        self.wait_until(
            lambda: Tick.of(host).interrupts > first.interrupts + 10, self.deadline(20), "ticks"
        )
        Guest(host, "guest0", []).boot()

    def stands_still(self, host: Host) -> None:
        """Its time goes on past when the timer was due, and there is no interrupt."""
        first = Tick.of(host)
        late = max(first.now, first.due) + SPAN
        sleeper = host.agent.spawn(["sleep", SLEEP_SECONDS], deadline=self.deadline(20))
        self.wait_until(lambda: Tick.of(host).now > late, self.deadline(30), "its time to go on")
        last = Tick.of(host)
        assert (last.due, last.interrupts) == (first.due, first.interrupts), (
            f"the host ticks without the repair: {first} became {last}"
        )
        assert not interrupted(host), f"the timer interrupts without the repair: {last}"
        state = host.succeed(["grep", "State", f"/proc/{sleeper.pid}/status"])
        assert "sleeping" in state, f"{SLEEP_SECONDS} s are over for a program: {state}"

    @contextmanager
    def saved(self) -> Iterator[Template]:
        """A host that was saved at a moment when its timer was set, and had not gone off."""
        folder = self.host.run.folder("saved")
        memory, state = folder / MEMORY, folder / STATE
        try:
            with self.running("saved", memory=memory) as host:
                deadline = self.deadline(60)
                host.save(state)
                while interrupted(host):
                    assert not deadline.expired, "the timer had gone off each time it was saved"
                    self.go_on(host)
                    host.save(state)
            yield Template(folder, "'saved'")
        finally:
            memory.unlink(missing_ok=True)
            state.unlink(missing_ok=True)

    def go_on(self, host: Host) -> None:
        """Let a host run that was saved."""
        self.wait_until(
            lambda: bool(host.qmp.execute("query-status")["status"] == "postmigrate"),
            self.deadline(20),
            "QEMU to be done with saving",
        )
        host.qmp.execute("cont")

    @contextmanager
    def running(self, name: str, **arguments: Any) -> Iterator[Host]:
        """A host made of the parts of the scenario's own, with these `arguments` besides."""
        own = self.host
        host = Host(
            own.run,
            own.board,
            own.artifacts,
            guest_qemu=own.guest_qemu,
            append=APPEND,
            name=name,
            **arguments,
        )
        try:
            host.boot()
            yield host
        finally:
            host.shutdown()
