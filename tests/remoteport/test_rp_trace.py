# SPDX-License-Identifier: MIT
from __future__ import annotations

import re
import threading
from collections.abc import Callable
from pathlib import Path

import pytest
from rp_rig import DOORBELL, REFUSED, Memory

from testbed.deadline import Deadline
from testbed.errors import TestbedError
from testbed.remoteport.client import Client
from testbed.remoteport.device import BusError
from testbed.remoteport.server import Server
from testbed.remoteport.trace import Trace


class Ringing(Memory):
    """Raises its wire and copies eight bytes when the doorbell rings."""

    def on_doorbell(self, value: int) -> None:
        self.set_wire("interrupt", True)
        self.dma.write(value + 8, self.dma.read(value, 8))


def test_a_trace_reads_as_the_driver_acted(
    tmp_path: Path, serve: Callable[..., Server], connect: Callable[..., Client]
) -> None:
    trace = Trace(tmp_path / "trace")
    server = serve(Ringing("dma0"), trace=trace)
    client = connect(server, memory=bytearray(64))
    client.write(0, 0, 4, 0xA0000001)
    client.write(0, 4, 4, 0)
    client.read(0, 4, 4)
    client.write(0, DOORBELL, 4, 0x10)
    with pytest.raises(BusError):
        client.read(0, REFUSED, 4)
    with pytest.raises(BusError):
        client.write(0, REFUSED, 2, 7)
    client.read(1, 0xFF0, 8)
    client.reset()
    client.load_state(client.save_state())
    with pytest.raises(BusError):
        client.load_state(b"{}")
    client.close()
    server.wait_disconnected(Deadline(5))
    trace.close()
    lines = trace.path.read_text().splitlines()
    assert all(re.match(r" +\d+\.\d{6} dma0 ", line) for line in lines)
    times = [float(line.split()[0]) for line in lines]
    assert times == sorted(times)
    texts = [line.split(" dma0 ", 1)[1] for line in lines]
    sizes = [text for text in texts if text.startswith("state")]
    assert re.fullmatch(r"state save \d+ bytes", sizes[0])
    assert re.fullmatch(r"state load \d+ bytes", sizes[1])
    assert [text for text in texts if not text.startswith("state")] == [
        "connected",
        "wire interrupt=0",
        "wire error=0",
        "W CTRL.MODE=0xa CTRL.ENABLE=1",
        "W COMMAND=0x00000000",
        "R STATUS=0x00000000",
        "W control+0x10/4=0x00000010",
        "wire interrupt=1",
        "DMA read 0x10 length 8",
        "DMA write 0x18 length 8",
        "R control+0x20/4 refused: generic error",
        "W control+0x20/2=0x0007",
        "W control+0x20/2 refused: address error",
        "R buffer+0xff0/8=0x0000000000000000",
        "reset",
        "wire interrupt=0",
        "wire interrupt=0",
        "wire error=0",
        "disconnected",
    ]
    assert "refused: dev: the state" in sizes[2] or "refused: dma0: the state" in sizes[2]


def test_flush_completes_the_file_and_lines_are_otherwise_held(tmp_path: Path) -> None:
    trace = Trace(tmp_path / "trace")
    device = Memory()
    for index in range(10):
        trace.access(device, True, 1, 8 * index, 4, index, None, 0)
    assert trace.path.read_text().count("\n") < 10
    trace.flush()
    assert trace.path.read_text().count("\n") == 10
    for index in range(1000):
        trace.access(device, True, 1, 0, 4, index, None, 0)
    trace.close()
    assert trace.path.read_text().count("\n") == 1010


def test_values_beyond_the_cache_stay_right(tmp_path: Path) -> None:
    device = Memory()
    with Trace(tmp_path / "trace") as trace:
        for _ in range(2):
            for value in range(5000):
                trace.access(device, False, 1, 0, 4, value, None, 0)
    shown = [line.rpartition("=")[2] for line in trace.path.read_text().splitlines()]
    assert shown == [f"0x{value:08x}" for value in range(5000)] * 2


def test_lines_of_several_threads_stay_whole(tmp_path: Path) -> None:
    device = Memory()
    with Trace(tmp_path / "trace") as trace:

        def write(tag: int) -> None:
            for index in range(2000):
                trace.event(device, f"{tag}:{index}")

        threads = [threading.Thread(target=write, args=(tag,)) for tag in range(3)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
    texts = [line.split(" dev ")[1] for line in trace.path.read_text().splitlines()]
    for tag in range(3):
        own = [text for text in texts if text.startswith(f"{tag}:")]
        assert own == [f"{tag}:{index}" for index in range(2000)]
    assert len(texts) == 6000


def test_a_full_disk_is_reported_once_the_run_is_over() -> None:
    trace = Trace(Path("/dev/full"))
    for _ in range(1000):
        trace.event(Memory(), "x")
    with pytest.raises(TestbedError, match="trace /dev/full is incomplete: No space left"):
        trace.close()
    trace.close()


def test_a_path_that_cannot_be_written_is_named(tmp_path: Path) -> None:
    with pytest.raises(TestbedError, match="cannot write the trace"):
        Trace(tmp_path / "none" / "trace")
