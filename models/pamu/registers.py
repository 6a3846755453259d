# SPDX-License-Identifier: MIT
"""Registers of a PAMU, named as in drivers/iommu/fsl_pamu.h of Linux, and what its tables hold.

Words of table entries are described like registers: PAACE_ADDRESS is the word at 4 of an entry.
"""

from __future__ import annotations

from testbed.remoteport.registers import Field, Register, RegisterMap

UNIT_SIZE = 0x1000
"""Bytes of registers of one PAMU."""
MAX_UNITS = 16


class PPBAH(Register):
    """Primary PAACT base address, upper 32 bits"""


class PPBAL(Register):
    """Primary PAACT base address, lower 32 bits"""


class PPLAH(Register):
    """Primary PAACT limit address, upper 32 bits"""


class PPLAL(Register):
    """Primary PAACT limit address, lower 32 bits: the first byte behind the table"""


class SPBAH(Register):
    """Secondary PAACT base address, upper 32 bits"""


class SPBAL(Register):
    """Secondary PAACT base address, lower 32 bits"""


class SPLAH(Register):
    """Secondary PAACT limit address, upper 32 bits"""


class SPLAL(Register):
    """Secondary PAACT limit address, lower 32 bits"""


class OBAH(Register):
    """Operation mapping table base address, upper 32 bits"""


class OBAL(Register):
    """Operation mapping table base address, lower 32 bits"""


class OLAH(Register):
    """Operation mapping table limit address, upper 32 bits"""


class OLAL(Register):
    """Operation mapping table limit address, lower 32 bits"""


class POES1(Register):
    """Operation error status 1"""

    POED = Field(0)  # an operation error was captured; write 1 to clear


class POES2(Register):
    """Operation error status 2"""


class POEAH(Register):
    """Operation error address, upper 32 bits"""


class POEAL(Register):
    """Operation error address, lower 32 bits: of the table entry"""


class AVS1(Register):
    """Access violation status 1; LIODN is read-only, of the rest ones are written to clear"""

    LIODN = Field(31, 16)
    PDV = Field(14)
    GCV = Field(13)  # gate closed
    LAV = Field(12, 10)  # LIODN: 1 not in the primary PAACT, 2 its entry is invalid
    WAV = Field(9, 7)  # window: 1 outside, 2 not in the secondary PAACT, 3 invalid, 4 another's
    APV = Field(6, 3)  # permission: 1 to read, 2 to write
    OTV = Field(2, 1)  # operation: 1 not in the mapping table, 2 not allowed there
    AV = Field(0)  # an access violation was captured


class AVS2(Register):
    """Access violation status 2"""


class AVAH(Register):
    """Access violation address, upper 32 bits"""


class AVAL(Register):
    """Access violation address, lower 32 bits: a bus address"""


class EECTL(Register):
    """ECC error control"""


class EEDIS(Register):
    """ECC error disable"""


class EEINTEN(Register):
    """ECC error interrupt enable"""


class EEDET(Register):
    """ECC errors detected"""


class EEATTR(Register):
    """ECC error attributes"""


class EEAHI(Register):
    """ECC error address, upper 32 bits"""


class EEALO(Register):
    """ECC error address, lower 32 bits"""


class EEDHI(Register):
    """ECC error data, upper 32 bits"""


class EEDLO(Register):
    """ECC error data, lower 32 bits"""


class EECC(Register):
    """ECC error check bits"""


class UDAD(Register):
    """Attributes of the access that was refused"""


class PR1(Register, reset=0x0100):
    """Revision 1"""

    VERSION = Field(15, 0)


class PR2(Register):
    """Revision 2"""


class PC1(Register):
    """Capabilities 1"""


class PC2(Register, reset=0x0FFF0000):
    """Capabilities 2"""

    MLIODN = Field(31, 16)  # highest LIODN


class PC3(Register, reset=0x00E00000):
    """Capabilities 3"""

    MWCE = Field(24, 21)  # highest WCE of an entry


class PC4(Register):
    """Capabilities 4"""


