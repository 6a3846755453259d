# SPDX-License-Identifier: MIT
"""Registers of the random number generator on a SEC's controller page.

Layout: `struct rng4tst` of drivers/crypto/caam/regs.h (Linux 6.12). Fields and reset values are
those that NXP publishes for the same block in the i.MX RT1050 reference manual.
"""

from __future__ import annotations

from testbed.remoteport.registers import Field, Register

__all__ = [
    "RDSTA",
    "RTFRQCNT",
    "RTFRQMAX",
    "RTFRQMIN",
    "RTMCTL",
    "RTSDCTL",
    "TRNG_LIMITS",
]


class RTMCTL(Register, reset=0x0001_2001):
    """TRNG miscellaneous control"""

    PRGM = Field(16)  # program mode: parameters can be set
    TSTOP_OK = Field(13)
    ERR = Field(12)  # writing 1 clears it
    TST_OUT = Field(11)
    ENT_VAL = Field(10)  # entropy is there
    FCT_VAL = Field(9)  # frequency count is valid
    FCT_FAIL = Field(8)  # frequency count out of its limits
    FORCE_SYSCLK = Field(7)
    RST_DEF = Field(6)  # writing 1 in program mode brings the parameters' reset values
    ACC = Field(5)
    OSC_DIV = Field(3, 2)
    SAMP_MODE = Field(1, 0)


class RTSCMISC(Register, reset=0x0010_001F):
    """TRNG statistical check miscellaneous"""

    RTY_CNT = Field(19, 16)
    LRUN_MAX = Field(7, 0)


class RTPKRRNG(Register, reset=0x0000_09A3):
    """TRNG poker range"""

    PKR_RNG = Field(15, 0)


class RTPKRMAX(Register, reset=0x0000_6920):
    """TRNG poker maximum"""

    PKR_MAX = Field(23, 0)


class RTSDCTL(Register, reset=0x0C80_09C4):
    """TRNG seed control"""

    ENT_DLY = Field(31, 16)  # clocks of an entropy sample
    SAMP_SIZE = Field(15, 0)  # samples of a seed


class RTSBLIM(Register, reset=0x0000_003F):
    """TRNG sparse bit limit"""

    SB_LIM = Field(9, 0)


class RTFRQMIN(Register, reset=0x0000_0640):
    """TRNG frequency count minimum"""

    FRQ_MIN = Field(21, 0)


class RTFRQMAX(Register, reset=0x0000_6400):
    """TRNG frequency count maximum"""

    FRQ_MAX = Field(21, 0)


class RTFRQCNT(Register):
    """TRNG frequency count (run mode)"""

    FRQ_CNT = Field(21, 0)


class RTSCML(Register, reset=0x010C_0568):
    """TRNG monobit limit"""

    MONO_RNG = Field(31, 16)
    MONO_MAX = Field(15, 0)


class RTSCR1L(Register, reset=0x00B2_0195):
    """TRNG run length 1 limit"""

    RUN_RNG = Field(30, 16)
    RUN_MAX = Field(14, 0)


class RTSCR2L(Register, reset=0x007A_00DC):
    """TRNG run length 2 limit"""

    RUN_RNG = Field(29, 16)
    RUN_MAX = Field(13, 0)


class RTSCR3L(Register, reset=0x0058_007D):
    """TRNG run length 3 limit"""

    RUN_RNG = Field(28, 16)
    RUN_MAX = Field(12, 0)


class RTSCR4L(Register, reset=0x0040_004B):
    """TRNG run length 4 limit"""

    RUN_RNG = Field(27, 16)
    RUN_MAX = Field(11, 0)


class RTSCR5L(Register, reset=0x002E_002F):
    """TRNG run length 5 limit"""

    RUN_RNG = Field(26, 16)
    RUN_MAX = Field(10, 0)


class RTSCR6PL(Register, reset=0x002E_002F):
    """TRNG run length 6 and more limit"""

    RUN_RNG = Field(26, 16)
    RUN_MAX = Field(10, 0)


class RDSTA(Register):
    """DRNG status"""

    SKVT = Field(31)  # secure keys are valid, from a handle in test mode
    SKVN = Field(30)  # secure keys are valid
    TF1 = Field(9)  # test mode
    TF0 = Field(8)
    PR1 = Field(5)  # prediction resistance
    PR0 = Field(4)
    IF1 = Field(1)  # instantiated
    IF0 = Field(0)


TRNG_LIMITS: dict[int, type[Register]] = {
    0x604: RTSCMISC,
    0x608: RTPKRRNG,
    0x60C: RTPKRMAX,
    0x610: RTSDCTL,
    0x614: RTSBLIM,
    0x618: RTFRQMIN,
    0x61C: RTFRQMAX,
    0x620: RTSCML,
    0x624: RTSCR1L,
    0x628: RTSCR2L,
    0x62C: RTSCR3L,
    0x630: RTSCR4L,
    0x634: RTSCR5L,
    0x638: RTSCR6PL,
}
"""Parameters of the TRNG by offset; written in program mode only."""
