# SPDX-License-Identifier: MIT
"""eTSEC: the far end of the cable, as a scenario uses it from its own thread."""

from __future__ import annotations

import threading

import pytest
from etsec_rig import Rig, frame

from models.etsec import LineFull, LineTimeout
from testbed.deadline import Deadline


@pytest.fixture
def rig() -> Rig:
    rig = Rig()
    rig.start()
    return rig


def test_waiting_for_a_frame(rig: Rig) -> None:
    sender = threading.Thread(target=rig.send, args=(frame(90),))
    sender.start()
    assert rig.line.receive(Deadline(10)) == frame(90)
    sender.join()
    assert rig.line.counts.transmitted == 1


def test_waiting_in_vain(rig: Rig) -> None:
    with pytest.raises(LineTimeout, match=r"etsec: waited 0\.01 s for a frame; the device sent 0"):
        rig.line.receive(Deadline(0.01))
    rig.line.send(frame())
    with pytest.raises(LineTimeout, match="took 0 of 1, the link is up"):
        rig.line.wait_drained(Deadline(0.01))
    rig.work()
    rig.line.wait_drained(Deadline(0.01))


def test_both_queues_are_bounded(rig: Rig) -> None:
    rig.line.capacity = 5
    for _ in range(7):
        rig.send(frame())
    assert len(rig.sent()) == 5
    assert rig.line.counts.lost == 2
    for _ in range(5):
        rig.line.send(frame())
    with pytest.raises(LineFull, match="5 frames wait for the device; wait_drained"):
        rig.line.send(frame())


def test_what_is_no_frame(rig: Rig) -> None:
    for size in (0, 0x10000):
        with pytest.raises(ValueError, match=f"a frame of {size} bytes; give 1 to 65531"):
            rig.line.send(bytes(size))


def test_pulling_the_cable_loses_what_is_on_it(rig: Rig) -> None:
    seen = []
    rig.line.watch(lambda: seen.append(rig.line.link))
    rig.line.send(frame())
    rig.line.disconnect()
    rig.line.send(frame())
    rig.work()
    assert rig.received() is None
    assert rig.line.counts.lost == 2
    rig.line.connect()
    rig.line.connect()
    assert seen == [False, True]
    rig.line.send(frame())
    rig.work()
    assert rig.received() is not None


def test_frames_for_a_device_that_does_not_listen_are_dropped() -> None:
    rig = Rig()
    rig.line.send(frame())
    rig.work()
    assert (rig.line.pending, rig.line.counts.dropped) == (0, 1)


def test_ten_thousand_frames_each_way() -> None:
    """None lost, none out of order; how long it takes is the test's own limit."""
    rig = Rig(ring=256)
    rig.start()
    count = 10_000
    for number in range(count):
        rig.line.send(frame(56) + number.to_bytes(4, "big"))
    got = 0
    deadline = Deadline(60)
    while got < count:
        assert not deadline.expired
        rig.write(0x10, 0x80)
        rig.work()
        while (one := rig.received()) is not None:
            assert one[1][56:60] == got.to_bytes(4, "big")
            got += 1
    for number in range(count):
        rig.queue(frame(56) + number.to_bytes(4, "big"))
        if number % 200 == 199:
            rig.write(0x104, 0x80000000)
            rig.work()
    assert [data[56:60] for data in rig.sent()] == [n.to_bytes(4, "big") for n in range(count)]
