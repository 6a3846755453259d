# SPDX-License-Identifier: MIT
"""What all units share: the order of events, the ICV."""

from __future__ import annotations

import hmac
from typing import NoReturn

from models.sec.cha.operation import Operation
from models.sec.cha.unit import ChaError, ChaId, ClassRegisters, ErrorId, InputType

__all__ = ["BaseUnit"]

ICV_LIMIT = 64


class BaseUnit:
    """A unit that takes data. Subclasses give `start`, `take` and `end`.

    `start` runs before the first data; `take` gets each feed but ICVs and returns output; `end`
    returns the rest of the output, having left context and keys in the registers, and gives the
    ICV it computed to `check_icv`.
    """

    cha: ChaId

    def __init__(self, operation: Operation, registers: ClassRegisters) -> None:
        self.operation = operation
        self.registers = registers
        self._icv = bytearray()
        self._icv_came = False
        self._started = False
        self._last = False
        self._finished = False

    # For subclasses

    def start(self) -> None:
        """Read key and context."""

    def take(self, kind: InputType, data: bytes, flush: bool) -> bytes:
        raise NotImplementedError

    def end(self) -> bytes:
        return b""

    def fail(self, error: ErrorId) -> NoReturn:
        raise ChaError(self.cha, error)

    def key(self, *sizes: int) -> bytes:
        """The key, which has one of `sizes`; KEY_SIZE error."""
        registers = self.registers
        key = bytes(registers.key[: registers.key_size])
        if registers.key_size not in sizes or len(key) != registers.key_size:
            self.fail(ErrorId.KEY_SIZE)
        return key

    def check_icv(self, computed: bytes) -> None:
        """Compare the ICV that came with `computed`, when the operation asks for it."""
        if not self.operation.checks_icv:
            return
        expected = bytes(self._icv)
        if self.registers.icv_size:
            expected = expected[: self.registers.icv_size]
        if not expected or not hmac.compare_digest(computed[: len(expected)], expected):
            self.fail(ErrorId.ICV_CHECK)

    # The Unit protocol

    @property
    def wants_icv(self) -> bool:
        return self.operation.checks_icv and not self._icv_came

    def feed(self, kind: InputType, data: bytes, last: bool = False, flush: bool = False) -> bytes:
        if self._finished or (self._last and kind is not InputType.ICV):
            self.fail(ErrorId.SEQUENCE)
        self._begin()
        self._last |= last
        if kind is InputType.ICV:
            self._icv_came = True
            self._icv += data
            if len(self._icv) > ICV_LIMIT:
                self.fail(ErrorId.DATA_SIZE)
            return b""
        return self.take(kind, data, flush or last)

    def finish(self) -> bytes:
        if self._finished:
            self.fail(ErrorId.SEQUENCE)
        self._begin()
        self._finished = True
        return self.end()

    def generate(self, size: int) -> bytes:
        self.fail(ErrorId.MODE)

    def _begin(self) -> None:
        if not self._started:
            self._started = True
            self.start()
