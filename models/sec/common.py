# SPDX-License-Identifier: MIT
"""What a SEC's controller and its job rings share besides `SecServices`.

`lock` is taken after a ring's or the controller's own lock, for a moment only and never across
DMA: the machine may be waiting for the answer of one device while another one's DMA waits for it.
"""

from __future__ import annotations

import threading
from collections.abc import Callable, Sequence
from typing import Protocol

from models.sec.config import SecConfig
from models.sec.monitor_registers import CSTA, FADR
from models.sec.services import SecServices
from models.sec.versions import constant_words
from models.words import Reader, Writer
from testbed.remoteport.device import BusError, Dma

__all__ = ["Common", "Memory", "Runner", "RunnerFactory"]


class Memory(Protocol):
    """A descriptor machine's way to memory; errors as `Dma`."""

    def read(self, address: int, size: int) -> bytes: ...

    def write(self, address: int, data: bytes) -> None: ...

    def read_many(self, pieces: Sequence[tuple[int, int]]) -> list[bytes]: ...

    def write_many(self, pieces: Sequence[tuple[int, bytes]]) -> None: ...


class Runner(Protocol):
    """A descriptor machine. The result of a job is its status word: 0 when all went well."""

    def run(self, descriptor_address: int, *, follows: bool = False) -> int:
        """Run a job. `follows`: it was waiting already when the one before it ended."""

    def run_buffer(self, words: Sequence[int]) -> int:
        """Run the job whose descriptor is `words`."""

    def reset(self) -> None:
        """Forget what one job leaves for the next. Not called while one runs."""


RunnerFactory = Callable[[SecConfig, Memory, SecServices], Runner]


class Common:
    """Faults, counters, and the settings of the controller page that reach into the rings."""

    def __init__(self, config: SecConfig, services: SecServices) -> None:
        self.config = config
        self.services = services
        self.lock = threading.Lock()
        self.constants = constant_words(config)
        self.software_resets = 0  # counts; a ring that finds it changed resets itself
        self.power_on()

    def power_on(self) -> None:
        with self.lock:
            self.started = (1 << self.config.rings) - 1 if not self.config.virtualization else 0
            self.dequeued = 0
            self.fault_address = 0
            self.fault_liodn = 0
            self.fault_detail = 0
            self.fault_latched = False
            self.liodns = [0] * self.config.rings
            self._busy: set[str] = set()

    def is_started(self, ring: int) -> bool:
        """Whether JRSTART lets a ring run; without virtualization it always may."""
        return bool(self.started >> ring & 1)

    def jobs_dequeued(self, count: int) -> None:
        with self.lock:
            self.dequeued = (self.dequeued + count) & (1 << 64) - 1

    def set_busy(self, who: str, busy: bool) -> None:
        with self.lock:
            (self._busy.add if busy else self._busy.discard)(who)

    def fault(self, address: int, size: int, write: bool, liodn: int) -> None:
        """A DMA transfer was refused. The first one stays until FADR is read."""
        with self.lock:
            if self.fault_latched:
                return
            self.fault_latched = True
            self.fault_address = address & (1 << 64) - 1
            self.fault_liodn = liodn
            detail = FADR.FERR.put(0, 2)
            detail = FADR.TYP.put(detail, not write)
            self.fault_detail = FADR.FSZ.put(detail, min(size, FADR.FSZ.maximum))

    def _read_fadr(self) -> int:
        with self.lock:
            self.fault_latched = False
            return self.fault_detail

    def _read_csta(self) -> int:
        value = CSTA.PLEND.put(0, self.config.byteorder == "big") | CSTA.TRNG_IDLE.mask
        return value | (CSTA.BSY.mask if self._busy else CSTA.IDLE.mask)

    def monitor_readers(self) -> dict[int, Reader]:
        """What is not constant in 0xe80 to 0xfff of every page."""
        low, high = (4, 0) if self.config.high_word_at_zero else (0, 4)
        return {
            0xF00 + low: lambda: self.dequeued & 0xFFFFFFFF,
            0xF00 + high: lambda: self.dequeued >> 32,
            0xFC0 + low: lambda: self.fault_address & 0xFFFFFFFF,
            0xFC0 + high: lambda: self.fault_address >> 32,
            0xFC8: lambda: self.fault_liodn,
            0xFCC: self._read_fadr,
            0xFD4: self._read_csta,
        }

    def monitor_writers(self) -> dict[int, Writer]:
        """None of it can be written."""
        return {}


class FaultingMemory:
    """`dma`, with refused transfers noted in the SEC's fault registers."""

    def __init__(self, dma: Dma, common: Common, liodn: Callable[[], int]) -> None:
        self._dma = dma
        self._common = common
        self._liodn = liodn

    def read(self, address: int, size: int) -> bytes:
        try:
            return self._dma.read(address, size)
        except BusError:
            self._common.fault(address, size, False, self._liodn())
            raise

    def write(self, address: int, data: bytes) -> None:
        try:
            self._dma.write(address, data)
        except BusError:
            self._common.fault(address, len(data), True, self._liodn())
            raise

    def read_many(self, pieces: Sequence[tuple[int, int]]) -> list[bytes]:
        try:
            return self._dma.read_many(pieces)
        except BusError as error:
            address, size = pieces[error.index]
            self._common.fault(address, size, False, self._liodn())
            raise

    def write_many(self, pieces: Sequence[tuple[int, bytes]]) -> None:
        try:
            self._dma.write_many(pieces)
        except BusError as error:
            address, data = pieces[error.index]
            self._common.fault(address, len(data), True, self._liodn())
            raise
