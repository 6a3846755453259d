# SPDX-License-Identifier: MIT
"""AFHA: the cipher known as ARC4, class 1.

An operation that starts makes the S-box from the key; one that goes on takes it from the registers
(or SBOX data): 256 bytes, then I and J. It is left there.
"""

from __future__ import annotations

from models.sec.cha.base import BaseUnit
from models.sec.cha.operation import Operation
from models.sec.cha.unit import KEY_BYTES, ChaId, ClassRegisters, ErrorId, InputType

__all__ = ["Arc4Unit", "arc4_unit"]

SBOX = 256
LOADED = SBOX + 2


class Arc4Unit(BaseUnit):
    """ARC4 in all states."""

    cha = ChaId.ARC4

    def start(self) -> None:
        self._sbox: list[int] | None = None
        self._loaded = b""
        self._i = self._j = 0
        if self.operation.starts:
            self._sbox = _schedule(self.key(*range(1, KEY_BYTES + 1)))
        else:
            self._loaded = bytes(self.registers.sbox)

    def take(self, kind: InputType, data: bytes, flush: bool) -> bytes:
        if kind is InputType.SBOX and self._sbox is None:
            self._loaded = data if len(self._loaded) == LOADED else self._loaded + data
            return b""
        if kind is not InputType.MESSAGE:
            self.fail(ErrorId.SEQUENCE)
        return self._crypt(self._ready(), data)

    def _ready(self) -> list[int]:
        if self._sbox is None:
            if len(self._loaded) != LOADED:
                self.fail(ErrorId.KEY_SIZE)
            *self._sbox, self._i, self._j = self._loaded
        return self._sbox

    def _crypt(self, sbox: list[int], data: bytes) -> bytes:
        i, j = self._i, self._j
        output = bytearray()
        for byte in data:
            i = (i + 1) & 0xFF
            a = sbox[i]
            j = (j + a) & 0xFF
            b = sbox[j]
            sbox[i], sbox[j] = b, a
            output.append(byte ^ sbox[(a + b) & 0xFF])
        self._i, self._j = i, j
        return bytes(output)

    def end(self) -> bytes:
        self.registers.sbox = bytes((*self._ready(), self._i, self._j))
        return b""


def _schedule(key: bytes) -> list[int]:
    sbox = list(range(SBOX))
    j = 0
    for i in range(SBOX):
        j = (j + sbox[i] + key[i % len(key)]) & 0xFF
        sbox[i], sbox[j] = sbox[j], sbox[i]
    return sbox


def arc4_unit(operation: Operation, registers: ClassRegisters) -> Arc4Unit | None:
    """The unit of an ARC4 operation; None for a mode there is not."""
    return None if operation.aai else Arc4Unit(operation, registers)
