# SPDX-License-Identifier: MIT
"""AES in ECB, CBC, CFB, OFB and CTR mode, DES and 3DES in ECB, CBC, CFB and OFB mode (class 1).

CFB has the feedback of a whole block: CFB-128 and CFB-64.
"""

from __future__ import annotations

from models.sec.cha.base import BaseUnit
from models.sec.cha.ciphers import BLOCK, AesCtr, Pass, cipher_pass, des_key, xor
from models.sec.cha.decryptkey import from_decrypt_form, to_decrypt_form
from models.sec.cha.operation import Algorithm, Operation
from models.sec.cha.unit import ChaId, ClassRegisters, ErrorId, InputType

__all__ = ["AES_KEYS", "AesCtrUnit", "BlockUnit", "aes_unit_mode", "des_unit"]

AES_KEYS = (16, 24, 32)
CTR_OFFSET = 16
DES_CHECK_PARITY = 0x80
_CHAINED = {0x10: "cbc", 0x20: "ecb", 0x30: "cfb", 0x40: "ofb"}
_AES_DECRYPT_KEY = 0x100


class BlockUnit(BaseUnit):
    """A chained mode. The IV is at context offset 0 and is written back."""

    def __init__(
        self, operation: Operation, registers: ClassRegisters, cipher: str, mode: str
    ) -> None:
        self.cha = ChaId.AES if cipher == "aes" else ChaId.DES
        super().__init__(operation, registers)
        self._cipher = cipher
        self._mode = mode
        self._block = BLOCK if cipher == "aes" else 8
        self._pending = b""
        self._tail = b""  # the last whole blocks in and out, for the IV
        self._pass: Pass

    def start(self) -> None:
        iv = bytes(self.registers.context[: self._block])
        self._iv = iv
        self._pass = cipher_pass(
            self._cipher, self._load_key(), self._mode, iv, self.operation.encrypt
        )

    def _load_key(self) -> bytes:
        if self._cipher == "aes":
            return self._load_aes_key()
        triple = self.operation.algorithm == Algorithm.TRIPLE_DES
        key = self.key(16, 24) if triple else self.key(8)
        if self.operation.aai & DES_CHECK_PARITY and any(byte.bit_count() % 2 == 0 for byte in key):
            self.fail(ErrorId.KEY_PARITY)
        return des_key(key)

    def _load_aes_key(self) -> bytes:
        """AES leaves the key of an ECB or CBC decryption in decryption form, and DK says that it is
        in that form already."""
        key = self.key(*AES_KEYS)
        if self.operation.encrypt or self._mode not in ("ecb", "cbc"):
            return key
        if self.operation.aai & _AES_DECRYPT_KEY:
            return from_decrypt_form(key)
        self.registers.key = to_decrypt_form(key)
        return key

    def take(self, kind: InputType, data: bytes, flush: bool) -> bytes:
        if kind is not InputType.MESSAGE:
            self.fail(ErrorId.SEQUENCE)
        if self._mode in ("ecb", "cbc"):
            return self._whole_blocks(data)
        output = self._pass.update(data)
        self._note(data, output)
        return output

    def _whole_blocks(self, data: bytes) -> bytes:
        if self._pending:
            data = self._pending + data
        rest = len(data) % self._block
        self._pending = data[len(data) - rest :] if rest else b""
        if rest:
            data = data[:-rest]
        if not data:
            return b""
        output = self._pass.update(data)
        if self._mode == "cbc":
            self._iv = (output if self.operation.encrypt else data)[-self._block :]
        return output

    def _note(self, data: bytes, output: bytes) -> None:
        """CFB and OFB: keep what the feedback register will be at the last whole block."""
        ciphertext = output if self.operation.encrypt else data
        self._tail += ciphertext if self._mode == "cfb" else xor(data, output)
        whole = len(self._tail) // self._block * self._block
        if whole:
            self._iv = self._tail[whole - self._block : whole]
            self._tail = self._tail[whole:]

    def end(self) -> bytes:
        if self._pending:
            self.fail(ErrorId.DATA_SIZE)
        if self._mode != "ecb":
            self.registers.context[: self._block] = self._iv
        return b""


class AesCtrUnit(BaseUnit):
    """Counter mode. The counter is at context offset 16; the last block may be a part."""

    cha = ChaId.AES

    def __init__(self, operation: Operation, registers: ClassRegisters, bits: int) -> None:
        super().__init__(operation, registers)
        self._bits = bits

    def start(self) -> None:
        counter = bytes(self.registers.context[CTR_OFFSET : CTR_OFFSET + BLOCK])
        self._ctr = AesCtr(self.key(*AES_KEYS), counter, self._bits)

    def take(self, kind: InputType, data: bytes, flush: bool) -> bytes:
        if kind is not InputType.MESSAGE:
            self.fail(ErrorId.SEQUENCE)
        return self._ctr.update(data)

    def end(self) -> bytes:
        self.registers.context[CTR_OFFSET : CTR_OFFSET + BLOCK] = self._ctr.counter
        return b""


def aes_unit_mode(operation: Operation, registers: ClassRegisters) -> BaseUnit | None:
    """The unit of a chained or counter mode of AES; None for another mode."""
    decrypt_key = operation.aai & _AES_DECRYPT_KEY
    aai = operation.aai & 0xFF
    if aai < 0x10 and not decrypt_key:
        return AesCtrUnit(operation, registers, 8 * aai or 128)
    mode = _CHAINED.get(aai)
    if mode is None or (decrypt_key and (operation.encrypt or mode not in ("ecb", "cbc"))):
        return None
    return BlockUnit(operation, registers, "aes", mode)


def des_unit(operation: Operation, registers: ClassRegisters) -> BaseUnit | None:
    """The unit of a DES or 3DES operation; None for a mode there is not."""
    mode = _CHAINED.get(operation.aai & ~DES_CHECK_PARITY)
    return None if mode is None else BlockUnit(operation, registers, "des", mode)
