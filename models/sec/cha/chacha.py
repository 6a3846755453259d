# SPDX-License-Identifier: MIT
"""CCHA: ChaCha20 (RFC 8439), class 1, alone and as the cipher of ChaCha20-Poly1305.

Context: block counter (little-endian), then nonce: 4 and 12 bytes, with BC8 8 and 8. In AEAD mode
an operation that starts takes block 0 for the Poly1305 key, whatever the counter says, and the
message from block 1 on; AAD passes by unread. KEYSTREAM gives the key stream itself.
"""

from __future__ import annotations

from cryptography.hazmat.primitives.ciphers import Cipher
from cryptography.hazmat.primitives.ciphers.algorithms import ChaCha20

from models.sec.cha.base import BaseUnit
from models.sec.cha.ciphers import Pass
from models.sec.cha.operation import Operation
from models.sec.cha.unit import ChaId, ClassRegisters, ErrorId, InputType

__all__ = ["AEAD", "ChaChaUnit", "chacha_unit", "one_time_key"]

KEYSTREAM, AEAD, BC8 = 0x1, 0x2, 0x8
KEY_SIZE = 32
BLOCK = 64
_NONCE_END = 16


def _stream(key: bytes, counter: int, context: bytes, width: int) -> Pass:
    nonce = counter.to_bytes(width, "little") + context[width:_NONCE_END]
    return Cipher(ChaCha20(key, nonce), mode=None).encryptor()


def one_time_key(key: bytes, context: bytes, aai: int) -> bytes:
    """The Poly1305 key of an AEAD operation: the first half of block 0."""
    return _stream(key, 0, context, 8 if aai & BC8 else 4).update(bytes(32))


class ChaChaUnit(BaseUnit):
    """Any of its modes."""

    cha = ChaId.CHACHA20

    def start(self) -> None:
        self._key = self.key(KEY_SIZE)
        self._context = bytes(self.registers.context[:_NONCE_END])
        self._width = 8 if self.operation.aai & BC8 else 4
        self._modulus = 1 << 8 * self._width
        self._counter = int.from_bytes(self._context[: self._width], "little")
        if self.operation.aai & AEAD and self.operation.starts:
            self._counter = 1
        self._open()

    def _open(self) -> None:
        """A stream up to where 32 bits of the counter wrap: libraries differ beyond."""
        self._room = BLOCK * ((1 << 32) - self._counter % (1 << 32))
        self._used = 0
        self._pass = _stream(self._key, self._counter, self._context, self._width)

    def take(self, kind: InputType, data: bytes, flush: bool) -> bytes:
        if kind in (InputType.POLY, InputType.AAD) and self.operation.aai & AEAD:
            return b""
        if kind is not InputType.MESSAGE:
            self.fail(ErrorId.SEQUENCE)
        if self.operation.aai & KEYSTREAM:
            data = bytes(len(data))
        output = b""
        while len(data) >= self._room - self._used:
            chunk = data[: self._room - self._used]
            data = data[len(chunk) :]
            output += self._pass.update(chunk)
            self._used += len(chunk)
            self._counter = self._next
            self._open()
        self._used += len(data)
        return output + self._pass.update(data)

    @property
    def _next(self) -> int:
        return (self._counter + -(-self._used // BLOCK)) % self._modulus

    def end(self) -> bytes:
        self.registers.context[: self._width] = self._next.to_bytes(self._width, "little")
        return b""


def chacha_unit(operation: Operation, registers: ClassRegisters) -> ChaChaUnit | None:
    """The unit of a ChaCha20 operation; None for a mode there is not."""
    aai = operation.aai
    if aai & ~(KEYSTREAM | AEAD | BC8) or (aai & KEYSTREAM and aai & AEAD):
        return None
    return ChaChaUnit(operation, registers)
