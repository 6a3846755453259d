# SPDX-License-Identifier: MIT
"""CRCA: 32-bit cyclic redundancy checks, class 2.

The polynomial is that of IEEE 802.3, that of iSCSI (RFC 3385), or four bytes of the class 2 key
(CUST_POLY). DIS leaves the bits of an input byte in order (else they are taken least significant
first), DOS those of the result, DOC leaves the result uncomplemented, IVZ starts from zero instead
of all ones. Context: while running the remainder at 0, at the end the CRC at 0, big-endian (4
bytes), four zeros behind it.
"""

from __future__ import annotations

from functools import lru_cache

from models.sec.cha.base import BaseUnit
from models.sec.cha.operation import Operation
from models.sec.cha.unit import ChaId, ClassRegisters, ErrorId, InputType

__all__ = ["CrcUnit", "crc_unit"]

CUSTOM = 0x4
DIS, DOS, DOC, IVZ = 0x10, 0x20, 0x40, 0x80
_POLYNOMIALS = {0x1: 0x04C11DB7, 0x2: 0x1EDC6F41}
_REVERSED = bytes(int(f"{byte:08b}"[::-1], 2) for byte in range(256))
_MASK = 0xFFFFFFFF


@lru_cache(maxsize=16)
def _table(polynomial: int) -> tuple[int, ...]:
    table = []
    for byte in range(256):
        value = byte << 24
        for _ in range(8):
            value = (value << 1 ^ (polynomial if value & 0x80000000 else 0)) & _MASK
        table.append(value)
    return tuple(table)


class CrcUnit(BaseUnit):
    """Any CRC."""

    cha = ChaId.CRC

    def start(self) -> None:
        polynomial = _POLYNOMIALS.get(self.operation.aai & 0xF)
        if polynomial is None:
            polynomial = int.from_bytes(self.key(4), "big")
        self._table = _table(polynomial)
        if self.operation.starts:
            self._value = 0 if self.operation.aai & IVZ else _MASK
        else:
            self._value = int.from_bytes(self.registers.context[:4], "big")

    def take(self, kind: InputType, data: bytes, flush: bool) -> bytes:
        if kind is not InputType.MESSAGE:
            self.fail(ErrorId.SEQUENCE)
        table, value = self._table, self._value
        for byte in data if self.operation.aai & DIS else data.translate(_REVERSED):
            value = table[value >> 24 ^ byte] ^ value << 8 & _MASK
        self._value = value
        return b""

    def end(self) -> bytes:
        result = self._value.to_bytes(4, "big")
        if self.operation.ends:
            if not self.operation.aai & DOS:
                result = result[::-1].translate(_REVERSED)
            if not self.operation.aai & DOC:
                result = bytes(byte ^ 0xFF for byte in result)
        self.registers.context[:8] = result.ljust(8, b"\0")
        if self.operation.ends:
            self.check_icv(result)
        return b""


def crc_unit(operation: Operation, registers: ClassRegisters) -> CrcUnit | None:
    """The unit of a CRC operation; None for a mode there is not."""
    choice = operation.aai & 0xF
    if operation.aai & 0x100 or (choice != CUSTOM and choice not in _POLYNOMIALS):
        return None
    return CrcUnit(operation, registers)
