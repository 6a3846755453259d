# SPDX-License-Identifier: MIT
"""AES-CCM (SP 800-38C), class 1.

Software lays B0 at context offset 0 and CTR0 at 16, and gives AAD with its encoded length in front.
A running context holds the CBC-MAC (0), the counter last used (16), E(K, CTR0) (32) and the bytes
of AAD and of message so far (48, 52; four bytes each). At the end of an encryption the encrypted
MAC is at 32; at the end of a decryption the plain MAC is at 0 and E(K, CTR0) at 32. AAD and message
are padded to a block by the unit.
"""

from __future__ import annotations

from models.sec.cha.base import BaseUnit
from models.sec.cha.block import AES_KEYS
from models.sec.cha.ciphers import BLOCK, AesCtr, aes_block, aes_cbc_mac, xor
from models.sec.cha.operation import Operation
from models.sec.cha.unit import ChaId, ClassRegisters, ErrorId, InputType

__all__ = ["CcmUnit"]

_SIZE_64_BIT_AAD = b"\xff\xff"


class CcmUnit(BaseUnit):
    """CCM in all states."""

    cha = ChaId.AES

    def __init__(self, operation: Operation, registers: ClassRegisters) -> None:
        super().__init__(operation, registers)
        self._pending = b""
        self._message_begun = False
        self._head = b""  # the first bytes of the AAD: its encoded length

    def start(self) -> None:
        self._key = key = self.key(*AES_KEYS)
        context = bytes(self.registers.context)
        counter = context[16:32]
        if self.operation.starts:
            self._mac = aes_block(key, context[:BLOCK])
            self._mask = aes_block(key, counter)
            self._aad_bytes = self._message_bytes = 0
        else:
            self._mac, self._mask = context[:BLOCK], context[32:48]
            self._aad_bytes = int.from_bytes(context[48:52], "big")
            self._message_bytes = int.from_bytes(context[52:56], "big")
        self._ctr = AesCtr(key, _plus(counter, 1))

    def take(self, kind: InputType, data: bytes, flush: bool) -> bytes:
        if not data:
            if kind not in (InputType.AAD, InputType.MESSAGE):
                self.fail(ErrorId.SEQUENCE)
            return b""
        if kind is InputType.AAD:
            self._take_aad(data)
            return b""
        if kind is not InputType.MESSAGE:
            self.fail(ErrorId.SEQUENCE)
        if not self._message_begun:
            self._message_begun = True
            self._pad()
        self._message_bytes += len(data)
        output = self._ctr.update(data)
        self._authenticate(data if self.operation.encrypt else output)
        return output

    def _take_aad(self, data: bytes) -> None:
        if self._message_begun or (not self.operation.starts and self._message_bytes):
            self.fail(ErrorId.SEQUENCE)
        if self.operation.starts and len(self._head) < 2:
            self._head = (self._head + data)[:2]
            if self._head == _SIZE_64_BIT_AAD:
                self.fail(ErrorId.CCM_AAD_SIZE)
        self._aad_bytes += len(data)
        self._authenticate(data)

    def _authenticate(self, data: bytes) -> None:
        data = self._pending + data
        whole = len(data) // BLOCK * BLOCK
        self._pending = data[whole:]
        self._mac = aes_cbc_mac(self._key, self._mac, data[:whole])

    def _pad(self) -> None:
        if self._pending:
            self._authenticate(bytes(BLOCK - len(self._pending)))

    def end(self) -> bytes:
        self._pad()
        context = self.registers.context
        counts = (self._aad_bytes, self._message_bytes)
        context[:BLOCK] = self._mac
        context[16:32] = _plus(self._ctr.counter, -1)
        context[48:56] = b"".join((count & 0xFFFFFFFF).to_bytes(4, "big") for count in counts)
        encrypted = xor(self._mac, self._mask)
        sealed = self.operation.ends and self.operation.encrypt
        context[32:48] = encrypted if sealed else self._mask
        if self.operation.ends:
            self.check_icv(encrypted)
        return b""


def _plus(counter: bytes, number: int) -> bytes:
    return (int.from_bytes(counter, "big") + number & ((1 << 128) - 1)).to_bytes(BLOCK, "big")
