# SPDX-License-Identifier: MIT
"""AES-CMAC (SP 800-38B) and AES-XCBC-MAC (RFC 3566).

Context: the running MAC at 0; for CMAC L = AES(K, 0) at 16; for XCBC K2 at 16 and K3 at 32, and the
key register becomes K1. So does the driver save and restore them (cnstr_shdsc_sk_hash of
caam/caamhash_desc.c). The block that ends a message is told apart by LAST with FINALIZE, so a
running operation holds whole blocks, and at least one byte is left for the end.
"""

from __future__ import annotations

from models.sec.cha.base import BaseUnit
from models.sec.cha.block import AES_KEYS
from models.sec.cha.ciphers import BLOCK, aes_block, aes_cbc_mac, xor
from models.sec.cha.operation import Operation
from models.sec.cha.unit import ChaId, ClassRegisters, ErrorId, InputType

__all__ = ["CmacUnit", "MacUnit", "XcbcUnit"]


class MacUnit(BaseUnit):
    """What both MACs share; subclasses give the keys that mask a whole and a padded last block."""

    cha = ChaId.AES

    def __init__(self, operation: Operation, registers: ClassRegisters) -> None:
        super().__init__(operation, registers)
        self._pending = b""

    def start(self) -> None:
        if self.operation.starts:
            self._mac = bytes(BLOCK)
            self.registers.context[:BLOCK] = self._mac
        else:
            self._mac = bytes(self.registers.context[:BLOCK])
        self._key = self.load_keys()

    def load_keys(self) -> bytes:
        """The block cipher key of the chain; the masks go into the context."""
        raise NotImplementedError

    def mask(self, whole: bool) -> bytes:
        """What the last block is masked with, when it is whole and when it was padded."""
        raise NotImplementedError

    def take(self, kind: InputType, data: bytes, flush: bool) -> bytes:
        if kind is not InputType.MESSAGE:
            self.fail(ErrorId.SEQUENCE)
        data = self._pending + data
        keep = len(data) - (len(data) - 1) // BLOCK * BLOCK if data else 0
        self._pending = data[len(data) - keep :]
        self._mac = aes_cbc_mac(self._key, self._mac, data[: len(data) - keep])
        return b""

    def end(self) -> bytes:
        context = self.registers.context
        last = self._pending
        if not self.operation.ends:
            if len(last) % BLOCK:
                self.fail(ErrorId.DATA_SIZE)
            context[:BLOCK] = aes_cbc_mac(self._key, self._mac, last)
            return b""
        if not last and not self.operation.starts:
            self.fail(ErrorId.DATA_SIZE)
        whole = len(last) == BLOCK
        padded = last if whole else (last + b"\x80").ljust(BLOCK, b"\0")
        tag = aes_block(self._key, xor(xor(padded, self.mask(whole)), self._mac))
        context[:BLOCK] = tag
        self.check_icv(tag)
        return b""


class CmacUnit(MacUnit):
    """AES-CMAC."""

    def load_keys(self) -> bytes:
        key = self.key(*AES_KEYS)
        if self.operation.starts:
            self.registers.context[16:32] = aes_block(key, bytes(BLOCK))
        return key

    def mask(self, whole: bool) -> bytes:
        subkey = _doubled(bytes(self.registers.context[16:32]))
        return subkey if whole else _doubled(subkey)


class XcbcUnit(MacUnit):
    """AES-XCBC-MAC with a key of 16 bytes."""

    def load_keys(self) -> bytes:
        key = self.key(BLOCK)
        if not self.operation.starts:
            return key
        key1, key2, key3 = (aes_block(key, bytes([n]) * BLOCK) for n in (1, 2, 3))
        self.registers.context[16:48] = key2 + key3
        self.registers.key = key1
        return key1

    def mask(self, whole: bool) -> bytes:
        return bytes(self.registers.context[16:32] if whole else self.registers.context[32:48])


def _doubled(block: bytes) -> bytes:
    """Times x in GF(2^128), most significant bit first (SP 800-38B, 6.1)."""
    value = int.from_bytes(block, "big") << 1
    if value >> 128:
        value ^= 1 << 128 | 0x87
    return value.to_bytes(BLOCK, "big")
