# SPDX-License-Identifier: MIT
"""Registers that every page of a SEC shows at its end: versions (0xe80) and monitor (0xf00).

Names as in the security reference manuals and U-Boot's fsl_sec.h; layout as in `struct
version_regs` and `struct caam_perfmon` of drivers/crypto/caam/regs.h (Linux 6.12). Fields of CTPR
as drivers of Linux, U-Boot and OP-TEE decode them.
"""

from __future__ import annotations

from testbed.remoteport.registers import Field, Register

__all__ = ["COUNTERS", "MONITOR", "VERSIONS", "monitor_map"]


class _Version(Register):
    VID = Field(31, 24)
    REV = Field(23, 16)
    MISC = Field(15, 8)
    NUM = Field(7, 0)


class CRCA_VERSION(_Version):
    """CRC accelerator version (era 10 and later, as all of these)"""


class AFHA_VERSION(_Version):
    """ARC4 accelerator version"""


class KFHA_VERSION(_Version):
    """Kasumi accelerator version"""


class PKHA_VERSION(_Version):
    """Public-key accelerator version"""


class AESA_VERSION(_Version):
    """AES accelerator version"""


class MDHA_VERSION(_Version):
    """Message digest accelerator version"""


class DESA_VERSION(_Version):
    """DES accelerator version"""


class SNW8A_VERSION(_Version):
    """SNOW 3G f8 accelerator version"""


class SNW9A_VERSION(_Version):
    """SNOW 3G f9 accelerator version"""


class ZUCE_VERSION(_Version):
    """ZUC encryption accelerator version"""


class ZUCA_VERSION(_Version):
    """ZUC authentication accelerator version"""


class CCHA_VERSION(_Version):
    """ChaCha20 accelerator version"""


class PTHA_VERSION(_Version):
    """Poly1305 accelerator version"""


class RNG_VERSION(_Version):
    """Random number generator version"""


class TRNG_VERSION(_Version):
    """True random number generator version"""


class AAHA_VERSION(_Version):
    """Alleged accelerator version"""


class JR_VERSION(_Version):
    """Job ring version"""


class DECO_VERSION(_Version):
    """Descriptor controller version"""


class PC_REQ_DEQ_LS(Register):
    """Requests dequeued, least significant word"""


class PC_REQ_DEQ_MS(Register):
    """Requests dequeued, most significant word"""


class PC_OB_ENC_REQ(Register, width=64):
    """Outbound encrypt requests"""


class PC_IB_DEC_REQ(Register, width=64):
    """Inbound decrypt requests"""


class PC_OB_ENCRYPT(Register, width=64):
    """Outbound bytes encrypted"""


class PC_OB_PROTECT(Register, width=64):
    """Outbound bytes protected"""


class PC_IB_DECRYPT(Register, width=64):
    """Inbound bytes decrypted"""


class PC_IB_VALIDATED(Register, width=64):
    """Inbound bytes validated"""


class CRNR_MS(Register):
    """CHA revision numbers, most significant half"""

    JR = Field(31, 28)
    DECO = Field(27, 24)
    ZA = Field(15, 12)
    ZE = Field(11, 8)
    SNW9 = Field(7, 4)
    CRC = Field(3, 0)


class CRNR_LS(Register):
    """CHA revision numbers, least significant half"""

    PK = Field(31, 28)
    KAS = Field(27, 24)
    SNW8 = Field(23, 20)
    RNG = Field(19, 16)
    MD = Field(15, 12)
    ARC4 = Field(11, 8)
    DES = Field(7, 4)
    AES = Field(3, 0)


class CTPR_MS(Register):
    """Compile-time parameters, most significant half"""

    QI = Field(25)  # queue interface
    DECO_WD = Field(20)  # DECO watchdog
    PS = Field(17)  # pointers longer than 32 bits can be chosen in MCFGR
    DPAA2 = Field(13)
    RNG_I = Field(10, 8)  # state handles
    PG_SZ = Field(4)  # pages of 64 KiB, not 4 KiB
    VIRT_EN_POR = Field(1)
    VIRT_EN_INCL = Field(0)


class CTPR_LS(Register):
    """Compile-time parameters, least significant half"""

    SPLIT_KEY = Field(14)
    RSA = Field(10)
    BLOB = Field(1)
    KG_DS = Field(0)  # key generation and digital signature protocols


class FAR_MS(Register):
    """Fault address, most significant word"""


class FAR_LS(Register):
    """Fault address, least significant word"""


class FALR(Register):
    """Fault address LIODN"""


class FADR(Register):
    """Fault address detail; reading it lets the next fault in"""

    FERR = Field(31, 30)  # bus error kind
    FSZ_EXT = Field(18, 16)
    DTYP = Field(15)
    JSRC = Field(14, 12)  # job source
    BLKID = Field(11, 8)  # internal block
    TYP = Field(7)  # 1: read
    FSZ = Field(6, 0)  # transfer size in bytes


