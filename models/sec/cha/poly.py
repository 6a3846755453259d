# SPDX-License-Identifier: MIT
"""PTHA: Poly1305 (RFC 8439), class 2, alone and as the authenticator of ChaCha20-Poly1305.

Alone, the class 2 key is the one-time key (r, s). In AEAD mode the one-time key comes from the
ChaCha20 unit of class 1; POLY (or AAD) data, then the ciphertext as message, are padded and
followed by their lengths here. Context: the tag at 0.
"""

from __future__ import annotations

from cryptography.hazmat.primitives.poly1305 import Poly1305

from models.sec.cha.base import BaseUnit
from models.sec.cha.chacha import AEAD, KEY_SIZE, one_time_key
from models.sec.cha.operation import Algorithm, Operation
from models.sec.cha.unit import ChaError, ChaId, ClassRegisters, ErrorId, InputType

__all__ = ["PolyUnit", "poly_unit"]

TAG = 16
_BLOCK = 16


class PolyUnit(BaseUnit):
    """Poly1305 in one piece; `other` are the registers of class 1."""

    cha = ChaId.POLY1305

    def __init__(
        self, operation: Operation, registers: ClassRegisters, other: ClassRegisters
    ) -> None:
        super().__init__(operation, registers)
        self._other = other
        self._aead = operation.aai == AEAD
        self._sizes = {InputType.AAD: 0, InputType.MESSAGE: 0}

    def start(self) -> None:
        self._poly = Poly1305(self._borrowed_key() if self._aead else self.key(KEY_SIZE))

    def _borrowed_key(self) -> bytes:
        other = self._other
        cipher = Operation.decode(other.mode)
        if cipher.algorithm != Algorithm.CHACHA20 or not cipher.aai & AEAD:
            self.fail(ErrorId.INVALID_COMBINATION)
        key = bytes(other.key[: other.key_size])
        if len(key) != KEY_SIZE:
            raise ChaError(ChaId.CHACHA20, ErrorId.KEY_SIZE)
        return one_time_key(key, bytes(other.context[:16]), cipher.aai)

    def take(self, kind: InputType, data: bytes, flush: bool) -> bytes:
        if kind is InputType.POLY:
            kind = InputType.AAD
        if kind not in self._sizes or (kind is InputType.AAD and not self._aead):
            self.fail(ErrorId.SEQUENCE)
        if not data:
            return b""
        if self._aead and kind is InputType.MESSAGE and not self._sizes[kind]:
            self._pad(InputType.AAD)
        elif kind is InputType.AAD and self._sizes[InputType.MESSAGE]:
            self.fail(ErrorId.SEQUENCE)
        self._sizes[kind] += len(data)
        self._poly.update(data)
        return b""

    def _pad(self, kind: InputType) -> None:
        self._poly.update(bytes(-self._sizes[kind] % _BLOCK))

    def end(self) -> bytes:
        if self._aead:
            aad, message = self._sizes[InputType.AAD], self._sizes[InputType.MESSAGE]
            self._pad(InputType.MESSAGE if message else InputType.AAD)
            self._poly.update(aad.to_bytes(8, "little") + message.to_bytes(8, "little"))
        tag = self._poly.finalize()
        self.registers.context[:TAG] = tag
        self.check_icv(tag)
        return b""


def poly_unit(
    operation: Operation, registers: ClassRegisters, other: ClassRegisters
) -> PolyUnit | None:
    """The unit of a Poly1305 operation; None for a mode there is not."""
    if operation.aai not in (0, AEAD) or not (operation.starts and operation.ends):
        return None
    return PolyUnit(operation, registers, other)
