# SPDX-License-Identifier: MIT
"""A SEC on the bench: registers by number, memory, a descriptor machine and a timer in the test's
hands, and a driver that does to a ring what caam_jr of Linux does. Numbers are the reference
manual's, not the model's, so that a wrong register map shows."""

from __future__ import annotations

import random
import threading
from collections.abc import Callable, Sequence
from dataclasses import replace

from models.sec.common import Memory
from models.sec.config import LS1046A, SecConfig
from models.sec.sec import Sec
from models.sec.services import SecServices
from testbed.remoteport.device import BusError, Device, Response

IRBAR, IRSR, IRSAR, IRJAR = 0x00, 0x0C, 0x14, 0x1C
ORBAR, ORSR, ORJRR, ORSFR = 0x20, 0x2C, 0x34, 0x3C
JROSR, JRINTR, JRCFGR_MS, JRCFGR_LS = 0x44, 0x4C, 0x50, 0x54
IRRIR, ORWIR, JRCR = 0x5C, 0x64, 0x6C
FAR, FALR, FADR, CSTA = 0xFC0, 0xFC8, 0xFCC, 0xFD4

RESET, PARK = 1, 2
JRI, JRE, HALT, HALTING, HALTED = 0x1, 0x2, 0xC, 0x4, 0x8
IMSK, ICEN, SOE = 0x1, 0x2, 0x4

BIG32 = replace(LS1046A, name="big, 32 bits", pointer_bits=32)
BIG40 = replace(LS1046A, name="big, 40 bits", long_pointers=True)
LITTLE32 = replace(BIG32, name="little, 32 bits", byteorder="little")
LITTLE40 = replace(BIG40, name="little, 40 bits", byteorder="little")
IMX40 = replace(LITTLE40, name="i.MX order, 40 bits", high_word_first=True)
LAYOUTS = (BIG32, BIG40, LITTLE32, LITTLE40, IMX40)

MEMORY_SIZE = 0x40000
INPUT, OUTPUT = 0x1000, 0x8000


class BenchMemory:
    """Memory from `base` on, whose every access the test can see and interrupt."""

    def __init__(self, base: int) -> None:
        self.base = base
        self.data = bytearray(MEMORY_SIZE)
        self.reads: list[tuple[int, int]] = []
        self.writes: list[tuple[int, int]] = []
        self.refuse: set[str] = set()
        self.on_access: Callable[[str, int, int], None] = lambda kind, address, size: None

    def _check(self, kind: str, address: int, size: int) -> int:
        self.on_access(kind, address, size)
        offset = address - self.base
        if kind in self.refuse or not 0 <= offset <= len(self.data) - size:
            raise BusError(Response.ADDRESS_ERROR, f"{kind} of {size} bytes at {address:#x}")
        return offset

    def dma_read(self, address: int, size: int) -> bytes:
        offset = self._check("read", address, size)
        self.reads.append((offset, size))
        return bytes(self.data[offset : offset + size])

    def dma_write(self, address: int, data: bytes, byte_enable: bytes | None) -> None:
        assert byte_enable is None
        offset = self._check("write", address, len(data))
        self.writes.append((offset, len(data)))
        self.data[offset : offset + len(data)] = data

    def wire_changed(self, wire: int, level: bool) -> None:
        pass


class BenchRunner:
    """A descriptor machine that does nothing but what the test says."""

    def __init__(self, config: SecConfig, memory: Memory, services: SecServices) -> None:
        self.memory = memory
        self.services = services
        self.jobs: list[int] = []
        self.follows: list[bool] = []
        self.resets = 0
        self.buffers: list[tuple[int, ...]] = []
        self.on_job: Callable[[int], int] = lambda address: 0
        self.on_buffer: Callable[[tuple[int, ...]], int] = lambda words: 0

    def run(self, descriptor_address: int, *, follows: bool = False) -> int:
        self.follows.append(follows)
        self.jobs.append(descriptor_address)
        return self.on_job(descriptor_address)

    def run_buffer(self, words: Sequence[int]) -> int:
        self.buffers.append(tuple(words))
        return self.on_buffer(tuple(words))

    def reset(self) -> None:
        self.resets += 1


class BenchTimer:
    """A coalescing timer that runs when the test says so."""

    def __init__(self, lock: threading.RLock, callback: Callable[[], None]) -> None:
        self.seconds: float | None = None
        self.starts = 0
        self._callback = callback

    def now(self) -> float:
        return 0.0

    def set(self, when: float | None) -> None:
        self.seconds = when
        self.starts += when is not None

    def expire(self) -> None:
        assert self.seconds is not None, "the timer does not run"
        self.seconds = None
        self._callback()


