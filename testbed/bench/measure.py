# SPDX-License-Identifier: MIT
"""Booting the machines once and measuring in them."""

from __future__ import annotations

import json
import os
import threading
import time
from collections.abc import Iterator
from functools import partial

from models.ns16550a import Ns16550a
from testbed.artifacts import BoardArtifacts
from testbed.bench.device import DmaPage
from testbed.bench.figures import Figure
from testbed.boards.board import Board, PlatformDevice
from testbed.deadline import Deadline
from testbed.machine.assignment import Assignment
from testbed.machine.guest import Guest
from testbed.machine.host import Host
from testbed.run import Run

_ACCESSES = 5000
_KIB, _MIB = 1 << 10, 1 << 20
_DMA_SECONDS = 1.0
_INTERRUPTS = 200


class TimedUart(Ns16550a):
    """A UART that tells when the guest's handler first touches it after an interrupt."""

    def __init__(self, device: PlatformDevice) -> None:
        clock = device.properties["clock-frequency"]
        assert isinstance(clock, int)
        super().__init__(device.name, clock_frequency=clock, size=device.registers[0][1])
        self.touched = threading.Event()
        self.touched_at = 0.0

    def read(self, region: int, offset: int, size: int) -> int:
        if not self.touched.is_set():
            self.touched_at = time.perf_counter()
            self.touched.set()
        return super().read(region, offset, size)


def bench_devices(board: Board) -> tuple[PlatformDevice, ...]:
    """Two register pages without an IOMMU: one answers each write, one takes them posted."""
    return tuple(
        PlatformDevice(
            name=f"bench@{offset:x}",
            compatible=("testbed,register-page",),
            registers=((offset, 0x1000),),
            interrupts=(),
            model=partial(DmaPage, f"bench@{offset:x}"),
            posted_writes=posted,
        )
        for offset, posted in ((0xF00000, False), (0xF01000, True))
    )


def measure(run: Run, board: Board, artifacts: BoardArtifacts) -> Iterator[Figure]:
    """Boot, measure, and give the figures as they come."""
    mapped = next(device for device in board.devices if device.registers[0][1] == 0x1000)
    uart = TimedUart(mapped)
    pages = bench_devices(board)
    host = Host(
        run,
        board,
        artifacts,
        models={mapped.path: uart},
        devices=(*board.devices, *pages),
        append=board.bench_arguments,
    )
    try:
        host.boot()
        yield Figure("host boot", "s", run.seconds["host boot"])
        yield from _mmio(host, board, pages)
        yield from _dma(host, board, pages[0])
        assignment = host.assign(mapped.path)
        guest = Guest(host, "guest0", [assignment])
        guest.boot()
        yield Figure("guest boot", "s", run.seconds["guest boot"])
        yield _interrupt_latency(uart, guest, assignment)
        guest.shutdown()
        host.release(assignment)
        yield Figure("bind and release", "s", run.seconds["bind"])
    finally:
        host.shutdown()


def _mmio(host: Host, board: Board, pages: tuple[PlatformDevice, ...]) -> Iterator[Figure]:
    """Round trips seen by a program in the host."""
    names = ("MMIO read", "MMIO write"), ("", "MMIO posted write")
    for page, (read_name, write_name) in zip(pages, names, strict=True):
        address = board.soc_base + page.registers[0][0]
        measured = json.loads(host.succeed(f"mmio-latency {address:#x} {_ACCESSES} 4", seconds=60))
        for name, key in ((read_name, "read_ns"), (write_name, "write_ns")):
            if name:
                spread = {k: v / 1000 for k, v in measured[key].items()}
                aim = "under 15" if name == "MMIO read" else ""
                yield Figure(name, "us", spread["median"], spread["min"], None, aim)


def _dma(host: Host, board: Board, device: PlatformDevice) -> Iterator[Figure]:
    """A model's DMA to memory that the host's kernel does not use, inside a doorbell write."""
    page = host.model(device.path)
    assert isinstance(page, DmaPage)
    doorbell = board.soc_base + device.registers[0][0]
    for size, name, aim in ((4 * _KIB, "4 KiB", "over 300"), (_MIB, "1 MiB", "")):
        for verb in ("write", "read"):
            seconds: list[float] = []
            page.jobs = [partial(_repeat_dma, page, board.bench_memory, size, verb, seconds)]
            host.succeed(f"devmem {doorbell:#x} 32 1")
            if page.error is not None:
                raise page.error
            rates = [size / 1e6 / second for second in seconds]
            yield Figure.of(f"DMA {verb} {name}", "MB/s", rates, aim)


def _repeat_dma(page: DmaPage, address: int, size: int, verb: str, seconds: list[float]) -> None:
    data = os.urandom(size)
    deadline = Deadline(_DMA_SECONDS)
    page.dma.write(address, data)
    while not deadline.expired:
        start = time.perf_counter()
        if verb == "write":
            page.dma.write(address, data)
        else:
            page.dma.read(address, size)
        seconds.append(time.perf_counter() - start)
    assert page.dma.read(address, size) == data, "DMA read back something else"


def _interrupt_latency(uart: TimedUart, guest: Guest, assignment: Assignment) -> Figure:
    """From the model raising its wire to the guest's handler reading the device's registers."""
    latencies = []
    with guest.open_serial_port(assignment) as port:
        for _ in range(_INTERRUPTS):
            uart.touched.clear()
            start = time.perf_counter()
            uart.line.write(b"!")
            port.read_exactly(1, deadline=guest.run.deadline(10))
            latencies.append((uart.touched_at - start) * 1e6)
    return Figure.of("interrupt, model to guest's handler", "us", latencies)
