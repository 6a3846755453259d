# SPDX-License-Identifier: MIT
"""Registers of a job ring, named as in the security reference manuals.

Layout: `struct caam_job_ring` of drivers/crypto/caam/regs.h (Linux 6.12) and `struct jr_regs` of
U-Boot; fields of JRCR and JRINTR beyond those from OP-TEE's jr_regs.h. The words of IRBAR and ORBAR
lie as the SEC's 64-bit registers do.
"""

from __future__ import annotations

from models.sec.config import SecConfig
from models.sec.monitor_registers import monitor_map
from testbed.remoteport.registers import Field, Register, RegisterMap

__all__ = [
    "IRJAR",
    "IRRIR",
    "IRSAR",
    "IRSR",
    "JRCFGR_LS",
    "JRCFGR_MS",
    "JRCR",
    "JRINTR",
    "JROSR",
    "ORJRR",
    "ORSFR",
    "ORSR",
    "ORWIR",
    "ring_map",
]


class IRBAR_MS(Register):
    """Input ring base address, most significant word"""


class IRBAR_LS(Register):
    """Input ring base address, least significant word"""


class IRSR(Register):
    """Input ring size in entries"""

    IRS = Field(9, 0)


class IRSAR(Register):
    """Input ring slots available"""

    IRSA = Field(9, 0)


class IRJAR(Register):
    """Input ring jobs added: writing n gives the ring n more jobs"""

    IRJA = Field(9, 0)


class ORBAR_MS(Register):
    """Output ring base address, most significant word"""


class ORBAR_LS(Register):
    """Output ring base address, least significant word"""


class ORSR(Register):
    """Output ring size in entries"""

    ORS = Field(9, 0)


class ORJRR(Register):
    """Output ring jobs removed: writing n frees n entries"""

    ORJR = Field(9, 0)


class ORSFR(Register):
    """Output ring slots full"""

    ORSF = Field(9, 0)


class JROSR(Register):
    """Job ring output status: that of the job finished last, as in its output ring entry"""

    SSRC = Field(31, 28)  # 2 CCB, 3 jump halt (user), 4 DECO, 6 job ring, 7 jump halt (flags)
    SSED = Field(27, 0)


class JRINTR(Register):
    """Job ring interrupt status"""

    ERR_ORWI = Field(29, 16)  # output ring write index, in bytes, of a failed write
    ERR_TYPE = Field(12, 8)
    EXIT_FAIL = Field(5)  # fail mode left
    ENTER_FAIL = Field(4)  # fail mode entered
    HALT = Field(3, 2)  # 1 halting, 2 halted; writing 2 when halted resumes
    JRE = Field(1)  # error; writing 1 clears it and ERR_TYPE, ERR_ORWI
    JRI = Field(0)  # interrupt; writing 1 clears it


class JRCFGR_MS(Register):
    """Job ring configuration, most significant half: byte swapping"""

    PEO = Field(17)  # platform endianness override
    DMBS = Field(16)  # descriptor message data byte swap
    CDWSO = Field(15)  # control data: double words, words, half words, bytes, output
    CWSO = Field(14)
    CHWSO = Field(13)
    CBSO = Field(12)
    MDWSO = Field(11)  # message data, output
    MWSO = Field(10)
    MHWSO = Field(9)
    MBSO = Field(8)
    CDWSI = Field(7)  # control data, input
    CWSI = Field(6)
    CHWSI = Field(5)
    CBSI = Field(4)
    MDWSI = Field(3)  # message data, input
    MWSI = Field(2)
    MHWSI = Field(1)
    MBSI = Field(0)


class JRCFGR_LS(Register):
    """Job ring configuration, least significant half: interrupts"""

    ICTT = Field(31, 16)  # coalescing time, in units of 64 clocks
    ICDCT = Field(15, 8)  # coalescing count, in jobs
    SOE = Field(2)  # halt after a job that ends in an error
    ICEN = Field(1)  # coalescing on
    IMSK = Field(0)  # interrupt masked


class IRRIR(Register):
    """Input ring read index, in bytes"""

    IRRI = Field(13, 0)


class ORWIR(Register):
    """Output ring write index, in bytes"""

    ORWI = Field(13, 0)


class JRCR(Register):
    """Job ring command"""

    PARK = Field(1)  # halt when the jobs under way are done
    RESET = Field(0)  # flush; once more, when halted, reset


def ring_map(config: SecConfig) -> RegisterMap:
    """A job ring's page."""
    high, low = (0, 4) if config.high_word_at_zero else (4, 0)
    return RegisterMap(
        {
            0x00 + high: IRBAR_MS,
            0x00 + low: IRBAR_LS,
            0x0C: IRSR,
            0x14: IRSAR,
            0x1C: IRJAR,
            0x20 + high: ORBAR_MS,
            0x20 + low: ORBAR_LS,
            0x2C: ORSR,
            0x34: ORJRR,
            0x3C: ORSFR,
            0x44: JROSR,
            0x4C: JRINTR,
            0x50: JRCFGR_MS,
            0x54: JRCFGR_LS,
            0x5C: IRRIR,
            0x64: ORWIR,
            0x6C: JRCR,
            **monitor_map(config.high_word_at_zero, config.era),
        }
    )
