# SPDX-License-Identifier: MIT
"""What a SEC says of itself: the constant words of its version and monitor registers."""

from __future__ import annotations

from models.sec.config import Cha, SecConfig
from models.sec.monitor_registers import (
    AESA_VERSION,
    CCBVID,
    CHANUM_LS,
    CHANUM_MS,
    CHAVID_LS,
    CHAVID_MS,
    CRNR_LS,
    CRNR_MS,
    CTPR_LS,
    CTPR_MS,
    SECVID_MS,
)
from models.sec.services import STATE_HANDLES
from testbed.remoteport.registers import Register

__all__ = ["constant_words"]

_RNG4 = 4
"""RNG version from which on there are state handles to instantiate."""

_LAST_ERA_WITHOUT_CCBVID_ERA = 5
_FIRST_ERA_WITH_VERSION_REGISTERS = 10


def _halves(config: SecConfig) -> tuple[dict[str, Cha], dict[str, Cha]]:
    """CHAs by their field in the most and least significant CHA registers."""
    return (
        {
            "JR": Cha(config.rings),
            "DECO": Cha(config.decos),
            "ZA": config.zuc_a,
            "ZE": config.zuc_e,
            "SNW9": config.snow_f9,
            "CRC": config.crc,
        },
        {
            "PK": config.pk,
            "KAS": config.kasumi,
            "SNW8": config.snow_f8,
            "RNG": config.rng,
            "MD": config.md,
            "ARC4": config.arc4,
            "DES": config.des,
            "AES": config.aes,
        },
    )


def _packed(register: type[Register], chas: dict[str, Cha], part: str) -> int:
    fields = {field.name: field for field in register.fields}
    word = 0
    for name, cha in chas.items():
        # From era 10 on a number may not fit here; the version registers have all of it.
        word = fields[name].put(word, getattr(cha, part) & 0xF)
    return word


def _version(cha: Cha) -> int:
    word = AESA_VERSION.VID.put(0, cha.version)
    word = AESA_VERSION.REV.put(word, cha.revision)
    word = AESA_VERSION.MISC.put(word, cha.misc)
    return AESA_VERSION.NUM.put(word, cha.count)


def _compile_time(config: SecConfig) -> tuple[int, int]:
    most = CTPR_MS.DECO_WD.mask
    most = CTPR_MS.PS.put(most, config.pointer_bits > 32)
    most = CTPR_MS.PG_SZ.put(most, config.page_size == 65536)
    if config.rng.version >= _RNG4:
        most = CTPR_MS.RNG_I.put(most, STATE_HANDLES)
    if config.virtualization:
        most |= CTPR_MS.VIRT_EN_INCL.mask | CTPR_MS.VIRT_EN_POR.mask
    least = CTPR_LS.BLOB.put(0, config.blob)
    least = CTPR_LS.RSA.put(least, bool(config.pk))
    least = CTPR_LS.SPLIT_KEY.put(least, config.has_derived_key_protocol)
    return most, least


def constant_words(config: SecConfig) -> dict[int, int]:
    """The constant words of 0xe80 to 0xfff by offset in any page; what is absent reads as zero."""
    most, least = _halves(config)
    parameters = _compile_time(config)
    era = config.era if config.era > _LAST_ERA_WITHOUT_CCBVID_ERA else 0
    identity = SECVID_MS.IP_ID.put(0, config.ip_id)
    identity = SECVID_MS.MAJ_REV.put(identity, config.major)
    identity = SECVID_MS.MIN_REV.put(identity, config.minor)
    words = {
        0xFA0: _packed(CRNR_MS, most, "revision"),
        0xFA4: _packed(CRNR_LS, least, "revision"),
        0xFA8: parameters[0],
        0xFAC: parameters[1],
        0xFE4: CCBVID.CAAM_ERA.put(0, era),
        0xFE8: _packed(CHAVID_MS, most, "version"),
        0xFEC: _packed(CHAVID_LS, least, "version"),
        0xFF0: _packed(CHANUM_MS, most, "count"),
        0xFF4: _packed(CHANUM_LS, least, "count"),
        0xFF8: identity,
    }
    if config.era >= _FIRST_ERA_WITH_VERSION_REGISTERS:
        words |= {
            0xE80: _version(config.crc),
            0xE84: _version(config.arc4),
            0xE88: _version(config.kasumi),
            0xE8C: _version(config.pk),
            0xE90: _version(config.aes),
            0xE94: _version(config.md),
            0xE98: _version(config.des),
            0xE9C: _version(config.snow_f8),
            0xEA0: _version(config.snow_f9),
            0xEA4: _version(config.zuc_e),
            0xEA8: _version(config.zuc_a),
            0xEAC: _version(config.ccha),
            0xEB0: _version(config.ptha),
            0xEB4: _version(config.rng),
            0xEB8: _version(config.rng),
            0xEF8: _version(Cha(config.rings)),
            0xEFC: _version(Cha(config.decos)),
        }
    return words