class PC(Register):
    """Control"""

    PGC = Field(31)  # gate closed
    PE = Field(30)  # enable
    OCE = Field(12)  # cache the operation mapping table
    SPCC = Field(4)  # cache the secondary PAACT
    PPCC = Field(0)  # cache the primary PAACT


class PFA1(Register):
    """PFA 1"""


class PFA2(Register):
    """PFA 2"""


class PICS(Register):
    """Interrupt control and status; of the status bits ones are written to clear"""

    AVICS = Field(3)  # an access violation
    AVIE = Field(2)
    POEICS = Field(1)  # an operation error
    POEIE = Field(0)


class PD1(Register):
    """Debug 1"""


class PD2(Register):
    """Debug 2"""


class PD3(Register):
    """Debug 3"""


class PD4(Register):
    """Debug 4"""


REGISTERS: dict[int, type[Register]] = {
    0x000: PPBAH,
    0x004: PPBAL,
    0x008: PPLAH,
    0x00C: PPLAL,
    0x010: SPBAH,
    0x014: SPBAL,
    0x018: SPLAH,
    0x01C: SPLAL,
    0x020: OBAH,
    0x024: OBAL,
    0x028: OLAH,
    0x02C: OLAL,
    0x040: POES1,
    0x044: POES2,
    0x048: POEAH,
    0x04C: POEAL,
    0x050: AVS1,
    0x054: AVS2,
    0x058: AVAH,
    0x05C: AVAL,
    0x060: EECTL,
    0x064: EEDIS,
    0x068: EEINTEN,
    0x06C: EEDET,
    0x070: EEATTR,
    0x074: EEAHI,
    0x078: EEALO,
    0x07C: EEDHI,
    0x080: EEDLO,
    0x084: EECC,
    0x090: UDAD,
    0xBF8: PR1,
    0xBFC: PR2,
    0xC00: PC1,
    0xC04: PC2,
    0xC08: PC3,
    0xC0C: PC4,
    0xC10: PC,
    0xC14: PFA1,
    0xC18: PFA2,
    0xC1C: PICS,
    0xF00: PD1,
    0xF04: PD2,
    0xF08: PD3,
    0xF0C: PD4,
}

KEPT = (
    *(PPBAH, PPBAL, PPLAH, PPLAL, SPBAH, SPBAL, SPLAH, SPLAL, OBAH, OBAL, OLAH, OLAL),
    *(EECTL, EEDIS, EEINTEN, PC, PFA1, PFA2, PD1, PD2, PD3, PD4),
)
"""Registers that hold what was written to them."""


def register_map(units: int) -> RegisterMap:
    """The registers of `units` PAMUs, one behind the other."""
    return RegisterMap(
        {
            unit * UNIT_SIZE + offset: register
            for unit in range(units)
            for offset, register in REGISTERS.items()
        }
    )


class PAACE_ADDRESS(Register):
    """Word at 4 of a PAACE: window of a primary entry, and what is allowed in it"""

    WBAL = Field(31, 12)  # window base address, bits 31:12
    WSE = Field(11, 6)  # window size, 2 ** (WSE + 1) bytes
    MW = Field(5)  # several subwindows
    AP = Field(4, 3)  # 1 reading allowed, 2 writing, 3 both
    DD = Field(2)  # destination: 0 host, 1 I/O
    PT = Field(1)  # 1: a secondary entry
    V = Field(0)  # valid


class SPAACE_ADDRESS(Register):
    """The same word of a secondary entry"""

    LIODN = Field(31, 16)  # whose entry it is


class PAACE_ATTRIBUTES(Register):
    """Word at 0xC of a PAACE"""

    CID = Field(23, 16)  # cache stash destination
    WCE = Field(7, 4)  # subwindows, 2 ** (WCE + 1)
    ATM = Field(3, 2)  # address translation: 0 none, 1 window, 2 and 3 by page
    OTM = Field(1, 0)  # operation translation: 0 none, 1 immediate, 2 by table


class PAACE_WINDOW(Register):
    """Word at 0x14 of a PAACE"""

    TWBAL = Field(31, 12)  # translated window base address, bits 31:12
    SWSE = Field(11, 6)  # used size of the subwindow, 2 ** (SWSE + 1) bytes
