# SPDX-License-Identifier: MIT
"""Which unit an OPERATION command of class 1 or class 2 gets."""

from __future__ import annotations

from models.sec.cha.arc4 import arc4_unit
from models.sec.cha.base import BaseUnit
from models.sec.cha.block import aes_unit_mode, des_unit
from models.sec.cha.ccm import CcmUnit
from models.sec.cha.chacha import chacha_unit
from models.sec.cha.crc import crc_unit
from models.sec.cha.gcm import GcmUnit
from models.sec.cha.mac import CmacUnit, XcbcUnit
from models.sec.cha.md import md_unit
from models.sec.cha.operation import Algorithm, Operation
from models.sec.cha.poly import poly_unit
from models.sec.cha.rng import rng_unit
from models.sec.cha.unit import ChaError, ChaId, ClassRegisters, ErrorId, Unit
from models.sec.cha.xts import XtsUnit
from models.sec.config import Cha, SecConfig
from models.sec.services import SecServices

__all__ = ["select"]

CLASS_1, CLASS_2 = 2, 4
_XTS, _CMAC, _XCBC_MAC, _CCM, _GCM = 0x50, 0x60, 0x70, 0x80, 0x90
_DECRYPT_KEY = 0x100


def select(word: int, own: ClassRegisters, other: ClassRegisters, services: SecServices) -> Unit:
    """The unit for an OPERATION word, see `models.sec.cha.unit`.

    ChaError: INVALID_CHA when the part lacks the CHA or the class has none of that kind, MODE when
    the CHA has no such mode.
    """
    operation = Operation.decode(word)
    cha = _cha_id(operation.algorithm)
    if not _present(cha, services.config) or operation.type not in _classes(cha, operation):
        raise ChaError(cha, ErrorId.INVALID_CHA)
    unit = _make(cha, operation, own, other, services)
    if unit is None:
        raise ChaError(cha, ErrorId.MODE)
    return unit


def _cha_id(algorithm: int) -> ChaId:
    try:
        return ChaId(algorithm >> 4)
    except ValueError:
        return ChaId.NONE


def _present(cha: ChaId, config: SecConfig) -> bool:
    chas: dict[ChaId, Cha] = {
        ChaId.AES: config.aes,
        ChaId.DES: config.des,
        ChaId.ARC4: config.arc4,
        ChaId.MD: config.md,
        ChaId.RNG: config.rng,
        ChaId.CRC: config.crc,
        ChaId.CHACHA20: config.ccha,
        ChaId.POLY1305: config.ptha,
    }
    return bool(chas.get(cha))


def _classes(cha: ChaId, operation: Operation) -> tuple[int, ...]:
    if cha in (ChaId.MD, ChaId.CRC, ChaId.POLY1305):
        return (CLASS_2,)
    if cha is ChaId.AES and operation.aai in (_CMAC, _XCBC_MAC):
        return (CLASS_1, CLASS_2)
    return (CLASS_1,)


def _make(
    cha: ChaId,
    operation: Operation,
    own: ClassRegisters,
    other: ClassRegisters,
    services: SecServices,
) -> BaseUnit | None:
    if cha is ChaId.MD:
        return md_unit(operation, own, services.config.digest_limit)
    if cha is ChaId.POLY1305:
        return poly_unit(operation, own, other) if operation.algorithm == 0xE0 else None
    if cha is ChaId.DES:
        known = operation.algorithm in (Algorithm.DES, Algorithm.TRIPLE_DES)
        return des_unit(operation, own) if known else None
    if operation.algorithm & 0xF:
        return None
    if cha is ChaId.AES:
        return _aes(operation, own, services.config)
    if cha is ChaId.ARC4:
        return arc4_unit(operation, own)
    if cha is ChaId.RNG:
        return rng_unit(operation, own, services)
    if cha is ChaId.CRC:
        return crc_unit(operation, own)
    return chacha_unit(operation, own)


def _aes(operation: Operation, own: ClassRegisters, config: SecConfig) -> BaseUnit | None:
    aai = operation.aai
    if aai & ~_DECRYPT_KEY == _XTS:
        if not config.has_xts or (aai & _DECRYPT_KEY and operation.encrypt):
            return None
        return XtsUnit(operation, own, config.has_xts_16_byte_iv)
    if aai == _GCM:
        return GcmUnit(operation, own) if config.has_gcm else None
    if aai == _CCM:
        return CcmUnit(operation, own)
    if aai == _CMAC:
        return CmacUnit(operation, own)
    if aai == _XCBC_MAC:
        return XcbcUnit(operation, own)
    return aes_unit_mode(operation, own)
