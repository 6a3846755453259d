# SPDX-License-Identifier: MIT
"""The same guest's tree is made by the testbed and by nested QEMU, and they are equal.

Only a SEC of which the guest gets rings lies elsewhere: the testbed has nothing but the guest's
memory to put in its place, QEMU a window on the platform bus. What they lead to is the same.
"""

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import replace

from testbed.devicetree.address import cpu_address, linux_name, parent, register_windows
from testbed.devicetree.difference import Difference, differences
from testbed.devicetree.tree import Node
from testbed.machine.assignment import Assignment
from testbed.machine.guest import Guest
from testbed.options import TreeMaker
from testbed.paths import FRAGMENTS
from testbed.scenario import Scenario
from testbed.scenario.sata import SATA
from testbed.scenario.sec_devices import SEC_RINGS
from testbed.scenario.uart import UARTS

RANDOM = ("rng-seed", "kaslr-seed")  # QEMU makes these anew each time
WINDOW = 0x10000  # bytes in the SEC's place
PAGE, CSTA = 0x1000, 0xFD4  # the status register in each of its pages


class GuestTrees(Scenario):
    guest_tree = "qemu"
    # A job ring cannot be taken from its driver while the kernel tests its algorithms.
    host_append = "cryptomgr.notests"

    def test(self) -> None:
        uarts = [self.host.assign(path) for path in UARTS]
        sata = self.host.assign(SATA)
        by_file = replace(uarts[1], fragment=FRAGMENTS / "ns16550a.dts")
        for some in ([*uarts, sata], [by_file]):
            with self.started(some, "testbed") as guest:
                ours = guest.read_tree()
            with self.started(some, "qemu") as guest:
                theirs = guest.read_tree()
            self.check(differences(ours, theirs, without=RANDOM))
        rings = [self.host.assign(path) for path in SEC_RINGS]
        self.rings(rings[:1])
        self.rings(rings)

    def rings(self, rings: Sequence[Assignment]) -> None:
        """The trees of a guest with job rings differ in where the SEC lies, and in nothing else."""
        with self.started(rings, "testbed") as guest:
            ours, our_sec = guest.read_tree(), self.sec(guest, rings)
            content = self.memory(guest, our_sec)
            names = [linux_name(guest.tree, guest.node(ring)) for ring in rings]
        with self.started(rings, "qemu") as guest:
            theirs, their_sec = guest.read_tree(), self.sec(guest, rings)
            their_content = self.memory(guest, their_sec)
            # By their addresses, through all that lies above them.
            assert names == [linux_name(guest.tree, guest.node(ring)) for ring in rings]

        # What the driver reads of the SEC is in both windows; QEMU's has more, from the real rings.
        words = [
            (at, content[at : at + 4], their_content[at : at + 4]) for at in range(0, WINDOW, 4)
        ]
        differing = [at for at, one, other in words if any(one) and not alike(at, one, other)]
        assert not differing, f"the SEC's registers {[hex(at) for at in differing]} differ"

        found = differences(ours, theirs, without=RANDOM, moved={our_sec.path: their_sec.path})
        in_place = self.in_place_of_memory(our_sec)
        self.check([each for each in found if (each.path, each.name) not in in_place])
        assert len(found) == len(in_place), f"{found} are not all of {in_place}"

    def in_place_of_memory(self, sec: Node) -> set[tuple[str, str]]:
        """The differences that come from the testbed's SEC being memory."""
        places = {(sec.path, "reg"), (sec.path, "ranges"), ("/stand-ins", "")}
        if self.host.board.complete_tree:
            return places | {("/memory", "reg")}  # ends before it
        return places | {("/reserved-memory", ""), (f"/reserved-memory/{sec.name}", "")}

    @staticmethod
    def sec(guest: Guest, rings: Sequence[Assignment]) -> Node:
        """The node that stands for the SEC above its rings, the same for all of them."""
        above = [parent(guest.tree, guest.node(ring)) for ring in rings]
        assert len({node.path for node in above}) == 1, "the rings have several SECs"
        return above[0]

    def memory(self, guest: Guest, sec: Node) -> bytes:
        """What the guest's CPU would read in the SEC's place."""
        ((address, size),) = register_windows(guest.tree, sec)
        assert size == WINDOW
        file = f"/run/testbed/{guest.name}/sec"
        guest.qmp.execute(
            "pmemsave",
            {"val": cpu_address(guest.tree, sec, address), "size": size, "filename": file},
        )
        return self.host.agent.get_file(file, deadline=self.deadline(20))

    @contextmanager
    def started(self, devices: Sequence[Assignment], maker: TreeMaker) -> Iterator[Guest]:
        """A guest with these devices and a tree by `maker`, whose CPU stands still."""
        guest = self.prepare_guest(devices, tree_by=maker)
        guest.start()
        try:
            yield guest
        finally:
            guest.shutdown()

    @staticmethod
    def check(found: Sequence[Difference]) -> None:
        assert not found, f"{len(found)} differences: {'; '.join(map(str, found))}"


def alike(at: int, ours: bytes, theirs: bytes) -> bool:
    """Whether a register is the same; of the status the testbed gives what never changes."""
    if at % PAGE == CSTA:
        return all(one & other == one for one, other in zip(ours, theirs, strict=True))
    return ours == theirs
