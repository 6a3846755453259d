# SPDX-License-Identifier: MIT
"""Registers of a SEC's controller page, the TRNG in it, and the blocks behind the job rings.

Layout: `struct caam_ctrl`, `struct caam_assurance` and `struct caam_deco` of
drivers/crypto/caam/regs.h (Linux 6.12), `ccsr_sec_t` of U-Boot.
"""

from __future__ import annotations

from models.sec.config import SecConfig
from models.sec.monitor_registers import monitor_map
from models.sec.trng_registers import RDSTA, RTMCTL, TRNG_LIMITS
from testbed.remoteport.registers import Field, Register, RegisterMap

__all__ = [
    "DAR",
    "DEBUGCTL",
    "DECORR",
    "DECORSR",
    "DECO_BLOCK",
    "DESCRIPTOR_BUFFER",
    "DESCRIPTOR_WORDS",
    "DXDDR",
    "DXDER",
    "DXJQCR_MS",
    "DXOPSTA_MS",
    "JRSTARTR",
    "KEY_REGISTERS",
    "LIODNR_MS",
    "LIODN_REGISTERS",
    "MCFGR",
    "RTIC_BLOCK",
    "SCFGR",
    "blocks_map",
    "controller_map",
]


class MCFGR(Register):
    """Master configuration"""

    SWRST = Field(31)  # software reset; clears itself
    WDE = Field(30)  # DECO watchdog
    WDF = Field(29)  # DECO watchdog, fast
    DMA_RST = Field(28)  # DMA reset; clears itself
    DWT = Field(19)  # double word transpose
    PS = Field(16)  # pointers longer than 32 bits
    ARCACHE = Field(15, 12)
    AWCACHE = Field(11, 8)
    AXIPIPE = Field(7, 4)
    AXIPRI = Field(3)
    LARGE_BURST = Field(2)
    BURST = Field(0)


class SCFGR(Register):
    """Security configuration"""

    VIRT_EN = Field(15)
    RDB = Field(10)  # random data buffer
    RNGSH0 = Field(9)
    PRIBLOB = Field(1, 0)


class LIODNR_MS(Register):
    """Job ring, RTIC or DECO LIODN, most significant half"""

    LCK = Field(31)  # both halves stay until power-on
    USE_OUT = Field(27)
    SEQ_LIODN = Field(11, 0)


class LIODNR_LS(Register):
    """Job ring, RTIC or DECO LIODN, least significant half"""

    SEQ_LIODN = Field(27, 16)
    LIODN = Field(11, 0)


class DEBUGCTL(Register):
    """Debug control"""

    STOP_ACK = Field(17)
    STOP = Field(16)


class JRSTARTR(Register):
    """Job ring start"""

    JR3 = Field(3)
    JR2 = Field(2)
    JR1 = Field(1)
    JR0 = Field(0)


class DECORSR(Register):
    """DECO request source"""

    VALID = Field(31)
    JR = Field(3, 0)  # the job ring whose identity direct DECO access borrows


class DECORR(Register):
    """DECO request"""

    DEN0 = Field(16)  # DECO 0 is the requester's
    RQD0 = Field(0)


class DAR(Register):
    """DECO availability"""


class DRR(Register):
    """DECO reset; clears itself"""


class JDKEKR(Register):
    """Job descriptor key encryption key, one word of eight"""


class TDKEKR(Register):
    """Trusted descriptor key encryption key, one word of eight"""


class TDSKR(Register):
    """Trusted descriptor signing key, one word of eight"""


class RSTA(Register):
    """Run-time integrity checker status; the model has no checker"""


class DXJQCR_MS(Register):
    """DECO job queue control, most significant half"""

    WHL = Field(29)  # the whole descriptor is in the buffer: run it
    FOUR = Field(28)  # it is longer than four words


class DXJQCR_LS(Register):
    """DECO job queue control, least significant half"""


class DXOPSTA_MS(Register):
    """DECO operation status: the job status word"""

    SSRC = Field(31, 28)
    SSED = Field(27, 0)


class DXOPSTA_LS(Register):
    """DECO operation status: output bytes"""


class DXDESB(Register):
    """DECO descriptor buffer, one word of 64"""


class DXDDR(Register):
    """DECO debug"""

    VALID = Field(31)  # a descriptor is in the DECO
    DECO_STATE = Field(23, 20)  # before era 10; 0xd: error that the host must see to


class DXDER(Register):
    """DECO debug, execution"""

    DECO_STATE = Field(19, 16)  # from era 10 on


LIODN_REGISTERS = (*range(0x10, 0x30, 8), *range(0x60, 0x80, 8), *range(0xA0, 0x120, 8))
"""Offsets of the LIODN register pairs: job rings, RTIC blocks, DECOs."""

KEY_REGISTERS: dict[int, type[Register]] = {0x400: JDKEKR, 0x420: TDKEKR, 0x440: TDSKR}

DECO_BLOCK = 8
RTIC_BLOCK = 6
DESCRIPTOR_BUFFER = 0xA00
DESCRIPTOR_WORDS = 64

_DECO_WORDS: dict[int, type[Register]] = {
    0x800: DXJQCR_MS,
    0x804: DXJQCR_LS,
    0x810: DXOPSTA_MS,
    0x814: DXOPSTA_LS,
    0xE04: DXDDR,
    0xE3C: DXDER,
}


def controller_map(config: SecConfig) -> RegisterMap:
    """The controller page."""
    registers: dict[int, type[Register]] = {
        0x004: MCFGR,
        0x00C: SCFGR,
        0x058: DEBUGCTL,
        0x05C: JRSTARTR,
        0x094: DECORSR,
        0x09C: DECORR,
        0x120: DAR,
        0x124: DRR,
        0x600: RTMCTL,
        **TRNG_LIMITS,
        0x6C0: RDSTA,
    }
    for offset in LIODN_REGISTERS:
        registers |= {offset: LIODNR_MS, offset + 4: LIODNR_LS}
    for base, register in KEY_REGISTERS.items():
        registers |= dict.fromkeys(range(base, base + 32, 4), register)
    return RegisterMap({**registers, **monitor_map(config.high_word_at_zero, config.era)})


def blocks_map(config: SecConfig, first: int) -> RegisterMap:
    """The blocks behind the job rings: a region that begins at offset `first` of the SEC."""
    monitor = monitor_map(config.high_word_at_zero, config.era)
    registers: dict[int, type[Register]] = {}
    rtic = RTIC_BLOCK * config.page_size - first
    registers |= {rtic + 0x004: RSTA}
    registers |= {rtic + offset: register for offset, register in monitor.items()}
    deco = DECO_BLOCK * config.page_size - first
    registers |= {deco + offset: register for offset, register in _DECO_WORDS.items()}
    end = DESCRIPTOR_BUFFER + 4 * DESCRIPTOR_WORDS
    registers |= {deco + offset: DXDESB for offset in range(DESCRIPTOR_BUFFER, end, 4)}
    registers |= {
        deco + offset: register for offset, register in monitor.items() if offset not in _DECO_WORDS
    }
    return RegisterMap(registers)
