# SPDX-License-Identifier: MIT
"""The nested QEMU is killed with DMA in flight: nothing lands in memory that is another's then."""

import threading
from collections.abc import Sequence
from contextlib import ExitStack

from testbed.remoteport.device import BusError, Dma
from testbed.scenario import Scenario
from testbed.scenario.tool import Tool

SATA = "/soc/sata@221000"
RING = "/soc/crypto@300000/jr@1000"
PAGE = 4096
CANARY_PAGES = (500 << 20) // PAGE
ENOUGH = 50


class WatchedDma(Dma):
    """Counts writes that landed, and those among them begun after `released` was set."""

    def __init__(self) -> None:
        super().__init__()
        self.released = threading.Event()
        self.landed = 0
        self.late = 0

    def write(self, address: int, data: bytes, byte_enable: bytes | None = None) -> None:
        late = self.released.is_set()
        super().write(address, data, byte_enable)
        self.landed += 1
        self.late += late

    def write_many(self, pieces: Sequence[tuple[int, bytes]]) -> None:
        late = self.released.is_set()
        super().write_many(pieces)
        self.landed += 1
        self.late += late


class Stubborn(threading.Thread):
    """A device that goes on writing to a page of its guest, whatever resets it."""

    def __init__(self, dma: Dma, address: int) -> None:
        super().__init__(daemon=True)
        self._dma = dma
        self._address = address
        self._ending = threading.Event()
        self.refused = 0

    def run(self) -> None:
        while not self._ending.is_set() and self.refused < ENOUGH:
            try:
                self._dma.write(self._address, b"stubborn")
            except BusError:
                self.refused += 1

    def stop(self) -> None:
        self._ending.set()
        self.join()


class DmaAfterKill(Scenario):
    timeout = 240
    host_append = "cryptomgr.notests"

    def test(self) -> None:
        # One device is as the drivers know it, and stops when it is reset; the other never stops,
        # where an IOMMU can hold a device that nobody uses.
        reads, rogue = (self.watch(path) for path in (SATA, RING))
        sata, ring = (self.host.assign(path) for path in (SATA, RING))
        guest = self.boot_guest(sata, ring)
        disk = guest.disk(sata)
        page = Tool(guest.agent, self.canary(1), self.deadline(30))
        where = page.ask("where 0 0xffffffffffff", self.deadline(30))["address"]
        guest.agent.spawn(
            ["disk-io", disk, "read", "random", "65536", "32", "3600000"],
            deadline=self.deadline(20),
        )
        with ExitStack() as running:
            stubborn = None
            if self.host.board.iommu_for_host:
                stubborn = Stubborn(rogue, int(where, 16))
                stubborn.start()
                running.callback(stubborn.stop)
            before = reads.landed
            self.wait_until(
                lambda: reads.landed > before + ENOUGH and (not stubborn or rogue.landed > ENOUGH),
                self.deadline(30),
                "the devices to write to the guest's memory",
            )
            guest.kill()
            for dma in (reads, rogue):
                dma.released.set()
            # What was the guest's memory is other programs' now.
            with Tool(self.host.agent, self.canary(CANARY_PAGES), self.deadline(60)) as canary:
                self.wait_until(
                    lambda: not stubborn or stubborn.refused >= ENOUGH,
                    self.deadline(30),
                    "the stubborn device to be refused",
                )
                answer = canary.ask("check", self.deadline(60))
            assert answer["changed"] == "0", f"the host's memory changed at {answer['address']}"
        for path, dma in ((SATA, reads), (RING, rogue)):
            assert dma.late == 0, f"{dma.late} writes of {path} landed after its release"

        # The devices are as good as before for another guest.
        again = self.boot_guest(sata, ring)
        disk = again.disk(sata)
        again.succeed(f"disk-io {disk} read random 65536 32 200")

    def watch(self, path: str) -> WatchedDma:
        """Count the writes of the device at `path` from now on."""
        model = self.host.model(path)
        watched = WatchedDma()
        watched.link, watched.iommu, model.dma = model.dma.link, model.dma.iommu, watched
        return watched

    def canary(self, pages: int) -> list[str]:
        return ["memory-canary", str(pages), str(self.random.getrandbits(63))]
