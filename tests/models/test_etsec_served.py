# SPDX-License-Identifier: MIT
"""eTSEC behind its real server and socket, its far end used from another thread, as in a run."""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from etsec_rig import GRS, GRSC, GTS, GTSC, IEVENT, RXF, TSTAT, TXF, Rig, frame
from sata_rig import Machine, seeded

from models.alarm import WallAlarm
from testbed.deadline import Deadline
from testbed.remoteport.server import Server


class Driven(Rig):
    """The rig's driver, over a socket."""

    machine: Machine

    def read(self, offset: int, size: int = 4) -> int:
        return self.machine.read(0, offset, size)

    def write(self, offset: int, value: int, size: int = 4) -> None:
        self.machine.write(0, offset, size, value)

    def work(self) -> None:
        """The server does it."""

    def far_end(self, act: Callable[[], None]) -> None:
        """Let another thread do that; this one is the machine, and serves DMA meanwhile."""
        thread = threading.Thread(target=act)
        thread.start()
        deadline = Deadline(10)
        while thread.is_alive():
            assert not deadline.expired
            self.read(IEVENT)
        thread.join()

    def far_end_sends(self, frames: list[bytes]) -> None:
        def send() -> None:
            for data in frames:
                self.line.send(data)

        self.far_end(send)


@pytest.fixture
def rig(tmp_path: Path) -> Iterator[Driven]:
    rig = Driven(ring=64, alarm=WallAlarm)
    server = Server(rig.etsec, tmp_path / "etsec.sock")
    server.start()
    rig.machine = Machine.connect(tmp_path / "etsec.sock", byteorder="big")
    rig.machine.sparse = rig.memory
    rig.start()
    yield rig
    rig.machine.close()
    server.stop()
    assert server.failure is None


def test_frames_both_ways(rig: Driven) -> None:
    choice = seeded()
    there = [frame(1500, fill=choice.randrange(256)) for _ in range(500)]
    rig.far_end_sends(there)
    got: list[bytes] = []
    sent = 0
    deadline = Deadline(60)
    while len(got) < len(there) or sent < len(there):
        assert not deadline.expired, f"{len(got)} received, {sent} sent"
        rig.write(IEVENT, RXF)
        while (one := rig.received()) is not None:
            got.append(one[1][:-4])
        if sent < len(there) and not rig.peek_bd(0x10_0000, rig.tx_next)[0] & 0x8000:
            rig.queue(there[sent])
            rig.write(TSTAT, 0x80000000)
            sent += 1
    rig.machine.until(TSTAT, 0x80000000, 0x80000000)
    assert got == there
    assert [rig.line.receive(deadline) for _ in there] == there
    assert rig.read(IEVENT) & TXF


def test_lines_follow_events(rig: Driven) -> None:
    rig.far_end_sends([frame()])
    rig.machine.wait_wire(1, True)
    rig.write(IEVENT, RXF)
    rig.machine.wait_wire(1, False)
    rig.send(frame(70))
    rig.machine.wait_wire(0, True)
    assert rig.line.receive(Deadline(10)) == frame(70)
    rig.write(IEVENT, TXF)
    rig.machine.wait_wire(0, False)


def test_coalescing_by_the_clock(rig: Driven) -> None:
    rig.write(0x310, 0x80000000 | 200 << 21 | 2000)
    rig.far_end_sends([frame()])
    rig.machine.wait_wire(1, True)


def test_stop_while_frames_come(rig: Driven) -> None:
    rig.far_end_sends([frame()] * 200)
    rig.write(IEVENT, 0xFFFFFFFF)
    rig.write(0x2C, 0xC3 | GRS | GTS)
    rig.machine.until(IEVENT, GRSC | GTSC, GRSC | GTSC)
    rig.far_end(lambda: rig.line.wait_drained(Deadline(5)))
