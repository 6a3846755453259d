# SPDX-License-Identifier: MIT
"""AES-GCM and GMAC (SP 800-38D), class 1.

The IV comes as IV data, 12 bytes or any other number. Context: MAC 0, Yi 16 (the counter block last
used), Y0 32, lengths of AAD (48) and message (56) in bits. In a running operation AAD and message
are padded to a block at its end. UPDATE takes AAD even after message data.
"""

from __future__ import annotations

from typing import Protocol

from cryptography.hazmat.primitives.ciphers import Cipher, modes
from cryptography.hazmat.primitives.ciphers.algorithms import AES

from models.sec.cha.base import BaseUnit
from models.sec.cha.block import AES_KEYS
from models.sec.cha.ciphers import BLOCK, AesCtr, Pass, aes_block, xor
from models.sec.cha.ghash import ghash
from models.sec.cha.operation import Operation
from models.sec.cha.unit import ChaId, ClassRegisters, ErrorId, InputType

__all__ = ["GcmUnit"]

_LIBRARY_IVS = range(8, 129)
_GATHER = 1 << 16
_COUNT = (1 << 32) - 1


class _Engine(Protocol):
    """One way to do the work from a starting point on."""

    def aad(self, data: bytes) -> None: ...

    def message(self, data: bytes) -> bytes: ...

    def end(self) -> bytes:
        """The final tag, or the running MAC."""


class GcmUnit(BaseUnit):
    """GCM in all states."""

    cha = ChaId.AES

    def __init__(self, operation: Operation, registers: ClassRegisters) -> None:
        super().__init__(operation, registers)
        self._iv = b""
        self._engine: _Engine | None = None
        self._message_begun = False
        self._aad_bytes = 0
        self._message_bytes = 0

    def start(self) -> None:
        self._key = self.key(*AES_KEYS)
        if self.operation.starts:
            return
        context = bytes(self.registers.context)
        self._yi, self._y0 = context[16:32], context[32:48]
        self._aad_bytes = int.from_bytes(context[48:56], "big") // 8
        self._message_bytes = int.from_bytes(context[56:64], "big") // 8
        self._engine = _Running(self._key, context[:16], self._yi, self.operation)

    def _open(self) -> _Engine:
        """The IV is complete."""
        if self._engine is None:
            iv = self._iv
            if not iv:
                self.fail(ErrorId.DATA_SIZE)
            self._y0 = self._yi = _first_counter(self._key, iv)
            if self.operation.ends and len(iv) in _LIBRARY_IVS:
                self._engine = _OneShot(self._key, iv, self.operation.encrypt)
            else:
                self._engine = _Running(self._key, bytes(BLOCK), self._y0, self.operation)
        return self._engine

    def take(self, kind: InputType, data: bytes, flush: bool) -> bytes:
        if kind is InputType.IV:
            if self._engine is not None:
                self.fail(ErrorId.SEQUENCE)
            self._iv += data
            if len(self._iv) > _GATHER:
                self.fail(ErrorId.DATA_SIZE)
            return b""
        engine = self._open()
        if kind is InputType.AAD:
            if self._message_begun and data:
                self.fail(ErrorId.SEQUENCE)
            self._aad_bytes += len(data)
            engine.aad(data)
            return b""
        if kind is not InputType.MESSAGE:
            self.fail(ErrorId.SEQUENCE)
        if not data:
            return b""
        self._message_begun = True
        self._message_bytes += len(data)
        return engine.message(data)

    def end(self) -> bytes:
        before = self.registers.context[56:64]
        mac = self._open().end()
        context = self.registers.context
        lengths = (8 * self._aad_bytes % (1 << 64)).to_bytes(8, "big")
        lengths += (8 * self._message_bytes % (1 << 64)).to_bytes(8, "big")
        earlier = 0 if self.operation.starts else int.from_bytes(before, "big") // 8
        blocks = -(-(self._message_bytes - earlier) // BLOCK)
        context[16:64] = _counted(self._yi, blocks) + self._y0 + lengths
        if self.operation.ends and isinstance(self._engine, _Running):
            mac = xor(ghash(self._key, mac, lengths), aes_block(self._key, self._y0))
        context[:BLOCK] = mac
        if self.operation.ends:
            self.check_icv(mac)
        return b""


def _counted(counter: bytes, blocks: int) -> bytes:
    low = int.from_bytes(counter[12:], "big") + blocks & _COUNT
    return counter[:12] + low.to_bytes(4, "big")


def _first_counter(key: bytes, iv: bytes) -> bytes:
    if len(iv) == 12:
        return iv + b"\0\0\0\1"
    padded = iv + bytes(-len(iv) % BLOCK) + (8 * len(iv)).to_bytes(BLOCK, "big")
    return ghash(key, bytes(BLOCK), padded)


class _OneShot:
    """A whole operation by the library. It gives a tag to encryptions only, so a decryption
    encrypts what came out once more."""

    def __init__(self, key: bytes, iv: bytes, encrypt: bool) -> None:
        self._tagger = Cipher(AES(key), modes.GCM(iv)).encryptor()
        self._reader: Pass | None = None
        if not encrypt:
            self._reader = Cipher(AES(key), modes.GCM(iv)).decryptor()

    def aad(self, data: bytes) -> None:
        if data:
            self._tagger.authenticate_additional_data(data)

    def message(self, data: bytes) -> bytes:
        if self._reader is None:
            return self._tagger.update(data)
        plaintext = self._reader.update(data)
        self._tagger.update(plaintext)
        return plaintext

    def end(self) -> bytes:
        self._tagger.finalize()
        return self._tagger.tag


class _Running:
    """Counter mode and GHASH, from a context on."""

    def __init__(self, key: bytes, mac: bytes, counter: bytes, operation: Operation) -> None:
        self._key = key
        self._mac = mac
        self._encrypt = operation.encrypt
        self._ctr = AesCtr(key, _counted(counter, 1), 32)
        self._gathered = bytearray()
        self._in_message = False

    def aad(self, data: bytes) -> None:
        self._gather(data)

    def message(self, data: bytes) -> bytes:
        if not self._in_message:
            self._in_message = True
            self._gathered += bytes(-len(self._gathered) % BLOCK)
        output = self._ctr.update(data)
        self._gather(output if self._encrypt else data)
        return output

    def _gather(self, data: bytes) -> None:
        self._gathered += data
        whole = len(self._gathered) // BLOCK * BLOCK
        if whole >= _GATHER:
            self._mac = ghash(self._key, self._mac, bytes(self._gathered[:whole]))
            del self._gathered[:whole]

    def end(self) -> bytes:
        padded = bytes(self._gathered) + bytes(-len(self._gathered) % BLOCK)
        return ghash(self._key, self._mac, padded)