class SecRig:
    """One SEC; accesses go to its ring 0 unless `ring` says otherwise."""

    def __init__(self, config: SecConfig = LS1046A, **parameters: object) -> None:
        self.config = config
        self.base = 0xA5_4000_0000 if config.long_pointers else 0x9000_0000
        self.memory = BenchMemory(self.base)
        self.runners: list[BenchRunner] = []
        self.timers: list[BenchTimer] = []

        def runner(config: SecConfig, memory: Memory, services: SecServices) -> BenchRunner:
            self.runners.append(BenchRunner(config, memory, services))
            return self.runners[-1]

        def timer(lock: threading.RLock, callback: Callable[[], None]) -> BenchTimer:
            self.timers.append(BenchTimer(lock, callback))
            return self.timers[-1]

        self.sec = Sec(config, runner=runner, alarm=timer, **parameters)  # type: ignore[arg-type]
        self.ring = self.sec.rings[0]
        self.controller = self.sec.controller
        self.devices: tuple[Device, ...] = (*self.sec.rings, self.controller)
        for device in self.devices:
            device.attach(self.memory)
        self.runner = self.runners[0]
        self.deco = self.runners[-1]
        self.timer = self.timers[0]
        self.depth = 0
        self.head = 0
        self.tail = 0

    # Registers

    def read(self, offset: int, ring: int = 0) -> int:
        return self.sec.rings[ring].read(0, offset, 4)

    def write(self, offset: int, value: int, ring: int = 0) -> None:
        self.sec.rings[ring].write(0, offset, 4, value)

    def write_base(self, offset: int, address: int, ring: int = 0) -> None:
        """A 64-bit register, in two words as U-Boot does."""
        high = self.config.byteorder == "big" or self.config.high_word_first
        self.write(offset + (0 if high else 4), address >> 32, ring)
        self.write(offset + (4 if high else 0), address & 0xFFFFFFFF, ring)

    def control(self, offset: int) -> int:
        return self.controller.read(0, offset, 4)

    def set_control(self, offset: int, value: int) -> None:
        self.controller.write(0, offset, 4, value)

    def block(self, block: int, offset: int) -> int:
        first = self.config.page_size * (1 + self.config.rings)
        return self.controller.read(1, block * self.config.page_size + offset - first, 4)

    def set_block(self, block: int, offset: int, value: int) -> None:
        first = self.config.page_size * (1 + self.config.rings)
        self.controller.write(1, block * self.config.page_size + offset - first, 4, value)

    @property
    def irq(self) -> bool:
        return self.ring.wire_level("interrupt")

    @property
    def halt(self) -> int:
        return self.read(JRINTR) & HALT

    def run(self) -> int:
        """Let every device do its deferred work until none has any."""
        total = 0
        while any(device.deferred for device in self.devices):
            total += sum(device.run_deferred(64) for device in self.devices)
            assert total < 100_000, "deferred work never ends"
        return total

    # Rings in memory

    @property
    def pointer_size(self) -> int:
        return 8 if self.config.long_pointers else 4

    def pack(self, address: int) -> bytes:
        data = address.to_bytes(self.pointer_size, self.config.byteorder)
        return data[4:] + data[:4] if self.config.high_word_first and len(data) == 8 else data

    def set_input(self, index: int, address: int) -> None:
        at = INPUT + index * self.pointer_size
        self.memory.data[at : at + self.pointer_size] = self.pack(address)

    def output(self, index: int) -> tuple[int, int]:
        """Descriptor address and status of an output ring entry."""
        size = self.pointer_size
        at = OUTPUT + index * (size + 4)
        entry = bytes(self.memory.data[at : at + size])
        if self.config.high_word_first and size == 8:
            entry = entry[4:] + entry[:4]
        status = self.memory.data[at + size : at + size + 4]
        order = self.config.byteorder
        return int.from_bytes(entry, order), int.from_bytes(status, order)

    # The driver

    def reset_hardware(self) -> None:
        """caam_reset_hw_jr."""
        self.write(JRCFGR_LS, self.read(JRCFGR_LS) | IMSK)
        self.write(JRINTR, self.read(JRINTR) & ~HALT)
        self.write(JRCR, RESET)
        self.run()
        assert self.halt == HALTED
        self.write(JRCR, RESET)
        assert not self.read(JRCR) & RESET
        self.write(JRCFGR_LS, self.read(JRCFGR_LS) & ~IMSK)

    def start(self, depth: int = 16, config: int = 0, output_depth: int | None = None) -> None:
        """caam_jr_init: reset, then rings of `depth` entries."""
        self.reset_hardware()
        self.depth, self.head, self.tail = depth, 0, 0
        self.write_base(IRBAR, self.base + INPUT)
        self.write_base(ORBAR, self.base + OUTPUT)
        self.write(IRSR, depth)
        self.write(ORSR, depth if output_depth is None else output_depth)
        self.write(JRCFGR_LS, self.read(JRCFGR_LS) | config)

    def enqueue(self, *addresses: int) -> None:
        """caam_jr_enqueue, with one doorbell for all of them."""
        for address in addresses:
            self.set_input(self.head, address)
            self.head = (self.head + 1) % self.depth
        self.write(IRJAR, len(addresses))

    def dequeue(self) -> list[tuple[int, int]]:
        """caam_jr_dequeue, without the interrupt: what the output ring holds."""
        done = []
        while used := self.read(ORSFR):
            for _ in range(used):
                done.append(self.output(self.tail))
                self.tail = (self.tail + 1) % self.read(ORSR)
                self.write(ORJRR, 1)
            self.run()
            assert len(done) < 100_000, "the output ring never runs empty"
        return done


def seeded() -> random.Random:
    """A fresh random generator; its seed is printed, and pytest shows it when the test fails."""
    seed = random.SystemRandom().getrandbits(32)
    print(f"seed {seed:#x}")
    return random.Random(seed)


def addresses(choice: random.Random, rig: SecRig, count: int) -> list[int]:
    """Addresses that descriptors could have; the ring does not look at what is there."""
    top = 40 if rig.config.long_pointers else 32
    return [choice.getrandbits(top) & ~3 for _ in range(count)]
