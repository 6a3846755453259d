# SPDX-License-Identifier: MIT
"""AES-XTS (IEEE 1619), class 1, with sectors: the data is a run of them, each with the next index.

Context: sector index at 0x20 and, from era 9 on, its upper half at 0x30 (little-endian bytes, as
IEEE 1619 makes them the tweak); sector size in bytes at 0x28, big-endian, 0 for one endless sector.
A sector that does not end on a block boundary ends in ciphertext stealing. The key register holds
key 1 (data) and key 2 (tweak).
"""

from __future__ import annotations

from cryptography.hazmat.primitives.ciphers import Cipher, modes
from cryptography.hazmat.primitives.ciphers.algorithms import AES

from models.sec.cha.base import BaseUnit
from models.sec.cha.ciphers import BLOCK, aes_block, cipher_pass, xor
from models.sec.cha.decryptkey import from_decrypt_form, to_decrypt_form
from models.sec.cha.operation import Operation
from models.sec.cha.unit import ChaId, ClassRegisters, ErrorId, InputType

__all__ = ["XtsUnit"]

INDEX, SECTOR_SIZE, INDEX_UPPER = 0x20, 0x28, 0x30
LONGEST_UNIT = 1 << 24
"""Bytes of the longest data unit that IEEE 1619 allows."""
_DECRYPT_KEY = 0x100


class XtsUnit(BaseUnit):
    """`wide_index`: the upper half of the sector index is there; without, it is taken as zero."""

    cha = ChaId.AES

    def __init__(self, operation: Operation, registers: ClassRegisters, wide_index: bool) -> None:
        super().__init__(operation, registers)
        self._wide = wide_index
        self._pending = bytearray()

    def start(self) -> None:
        key = self.key(32, 64)
        half = len(key) // 2
        self._key1, self._key2 = self._data_key(key[:half], key[half:]), key[half:]
        context = self.registers.context
        low = bytes(context[INDEX : INDEX + 8])
        high = bytes(context[INDEX_UPPER : INDEX_UPPER + 8]) if self._wide else bytes(8)
        self._index = int.from_bytes(low + high, "little")
        self._size = int.from_bytes(context[SECTOR_SIZE : SECTOR_SIZE + 8], "big")
        if 0 < self._size < BLOCK or self._size > LONGEST_UNIT:
            self.fail(ErrorId.DATA_SIZE)

    def _data_key(self, key1: bytes, key2: bytes) -> bytes:
        if self.operation.encrypt:
            return key1
        if self.operation.aai & _DECRYPT_KEY:
            return from_decrypt_form(key1)
        self.registers.key = to_decrypt_form(key1) + key2
        return key1

    def take(self, kind: InputType, data: bytes, flush: bool) -> bytes:
        if kind is not InputType.MESSAGE:
            self.fail(ErrorId.SEQUENCE)
        self._pending += data
        if not self._size:
            if len(self._pending) > LONGEST_UNIT:
                self.fail(ErrorId.DATA_SIZE)
            return b""
        output = bytearray()
        while len(self._pending) >= self._size:
            output += self._sector(bytes(self._pending[: self._size]))
            del self._pending[: self._size]
        return bytes(output)

    def end(self) -> bytes:
        output = self._rest() if self._pending else b""
        index = self._index.to_bytes(BLOCK, "little")
        self.registers.context[INDEX : INDEX + 8] = index[:8]
        if self._wide:
            self.registers.context[INDEX_UPPER : INDEX_UPPER + 8] = index[8:]
        return output

    def _rest(self) -> bytes:
        """A last sector cut short; the index stays at it."""
        if len(self._pending) < BLOCK:
            self.fail(ErrorId.DATA_SIZE)
        return self._crypt(bytes(self._pending))

    def _sector(self, data: bytes) -> bytes:
        output = self._crypt(data)
        self._index = (self._index + 1) % (1 << 128)
        return output

    def _crypt(self, data: bytes) -> bytes:
        tweak = self._index.to_bytes(BLOCK, "little")
        if self._key1 == self._key2:
            return _crypt_equal_keys(self._key1, tweak, data, self.operation.encrypt)
        cipher = Cipher(AES(self._key1 + self._key2), modes.XTS(tweak))
        return (cipher.encryptor() if self.operation.encrypt else cipher.decryptor()).update(data)


def _tweaks(key: bytes, tweak: bytes, count: int) -> list[bytes]:
    value = int.from_bytes(aes_block(key, tweak), "little")
    tweaks = []
    for _ in range(count):
        tweaks.append(value.to_bytes(BLOCK, "little"))
        value = (value << 1) ^ (0x87 | 1 << 128 if value >> 127 else 0)
    return tweaks


def _crypt_equal_keys(key: bytes, tweak: bytes, data: bytes, encrypt: bool) -> bytes:
    """What the library refuses: two equal keys. The silicon does not look."""
    rest = len(data) % BLOCK
    blocks = len(data) // BLOCK
    tweaks = _tweaks(key, tweak, blocks + 1)

    def crypt(part: bytes, masks: list[bytes]) -> bytes:
        mask = b"".join(masks)
        ecb = cipher_pass("aes", key, "ecb", b"", encrypt)
        return xor(ecb.update(xor(part, mask)), mask)

    if not rest:
        return crypt(data, tweaks[:blocks])
    head = (blocks - 1) * BLOCK
    output = crypt(data[:head], tweaks[: blocks - 1]) if head else b""
    first, second = tweaks[blocks - 1], tweaks[blocks]
    if not encrypt:
        first, second = second, first
    stolen = crypt(data[head : head + BLOCK], [first])
    last = crypt(data[head + BLOCK :] + stolen[rest:], [second])
    return output + last + stolen[:rest]
