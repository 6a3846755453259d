# SPDX-License-Identifier: MIT
"""A level line held high, and one toggled 100,000 times: masked as VFIO promises, host alive.

VFIO masks a level interrupt when it signals it ("automasked"): one event, until user space unmasks.
Source: include/uapi/linux/vfio.h and drivers/vfio/platform/vfio_platform_irq.c of Linux 6.12.
"""

from __future__ import annotations

from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor

from testbed.boards.board import ModelFactory
from testbed.channel import Stream
from testbed.machine.assignment import Assignment
from testbed.machine.guest import Guest
from testbed.scenario import Scenario
from testbed.scenario.held_uart import HeldUart
from testbed.scenario.tool import Tool
from testbed.scenario.traffic import exchange

UART = "/soc/serial@11d000"
SCRATCH = 7  # reading it changes nothing in a UART

TOGGLES = 100_000
UNMASKINGS = 1000
PULSES = 200
WAYS = ("none", "true", "eventfd")


class StuckUart(HeldUart):
    """A UART whose line toggles, too."""

    def pulse(self, times: int) -> None:
        """Pull the line up and let go of it, as fast as the bridge takes it."""
        for _ in range(times):
            self.hold(True)
            self.hold(False)


class InterruptStorm(Scenario):
    def models(self) -> dict[str, ModelFactory]:
        return {UART: lambda _: StuckUart(UART)}

    def test(self) -> None:
        self.uart = self.model(UART, StuckUart)
        assigned = self.host.assign(UART)
        argv = ["/testbed/bin/vfio-interrupts", assigned.name]
        with Tool(self.host.agent, argv, self.deadline(20)) as self.tool:
            self.events = 0
            self.give("arm", 0)
            before = self.host.interrupts(assigned.name)
            self.held_high()
            self.masked()
            self.triggered_by_hand()
            taken = self.host.interrupts(assigned.name) - before
            assert taken == self.events - self.by_hand, (
                f"the kernel took {taken} interrupts, VFIO signalled {self.events}"
                f" and {self.by_hand} of them by hand"
            )
            self.toggled(assigned)
            self.tool.finish(self.deadline(20))

        guest = self.boot_guest(assigned)
        with guest.open_serial_port(assigned) as port:
            self.storm_in(guest, assigned, port)
        for machine in (guest, self.host):
            assert "nobody cared" not in machine.succeed("dmesg")
        guest.shutdown()
        self.host.release(assigned)
        with self.host.open_serial_port(UART) as port:
            exchange(self.uart.line, port, self.random, (1, 100), self.deadline(30))

    # -- with a program that has the interrupt

    def give(self, command: str, events: int) -> dict[str, str]:
        """Give the program a command; so many events have come once it is done."""
        answer = self.tool.ask(command, self.deadline(60))
        assert "error" not in answer, f"{command}: {answer['error']}"
        if not command.startswith(("count", "cycle")):
            answer = self.tool.ask(f"count {SCRATCH}", self.deadline(20))
        came = int(answer["events"]) - self.events
        assert came == events, f"{command}: {came} events came, not {events}"
        self.events += came
        return answer

    def expect(self, events: int) -> None:
        """So many events have come since the last command, by what the line was before."""
        self.give(f"count {SCRATCH}", events)

    def drive(self, high: bool, events: int) -> None:
        """Hold the line, or let go of it; so many events come of that."""
        self.uart.hold(high)
        self.expect(events)

    def held_high(self) -> None:
        self.drive(True, 1)
        self.expect(0)
        for way in WAYS:
            answer = self.give(f"cycle {UNMASKINGS} {SCRATCH} {way}", UNMASKINGS)
            assert (answer["fewest"], answer["most"]) == ("1", "1"), f"unmasked by {way}: {answer}"
        self.give(f"cycle {UNMASKINGS} {SCRATCH} false", 0)
        self.drive(False, 0)
        self.give("unmask none", 0)

    def masked(self) -> None:
        for way in WAYS:
            self.give(f"mask {way}", 0)
            self.uart.pulse(PULSES)
            self.drive(True, 0)
            self.give(f"unmask {way}", 1)
            self.uart.pulse(PULSES)  # it is masked again by its event
            self.expect(0)
            self.give(f"unmask {way}", 0)
            self.give(f"mask {way}", 0)
            self.give(f"mask {way}", 0)  # masks do not nest
            self.drive(True, 0)
            self.give(f"unmask {way}", 1)
            self.drive(False, 0)
            self.give(f"unmask {way}", 0)
        self.give("mask false", 0)
        for _ in range(PULSES):  # each is one event for whoever keeps up
            self.drive(True, 1)
            self.drive(False, 0)
            self.give("unmask none", 0)
        self.give("disarm", 0)
        self.drive(True, 0)
        self.give("arm", 1)
        self.drive(False, 0)
        self.give("unmask none", 0)

    def triggered_by_hand(self) -> None:
        self.by_hand = 0
        for way in ("none", "true"):
            self.give(f"trigger {way}", 1)
            self.give(f"trigger {way}", 0)  # masked by the first
            self.drive(True, 0)
            self.give("unmask none", 1)
            self.drive(False, 0)
            self.give("unmask none", 0)
            self.by_hand += 1
        self.give("trigger false", 0)

    def toggled(self, assigned: Assignment) -> None:
        self.toggle_while(self.host_answers)
        self.expect(1)  # nobody unmasked
        self.give("unmask none", 0)

        before = self.host.interrupts(assigned.name)
        unmasked = int(self.tool.ask("serve on", self.deadline(20))["unmasked"])
        self.toggle_while(self.host_answers)
        self.wait_until(self.served, self.deadline(20), "every event to be served")
        answer = self.tool.ask("serve off", self.deadline(20))
        served = int(answer["unmasked"]) - unmasked
        came = int(answer["events"]) - self.events
        self.events += came
        taken = self.host.interrupts(assigned.name) - before
        assert 1 < came <= TOGGLES, f"{came} events of {TOGGLES} toggles"
        assert served == came, f"{came} events, and {served} unmaskings after them"
        assert taken == came, f"{came} events, the kernel took {taken} interrupts"

        self.expect(0)
        self.give("unmask none", 0)
        self.drive(True, 1)
        self.expect(0)
        self.drive(False, 0)
        self.give("unmask none", 0)

    def served(self) -> bool:
        """Whether the program has unmasked as often as it was interrupted, and is not again."""
        counts = [self.tool.ask("serve on", self.deadline(20)) for _ in range(2)]
        return counts[0] == counts[1]

    def host_answers(self) -> None:
        assert self.host.succeed("echo alive") == "alive\n"

    def toggle_while(self, alive: Callable[[], None]) -> None:
        """Toggle the line; AssertionError unless the machine answers meanwhile."""
        answers = 0
        with ThreadPoolExecutor(1) as pool:
            toggling = pool.submit(self.uart.pulse, TOGGLES)
            while not toggling.done():
                alive()
                answers += 1
            toggling.result()
        assert answers > 1, f"{answers} commands were answered while the line was toggled"

    # -- with a guest that has the device

    def storm_in(self, guest: Guest, assigned: Assignment, port: Stream) -> None:
        def guest_answers() -> None:
            assert guest.succeed("echo alive") == "alive\n"

        def interrupts() -> tuple[int, int]:
            """The guest's, then the host's, so that none of the guest's is unknown to the host."""
            mine = guest.interrupts(assigned)
            return mine, self.host.interrupts(assigned.name)

        def settled() -> bool:
            return interrupts() == interrupts()

        def works_on() -> None:
            self.wait_until(settled, self.deadline(60), "the low line's interrupts to end")
            exchange(self.uart.line, port, self.random, (1, 100), self.deadline(60))

        works_on()
        first = interrupts()
        self.uart.hold(True)
        # By the host's count: each unmasking is an answer of the guest, whose only CPU may do
        # nothing else meanwhile. KVM injects the next interrupt before it runs on, as a real one.
        self.wait_until(
            lambda: self.host.interrupts(assigned.name) > first[1] + UNMASKINGS,
            self.deadline(90),
            "the guest's kernel to answer each interrupt",
        )
        self.host_answers()
        self.uart.hold(False)
        works_on()
        held = interrupts()
        self.toggle_while(guest_answers)
        works_on()
        last = interrupts()
        assert held[0] - first[0] > UNMASKINGS, f"the guest took {held[0] - first[0]} interrupts"
        for before, after in ((first, held), (held, last)):
            in_guest, in_host = after[0] - before[0], after[1] - before[1]
            assert 0 < in_guest <= in_host, f"{in_guest} interrupts in the guest, {in_host} in VFIO"
