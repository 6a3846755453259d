# SPDX-License-Identifier: MIT
"""Direct access to DECO 0: its request registers and the part of its block that running a
descriptor from the descriptor buffer takes."""

from __future__ import annotations

from collections.abc import Callable
from functools import partial

from models.sec.common import Common, Runner
from models.sec.controller_registers import (
    DECORR,
    DECORSR,
    DESCRIPTOR_BUFFER,
    DESCRIPTOR_WORDS,
    DXDDR,
    DXDER,
    DXJQCR_MS,
)
from models.words import Reader, Writer

__all__ = ["DecoPort"]

_HOST_ERROR = 0xD  # DECO_STATE
_SSRC_NONE, _SSRC_USER_HALT, _SSRC_FLAGS_HALT = 0x0, 0x3, 0x7
_LENGTH = 0x7F  # of a job descriptor's header
_WITHOUT_FOUR = 4
_FIRST_ERA_WITH_DXDER = 10


class DecoPort:
    """DECORSR, DECORR and DECO 0's block. `defer` runs the descriptor outside of the access."""

    def __init__(
        self, common: Common, runner: Runner, defer: Callable[[Callable[[], None]], None]
    ) -> None:
        self._common = common
        self._runner = runner
        self._defer = defer
        self.power_on()

    def power_on(self) -> None:
        self.source = 0
        self.requested = False
        self.buffer = [0] * DESCRIPTOR_WORDS
        self.job_control = 0
        self.status = 0
        self.running = False
        self._life = getattr(self, "_life", 0) + 1
        self._common.set_busy("deco", False)

    @property
    def granted(self) -> bool:
        """Whether DECO 0 is the requester's: with virtualization, it needs a source as well."""
        virtualized = self._common.config.virtualization
        return self.requested and (not virtualized or bool(self.source))

    def request_readers(self) -> dict[int, Reader]:
        """Of the controller page."""
        return {
            0x094: lambda: self.source | (DECORSR.VALID.mask if self.source else 0),
            0x09C: lambda: (
                (DECORR.RQD0.mask if self.requested else 0)
                | (DECORR.DEN0.mask if self.granted else 0)
            ),
        }

    def request_writers(self) -> dict[int, Writer]:
        return {0x094: self._write_source, 0x09C: self._write_request}

    def block_readers(self) -> dict[int, Reader]:
        """Of DECO 0's page; all zero while the DECO is not the requester's."""
        readers: dict[int, Reader] = {
            0x800: lambda: self.job_control,
            0x810: lambda: self.status,
            0xE04: self._read_debug,
            0xE3C: self._read_execution,
        }
        for index in range(DESCRIPTOR_WORDS):
            readers[DESCRIPTOR_BUFFER + 4 * index] = partial(self._read_buffer, index)
        return {offset: self._guarded(reader) for offset, reader in readers.items()}

    def block_writers(self) -> dict[int, Writer]:
        writers: dict[int, Writer] = {0x800: self._write_job_control}
        for index in range(DESCRIPTOR_WORDS):
            writers[DESCRIPTOR_BUFFER + 4 * index] = partial(self._write_buffer, index)
        return writers

    def _guarded(self, reader: Reader) -> Reader:
        return lambda: reader() if self.granted else 0

    def _write_source(self, value: int) -> None:
        self.source = DECORSR.JR.get(value)

    def _write_request(self, value: int) -> None:
        self.requested = bool(value & DECORR.RQD0.mask)

    def _read_buffer(self, index: int) -> int:
        return self.buffer[index]

    def _write_buffer(self, index: int, value: int) -> None:
        if self.granted and not self.running:
            self.buffer[index] = value

    def _write_job_control(self, value: int) -> None:
        if not self.granted or self.running:
            return
        self.job_control = value & DXJQCR_MS.defined
        if value & DXJQCR_MS.WHL.mask:
            self.running = True
            self._common.set_busy("deco", True)
            self._defer(self._run)

    def _run(self) -> None:
        life = self._life
        length = min(self.buffer[0] & _LENGTH, DESCRIPTOR_WORDS)
        if not self.job_control & DXJQCR_MS.FOUR.mask:
            length = min(length, _WITHOUT_FOUR)
        try:
            self._runner.reset()
            status = self._runner.run_buffer(tuple(self.buffer[:length])) & 0xFFFFFFFF
            if life == self._life:
                self.status = status
        finally:
            if life == self._life:
                self.running = False
                self.job_control = 0
                self._common.set_busy("deco", False)

    def _failed(self) -> bool:
        return self.status >> 28 not in (_SSRC_NONE, _SSRC_USER_HALT, _SSRC_FLAGS_HALT)

    def _read_debug(self) -> int:
        value = DXDDR.VALID.put(0, self.running)
        if self._failed() and not self.running and self._common.config.era < _FIRST_ERA_WITH_DXDER:
            value = DXDDR.DECO_STATE.put(value, _HOST_ERROR)
        return value

    def _read_execution(self) -> int:
        failed = self._failed() and not self.running
        return DXDER.DECO_STATE.put(0, _HOST_ERROR) if failed else 0