class CSTA(Register):
    """SEC status"""

    ALT_PLEND = Field(18)  # where PLEND is seen in the wrong byte order; never set itself
    PLEND = Field(10)  # platform is big-endian
    MOO = Field(9, 8)  # mode: 0 non-secure, 1 secure, 2 trusted, 3 fail
    TRNG_IDLE = Field(2)
    IDLE = Field(1)
    BSY = Field(0)


class RVID(Register):
    """Run-time integrity checker version"""


class CCBVID(Register):
    """CHA cluster block version"""

    CAAM_ERA = Field(31, 24)  # zero before era 6
    AMJV = Field(15, 8)
    AMNV = Field(7, 0)


class CHAVID_MS(Register):
    """CHA versions, most significant half"""

    JR = Field(31, 28)
    DECO = Field(27, 24)
    ZA = Field(15, 12)
    ZE = Field(11, 8)
    SNW9 = Field(7, 4)
    CRC = Field(3, 0)


class CHAVID_LS(Register):
    """CHA versions, least significant half"""

    PK = Field(31, 28)
    KAS = Field(27, 24)
    SNW8 = Field(23, 20)
    RNG = Field(19, 16)
    MD = Field(15, 12)
    ARC4 = Field(11, 8)
    DES = Field(7, 4)
    AES = Field(3, 0)


class CHANUM_MS(Register):
    """Numbers of CHAs, most significant half"""

    JR = Field(31, 28)
    DECO = Field(27, 24)
    ZA = Field(15, 12)
    ZE = Field(11, 8)
    SNW9 = Field(7, 4)
    CRC = Field(3, 0)


class CHANUM_LS(Register):
    """Numbers of CHAs, least significant half"""

    PK = Field(31, 28)
    KAS = Field(27, 24)
    SNW8 = Field(23, 20)
    RNG = Field(19, 16)
    MD = Field(15, 12)
    ARC4 = Field(11, 8)
    DES = Field(7, 4)
    AES = Field(3, 0)


class SECVID_MS(Register):
    """SEC version, most significant half"""

    IP_ID = Field(31, 16)
    MAJ_REV = Field(15, 8)
    MIN_REV = Field(7, 0)


class SECVID_LS(Register):
    """SEC version, least significant half"""


VERSIONS: dict[int, type[Register]] = {
    0xE80: CRCA_VERSION,
    0xE84: AFHA_VERSION,
    0xE88: KFHA_VERSION,
    0xE8C: PKHA_VERSION,
    0xE90: AESA_VERSION,
    0xE94: MDHA_VERSION,
    0xE98: DESA_VERSION,
    0xE9C: SNW8A_VERSION,
    0xEA0: SNW9A_VERSION,
    0xEA4: ZUCE_VERSION,
    0xEA8: ZUCA_VERSION,
    0xEAC: CCHA_VERSION,
    0xEB0: PTHA_VERSION,
    0xEB4: RNG_VERSION,
    0xEB8: TRNG_VERSION,
    0xEBC: AAHA_VERSION,
    0xEF8: JR_VERSION,
    0xEFC: DECO_VERSION,
}

COUNTERS: dict[int, type[Register]] = {
    0xF08: PC_OB_ENC_REQ,
    0xF10: PC_IB_DEC_REQ,
    0xF18: PC_OB_ENCRYPT,
    0xF20: PC_OB_PROTECT,
    0xF28: PC_IB_DECRYPT,
    0xF30: PC_IB_VALIDATED,
}

MONITOR: dict[int, type[Register]] = {
    0xFA0: CRNR_MS,
    0xFA4: CRNR_LS,
    0xFA8: CTPR_MS,
    0xFAC: CTPR_LS,
    0xFC8: FALR,
    0xFCC: FADR,
    0xFD4: CSTA,
    0xFE0: RVID,
    0xFE4: CCBVID,
    0xFE8: CHAVID_MS,
    0xFEC: CHAVID_LS,
    0xFF0: CHANUM_MS,
    0xFF4: CHANUM_LS,
    0xFF8: SECVID_MS,
    0xFFC: SECVID_LS,
}


def monitor_map(high_word_at_zero: bool, era: int) -> dict[int, type[Register]]:
    """The registers of 0xe80 to 0xfff of any page, for `RegisterMap`."""
    low, high = (4, 0) if high_word_at_zero else (0, 4)
    words: dict[int, type[Register]] = {
        0xF00 + low: PC_REQ_DEQ_LS,
        0xF00 + high: PC_REQ_DEQ_MS,
        0xFC0 + low: FAR_LS,
        0xFC0 + high: FAR_MS,
    }
    return {**(VERSIONS if era >= 10 else {}), **COUNTERS, **MONITOR, **words}
