# SPDX-License-Identifier: MIT
"""Jobs of a ring: fetched from the input ring, run one after the other, put in the output ring.

All of it is deferred work, outside of register accesses, and lets the machine reach the ring's
registers during its DMA. A ring that is reset meanwhile makes a new `life`; the work then ends
without touching the ring again.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from models.sec.common import Common, Memory, Runner
from models.sec.ring_registers import JRCFGR_LS
from models.sec.ring_state import HALTED, HALTING, RUNNING, RingError
from testbed.remoteport.device import BusError

if TYPE_CHECKING:
    from models.sec.ring import JobRing

__all__ = ["FLUSHED_STATUS", "JobQueue"]

FLUSHED_STATUS = 0x4000001A
"""Status of a job that was fetched and not run since the ring was flushed (caam/error.c)."""

_BATCH = 16
"""Jobs fetched at once; silicon fetches a few ahead, too."""

_STATUS_BYTES = 4
_SOE = JRCFGR_LS.SOE.mask


class JobQueue:
    """The moving part of a ring; the numbers are in `ring.state`."""

    def __init__(
        self,
        ring: JobRing,
        common: Common,
        memory: Memory,
        runner: Runner,
        *,
        before_answer: bool,
    ) -> None:
        self._ring = ring
        self._common = common
        self._memory = memory
        self._runner = runner
        self._before_answer = before_answer
        self._life = 0
        self._scheduled = False
        self._stale = False  # the machine still knows of jobs before a reset
        self._follows = False  # the next job waited when the last one ended
        self.running = False

    @property
    def input_entry(self) -> int:
        """Bytes of an input ring entry."""
        return self._common.services.pointer_size

    @property
    def output_entry(self) -> int:
        """Bytes of an output ring entry."""
        return self._common.services.pointer_size + _STATUS_BYTES

    def abandon(self) -> None:
        """The ring is reset: work under way must not touch it again."""
        self._life += 1
        self._stale = True
        self._scheduled = False
        self.running = False
        self._common.set_busy(self._ring.name, False)

    def schedule(self) -> None:
        """Let the jobs that can run do so, soon."""
        # Work that was scheduled may have been dropped with a QEMU that left.
        if not (self._scheduled and self._ring.deferred) and self._ready():
            self._scheduled = True
            self._ring.defer(self._work, before_answer=self._before_answer)

    def _ready(self) -> int:
        """How many jobs can be fetched at once now."""
        ring = self._ring
        state = ring.state
        if (
            not state.pending
            or self.running
            or state.failed
            or ring.halt != RUNNING
            or not self._common.is_started(ring.index)
        ):
            return 0
        return min(
            state.pending,
            state.output_size - state.used,
            state.input_size - state.read_index,
            1 if state.config_ls & _SOE else _BATCH,
        )

    def _work(self) -> None:
        self._ring.catch_up()
        self._scheduled = False
        count = self._ready()
        if not count or not self._addresses_good():
            return
        life = self._life
        if self._stale:
            self._stale = self._follows = False
            self._runner.reset()
        self.running = True
        self._common.set_busy(self._ring.name, True)
        try:
            self._run(life, count)
        finally:
            # Of this life or, after a reset, of the next, in which nothing can run yet.
            self.running = False
            self._common.set_busy(self._ring.name, False)
            if self._ring.halt == HALTING:
                self._ring.set_halt(HALTED)
        self.schedule()

    def _run(self, life: int, count: int) -> None:
        ring = self._ring
        state = ring.state
        size = self.input_entry
        address = state.input_base + state.read_index * size
        try:
            data = self._memory.read(address, count * size)
        except BusError:
            if self._still(life):
                ring.error(RingError.INPUT_ADDRESS, fatal=True)
            return
        if not self._still(life):
            return
        state.pending -= count
        state.read_index = (state.read_index + count) % state.input_size
        self._common.jobs_dequeued(count)

        done = bytearray()
        for at in range(0, count * size, size):
            pointer = self._pointer(data[at : at + size])
            if state.flushed:
                status = FLUSHED_STATUS
            else:
                status = self._runner.run(pointer, follows=self._follows) & 0xFFFFFFFF
                if not self._still(life):
                    return
                self._follows = at + size < count * size or state.pending > 0
            done += self._entry(pointer, size) + status.to_bytes(4, ring.byteorder)
        self._finish(life, count, bytes(done), status)

    def _finish(self, life: int, count: int, done: bytes, status: int) -> None:
        """Put the output entries `done` of `count` jobs in the output ring and interrupt."""
        ring = self._ring
        state = ring.state
        size = len(done) // count
        before_end = min(count, state.output_size - state.write_index) * size
        address = state.output_base + state.write_index * size
        pieces = [(address, done[:before_end])]
        if before_end < len(done):
            pieces.append((state.output_base, done[before_end:]))
        try:
            self._memory.write_many(pieces)
        except BusError as error:
            if self._still(life):
                index = state.write_index * size if error.index == 0 else 0
                ring.error(RingError.OUTPUT_WRITE, output_index=index, fatal=True)
            return
        if not self._still(life):
            return
        state.write_index = (state.write_index + count) % state.output_size
        state.used += count
        state.status = status
        ring.jobs_done(count)
        if status and state.config_ls & _SOE and ring.halt == RUNNING:
            state.flushed = False
            ring.set_halt(HALTED)

    def _still(self, life: int) -> bool:
        """Whether the ring is the one that the work began in."""
        self._ring.catch_up()
        return life == self._life

    def _addresses_good(self) -> bool:
        state = self._ring.state
        if state.input_base & 3:
            self._ring.error(RingError.INPUT_ADDRESS, fatal=True)
        elif state.output_base & 3:
            self._ring.error(RingError.OUTPUT_ADDRESS, fatal=True)
        else:
            return True
        return False

    def _pointer(self, entry: bytes) -> int:
        config = self._common.config
        if config.high_word_first and len(entry) == 8:
            entry = entry[4:] + entry[:4]
        return int.from_bytes(entry, config.byteorder) & (1 << config.pointer_bits) - 1

    def _entry(self, pointer: int, size: int) -> bytes:
        config = self._common.config
        entry = pointer.to_bytes(size, config.byteorder)
        return entry[4:] + entry[:4] if config.high_word_first and size == 8 else entry
