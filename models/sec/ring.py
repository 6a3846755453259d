# SPDX-License-Identifier: MIT
"""A job ring: its registers, halting, errors and interrupts. Behaviour is in the package."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, ClassVar

from models.alarm import AlarmFactory, WallAlarm
from models.sec.common import Common, FaultingMemory, RunnerFactory
from models.sec.jobs import JobQueue
from models.sec.ring_registers import (
    IRJAR,
    IRRIR,
    IRSAR,
    IRSR,
    JRCFGR_LS,
    JRCFGR_MS,
    JRCR,
    JRINTR,
    ORJRR,
    ORSFR,
    ORSR,
    ORWIR,
    ring_map,
)
from models.sec.ring_state import HALTED, HALTING, RUNNING, RingError, RingState
from models.words import Page, WordDevice
from testbed.remoteport.device import Region

__all__ = ["JobRing"]

_CLOCKS_PER_TIMER_UNIT = 64  # Kconfig of drivers/crypto/caam: bus clocks / 64

_WORD = 0xFFFFFFFF
_HALT = JRINTR.HALT.mask
_CLEARABLE = JRINTR.JRI.mask | JRINTR.ENTER_FAIL.mask | JRINTR.EXIT_FAIL.mask
_ERROR = JRINTR.JRE.mask | JRINTR.ERR_TYPE.mask | JRINTR.ERR_ORWI.mask


class JobRing(WordDevice):
    """Ring `index` of a SEC. `runner` makes its descriptor machine, `alarm` its source of time.

    `clock` is the SEC's clock in Hz, which the coalescing timer counts. With `before_answer` a
    doorbell is answered when its jobs are done, as far as the server's limit for that allows.
    """

    wires: ClassVar[tuple[str, ...]] = ("interrupt",)

    def __init__(
        self,
        name: str,
        common: Common,
        index: int,
        runner: RunnerFactory,
        *,
        clock: int,
        before_answer: bool = False,
        alarm: AlarmFactory = WallAlarm,
    ) -> None:
        config = common.config
        super().__init__(
            name, config.byteorder, (Region("ring", config.page_size, ring_map(config)),)
        )
        self.index = index
        self.siblings: Sequence[JobRing] = ()  # all rings of the SEC, given to each by it
        self.state = RingState()
        self._common = common
        self._software_resets = common.software_resets
        self._timer_unit = _CLOCKS_PER_TIMER_UNIT / clock
        self._alarm = alarm(self.lock, self._timer_expired)
        memory = FaultingMemory(self.dma, common, lambda: common.liodns[index])
        self.queue = JobQueue(
            self,
            common,
            memory,
            runner(config, memory, common.services),
            before_answer=before_answer,
        )
        self._page = self._make_page()

    def _make_page(self) -> Page:
        high, low = (0, 4) if self._common.config.high_word_at_zero else (4, 0)
        return Page(
            self._common.constants,
            {
                0x00 + high: lambda: self.state.input_base >> 32,
                0x00 + low: lambda: self.state.input_base & _WORD,
                0x0C: lambda: self.state.input_size,
                0x14: lambda: self.state.input_size - self.state.pending,
                0x1C: lambda: self.state.jobs_added,
                0x20 + high: lambda: self.state.output_base >> 32,
                0x20 + low: lambda: self.state.output_base & _WORD,
                0x2C: lambda: self.state.output_size,
                0x34: lambda: self.state.jobs_removed,
                0x3C: lambda: self.state.used,
                0x44: lambda: self.state.status,
                0x4C: lambda: self.state.interrupt,
                0x50: lambda: self.state.config_ms,
                0x54: lambda: self.state.config_ls,
                0x5C: lambda: self.state.read_index * self.queue.input_entry & IRRIR.defined,
                0x64: lambda: self.state.write_index * self.queue.output_entry & ORWIR.defined,
                **self._common.monitor_readers(),
            },
            {
                0x00 + high: lambda value: self._write_input_base(value << 32, _WORD),
                0x00 + low: lambda value: self._write_input_base(value, _WORD << 32),
                0x0C: self._write_input_size,
                0x14: self._write_slots_available,
                0x1C: self._write_jobs_added,
                0x20 + high: lambda value: self._write_output_base(value << 32, _WORD),
                0x20 + low: lambda value: self._write_output_base(value, _WORD << 32),
                0x2C: self._write_output_size,
                0x34: self._write_jobs_removed,
                0x3C: self._write_slots_full,
                0x4C: self._write_interrupt,
                0x50: self._write_config_ms,
                0x54: self._write_config_ls,
                0x5C: self._write_read_index,
                0x64: self._write_write_index,
                0x6C: self._write_command,
                **self._common.monitor_writers(),
            },
        )

    # The device

    def read_word(self, region: int, offset: int) -> int:
        self.catch_up()
        return self._page.read(offset)

    def write_word(self, region: int, offset: int, value: int) -> None:
        self.catch_up()
        self._page.write(offset, value)

    def reset(self) -> None:
        self._software_resets = self._common.software_resets
        self._reset_ring()

    def save(self) -> dict[str, Any]:
        self.catch_up()
        return self.state.to_json()

    def load(self, state: dict[str, Any]) -> None:
        """Take over a state; a coalescing timer that ran starts anew."""
        taken = RingState.from_json(self.name, state)
        self._software_resets = self._common.software_resets
        self._reset_ring()
        self.state = taken
        if taken.coalesced:
            self._start_timer()
        self.update_interrupt()
        self.queue.schedule()

    def catch_up(self) -> None:
        """Take part in a software reset of the SEC that has happened meanwhile."""
        if self._software_resets != self._common.software_resets:
            self._software_resets = self._common.software_resets
            self._reset_ring()

    def look_again(self) -> None:
        """Something on the controller page changed. Runs as deferred work."""
        self.catch_up()
        self.queue.schedule()

    def _reset_ring(self) -> None:
        self.queue.abandon()
        self._alarm.set(None)
        self.state = RingState()
        self.update_interrupt()

    # Input ring

    def _write_input_base(self, value: int, kept: int) -> None:
        state = self.state
        if state.pending and self.halt != HALTED:
            self.error(RingError.INPUT_REGISTER_WRITE)
        else:
            state.input_base = value | state.input_base & kept

    def _write_input_size(self, value: int) -> None:
        state = self.state
        if state.pending and self.halt != HALTED:
            self.error(RingError.INPUT_REGISTER_WRITE)
            return
        state.input_size = IRSR.IRS.get(value)
        state.pending = min(state.pending, state.input_size)
        if state.read_index >= state.input_size:
            state.read_index = 0

    def _write_slots_available(self, value: int) -> None:
        value = IRSAR.IRSA.get(value)
        if self.halt != HALTED:
            self.error(RingError.SLOTS_AVAILABLE_ACTIVE)
        elif value > self.state.input_size:
            self.error(RingError.SLOTS_AVAILABLE_RANGE)
        else:
            self.state.pending = self.state.input_size - value

    def _write_jobs_added(self, value: int) -> None:
        state = self.state
        state.jobs_added = count = IRJAR.IRJA.get(value)
        if count > state.input_size - state.pending:
            self.error(RingError.ADDED_TOO_MANY)
        else:
            state.pending += count
            self.queue.schedule()

    def _write_read_index(self, value: int) -> None:
        index = IRRIR.IRRI.get(value) // self.queue.input_entry
        if self.halt != HALTED:
            self.error(RingError.READ_INDEX_ACTIVE)
        elif index >= self.state.input_size:
            self.error(RingError.READ_INDEX_RANGE)
        else:
            self.state.read_index = index

    # Output ring

    def _output_in_use(self) -> bool:
        return (self.state.used > 0 or self.queue.running) and self.halt != HALTED

    def _write_output_base(self, value: int, kept: int) -> None:
        if self._output_in_use():
            self.error(RingError.OUTPUT_REGISTER_WRITE)
        else:
            self.state.output_base = value | self.state.output_base & kept

    def _write_output_size(self, value: int) -> None:
        if self._output_in_use():
            self.error(RingError.OUTPUT_REGISTER_WRITE)
            return
        state = self.state
        state.output_size = ORSR.ORS.get(value)
        state.used = min(state.used, state.output_size)
        if state.write_index >= state.output_size:
            state.write_index = 0
        self.queue.schedule()

    def _write_jobs_removed(self, value: int) -> None:
        state = self.state
        state.jobs_removed = count = ORJRR.ORJR.get(value)
        if count > state.used:
            self.error(RingError.REMOVED_TOO_MANY)
        else:
            state.used -= count
            self.queue.schedule()

    def _write_slots_full(self, value: int) -> None:
        value = ORSFR.ORSF.get(value)
        if self.halt != HALTED:
            self.error(RingError.SLOTS_FULL_ACTIVE)
        elif value > self.state.output_size:
            self.error(RingError.SLOTS_FULL_RANGE)
        else:
            self.state.used = value

    def _write_write_index(self, value: int) -> None:
        index = ORWIR.ORWI.get(value) // self.queue.output_entry
        if self.halt != HALTED:
            self.error(RingError.WRITE_INDEX_ACTIVE)
        elif index >= self.state.output_size:
            self.error(RingError.WRITE_INDEX_RANGE)
        else:
            self.state.write_index = index

    # Halting and resetting

    @property
    def halt(self) -> int:
        """JRINTR.HALT: RUNNING, HALTING or HALTED."""
        return JRINTR.HALT.get(self.state.interrupt)

    def _write_command(self, value: int) -> None:
        halt = self.halt
        if value & JRCR.RESET.mask:
            if halt == HALTING:
                self.error(RingError.RESET_BEFORE_HALTED)
            elif halt == HALTED and self.state.flushed:
                self._reset_ring()
            else:
                self.stop(flush=True)
        elif value & JRCR.PARK.mask and halt == RUNNING:
            self.stop(flush=False)

    def stop(self, *, flush: bool) -> None:
        """Halt, at once or when the job under way is done."""
        self.state.flushed = flush
        self.set_halt(HALTING if self.queue.running else HALTED)

    def set_halt(self, halt: int) -> None:
        self.state.interrupt = JRINTR.HALT.put(self.state.interrupt, halt)

    # Interrupts

    def _write_interrupt(self, value: int) -> None:
        state = self.state
        state.interrupt &= ~(value & _CLEARABLE)
        if value & JRINTR.JRE.mask:
            state.interrupt &= ~_ERROR
        if JRINTR.HALT.get(value) & HALTED and self.halt == HALTED:
            state.interrupt &= ~_HALT
            state.flushed = False
            self.queue.schedule()
        self.update_interrupt()

    def _write_config_ms(self, value: int) -> None:
        self.state.config_ms = value & JRCFGR_MS.defined

    def _write_config_ls(self, value: int) -> None:
        state = self.state
        state.config_ls = value & JRCFGR_LS.defined
        if state.coalesced and not value & JRCFGR_LS.ICEN.mask:
            self._interrupt()
        self.update_interrupt()

    def error(self, kind: RingError, *, output_index: int = 0, fatal: bool = False) -> None:
        """Note an error in JRINTR and interrupt. A fatal one stops the ring until it is reset."""
        state = self.state
        interrupt = JRINTR.ERR_TYPE.put(state.interrupt, kind)
        interrupt = JRINTR.ERR_ORWI.put(interrupt, output_index & JRINTR.ERR_ORWI.maximum)
        state.interrupt = interrupt | JRINTR.JRE.mask | JRINTR.JRI.mask
        state.failed = state.failed or fatal
        self.update_interrupt()

    def jobs_done(self, count: int) -> None:
        """Interrupt for jobs that are in the output ring now, by the rules of coalescing."""
        state = self.state
        if not state.config_ls & JRCFGR_LS.ICEN.mask:
            self._interrupt()
            return
        state.coalesced += count
        if state.coalesced >= JRCFGR_LS.ICDCT.get(state.config_ls):
            self._interrupt()
        else:
            self._start_timer()

    def _start_timer(self) -> None:
        units = JRCFGR_LS.ICTT.get(self.state.config_ls)
        if units:
            self._alarm.set(self._alarm.now() + units * self._timer_unit)

    def _timer_expired(self) -> None:
        if self.state.coalesced:
            self._interrupt()

    def _interrupt(self) -> None:
        self._alarm.set(None)
        self.state.coalesced = 0
        self.state.interrupt |= JRINTR.JRI.mask
        self.update_interrupt()

    def update_interrupt(self) -> None:
        state = self.state
        masked = state.config_ls & JRCFGR_LS.IMSK.mask
        self.set_wire(0, bool(state.interrupt & JRINTR.JRI.mask and not masked))
