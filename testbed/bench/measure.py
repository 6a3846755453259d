# SPDX-License-Identifier: MIT
"""Booting the machines once and measuring in them."""

from __future__ import annotations

import json
import os
import threading
import time
from collections.abc import Callable, Iterator
from functools import partial
from typing import Literal

from models.ns16550a import Ns16550a
from testbed.artifacts import BoardArtifacts
from testbed.bench.device import DmaPage
from testbed.bench.figures import Figure
from testbed.boards.board import Board, PlatformDevice
from testbed.boards.own_models import with_models
from testbed.deadline import Deadline
from testbed.errors import Stage, TestbedError
from testbed.machine.assignment import Assignment
from testbed.machine.guest import Guest
from testbed.machine.host import Host
from testbed.remoteport.device import Dma
from testbed.run import Run

_ACCESSES = 5000
_KIB, _MIB = 1 << 10, 1 << 20
_DMA_SECONDS = 1.0
_GRACE = 10.0  # seconds that a measurement may take longer
_PIECES = 32
_INTERRUPTS = 200

Transfer = Callable[[Dma, list[tuple[int, bytes]]], None]


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


def bench_devices(byteorder: Literal["little", "big"]) -> tuple[PlatformDevice, ...]:
    """Two register pages without an IOMMU: one answers each write, one takes them posted."""
    return (
        _bench_device(0xF00000, byteorder, posted=False),
        _bench_device(0xF01000, byteorder, posted=True),
    )


def _bench_device(
    offset: int, byteorder: Literal["little", "big"], *, posted: bool
) -> PlatformDevice:
    name = f"bench@{offset:x}"
    return PlatformDevice(
        name=name,
        compatible=("testbed,register-page",),
        registers=((offset, 0x1000),),
        interrupts=(),
        model=lambda _: DmaPage(name, byteorder),
        posted_writes=posted,
    )


def measure(run: Run, board: Board, artifacts: BoardArtifacts) -> Iterator[Figure]:
    """Boot, measure, and give the figures as they come."""
    mapped = next(d for d in board.devices if "serial@" in d.name and d.registers[0][1] == 0x1000)
    uart = TimedUart(mapped)
    pages = bench_devices(board.byteorder)
    host = Host(
        run,
        board,
        artifacts,
        devices=(*with_models(board.devices, {mapped.path: lambda _: uart}), *pages),
        append=board.bench.arguments,
    )
    try:
        host.boot()
        yield Figure("host boot", "s", run.seconds["host boot"])
        yield from _mmio(host, board, pages)
        yield from _dma(host, board, pages[0])
        assignment = host.assign(mapped.path)
        guest = Guest(host, "guest0", [assignment])
        guest.boot()
        yield Figure(f"guest boot, {artifacts.nested_qemu} QEMU", "s", run.seconds["guest boot"])
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
    """A model's DMA to memory that the host's kernel does not use."""
    page = host.model(device.path)
    assert isinstance(page, DmaPage)
    doorbell = board.soc_base + device.registers[0][0]

    def measured(transfer: Transfer, size: int, count: int = 1, after: bool = False) -> list[float]:
        """Seconds of each transfer of `count` pieces, inside a doorbell's write or after it."""
        seconds: list[float] = []
        page.job = partial(_repeat, page, board.bench.memory, transfer, size, count, seconds)
        page.deferred_job = after
        page.done.clear()
        host.succeed(f"devmem {doorbell:#x} 32 1")
        if not page.done.wait(_DMA_SECONDS + _GRACE):
            raise TestbedError(Stage.MODEL, f"{page.name}: the DMA to be measured did not end")
        if page.error is not None:
            raise page.error
        return seconds

    for size, name, aim in ((4 * _KIB, "4 KiB", "over 300"), (_MIB, "1 MiB", "")):
        for transfer, verb in ((_write_each, "write"), (_read_each, "read")):
            rates = [size / 1e6 / second for second in measured(transfer, size)]
            yield Figure.of(f"DMA {verb} {name}", "MB/s", rates, aim)
    for transfer, verb in ((_write_many, "write"), (_read_many, "read")):
        seconds = measured(transfer, 4 * _KIB, _PIECES)
        rates = [_PIECES * 4 * _KIB / 1e6 / second for second in seconds]
        yield Figure.of(f"DMA {verb} {_PIECES} x 4 KiB at once", "MB/s", rates)
        pieces = [second * 1e6 / _PIECES for second in seconds]
        yield Figure.of(f"DMA {verb} {_PIECES} x 4 KiB, each", "us", pieces)
    for after, where in ((False, "in a register access"), (True, "after one")):
        latencies = [second * 1e6 for second in measured(_read_each, 64, after=after)]
        yield Figure.of(f"DMA read 64 bytes {where}", "us", latencies)


def _write_each(dma: Dma, pieces: list[tuple[int, bytes]]) -> None:
    for address, data in pieces:
        dma.write(address, data)


def _read_each(dma: Dma, pieces: list[tuple[int, bytes]]) -> None:
    for address, data in pieces:
        dma.read(address, len(data))


def _write_many(dma: Dma, pieces: list[tuple[int, bytes]]) -> None:
    dma.write_many(pieces)


def _read_many(dma: Dma, pieces: list[tuple[int, bytes]]) -> None:
    dma.read_many([(address, len(data)) for address, data in pieces])


def _repeat(
    page: DmaPage, address: int, transfer: Transfer, size: int, count: int, seconds: list[float]
) -> None:
    pieces = [(address + n * size, os.urandom(size)) for n in range(count)]
    deadline = Deadline(_DMA_SECONDS)
    page.dma.write_many(pieces)
    while not deadline.expired:
        start = time.perf_counter()
        transfer(page.dma, pieces)
        seconds.append(time.perf_counter() - start)
    read = page.dma.read_many([(place, size) for place, _ in pieces])
    assert read == [data for _, data in pieces], "DMA read back something else"


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
