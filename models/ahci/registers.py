# SPDX-License-Identifier: MIT
"""Registers of an AHCI controller, named as in AHCI 1.3.1 (sections 3.1 and 3.3), and the vendor's.

The vendor registers of Freescale QorIQ and Layerscape parts are named as U-Boot's `ccsr_ahci` does.
"""

from __future__ import annotations

import types

from models.sata.scr import SControl, SError, SStatus
from testbed.remoteport.registers import Field, Register, RegisterMap

PORT_BASE = 0x100
PORT_SIZE = 0x80
MAX_PORTS = 32
MAX_SLOTS = 32


class CAP(Register):
    """HBA capabilities"""

    S64A = Field(31)  # 64-bit addressing
    SNCQ = Field(30)  # native command queuing
    SSNTF = Field(29)  # PxSNTF
    SMPS = Field(28)  # mechanical presence switch
    SSS = Field(27)  # staggered spin-up
    SALP = Field(26)  # aggressive link power management
    SAL = Field(25)  # activity LED
    SCLO = Field(24)  # command list override
    ISS = Field(23, 20)  # interface speed: 1, 2, 3 for 1.5, 3, 6 Gbit/s
    SAM = Field(18)  # AHCI mode only
    SPM = Field(17)  # port multiplier
    FBSS = Field(16)  # FIS-based switching
    PMD = Field(15)  # PIO multiple DRQ block
    SSC = Field(14)  # slumber
    PSC = Field(13)  # partial
    NCS = Field(12, 8)  # command slots - 1
    CCCS = Field(7)  # command completion coalescing
    EMS = Field(6)  # enclosure management
    SXS = Field(5)  # external SATA
    NP = Field(4, 0)  # ports - 1


class GHC(Register):
    """Global HBA control"""

    AE = Field(31)  # AHCI enable
    MRSM = Field(2)  # MSI reverted to a single message
    IE = Field(1)  # interrupt enable
    HR = Field(0)  # HBA reset, self-clearing


class IS(Register):
    """Interrupt status, a bit for each port"""


class PI(Register):
    """Ports implemented"""


class VS(Register):
    """AHCI version"""

    MJR = Field(31, 16)
    MNR = Field(15, 0)


class CAP2(Register):
    """HBA capabilities extended"""

    DESO = Field(5)  # DevSleep entrance from slumber only
    SADM = Field(4)  # aggressive device sleep management
    SDS = Field(3)  # device sleep
    APST = Field(2)  # automatic partial to slumber
    NVMP = Field(1)  # NVMHCI
    BOH = Field(0)  # BIOS/OS handoff


class PxCLB(Register):
    """Port command list base address, bits 31:10"""


class PxCLBU(Register):
    """Port command list base address, upper 32 bits"""


class PxFB(Register):
    """Port FIS base address, bits 31:8"""


class PxFBU(Register):
    """Port FIS base address, upper 32 bits"""


class PxIS(Register):
    """Port interrupt status"""

    CPDS = Field(31)  # cold port detect
    TFES = Field(30)  # task file error
    HBFS = Field(29)  # host bus fatal error
    HBDS = Field(28)  # host bus data error
    IFS = Field(27)  # interface fatal error
    INFS = Field(26)  # interface non-fatal error
    OFS = Field(24)  # overflow
    IPMS = Field(23)  # incorrect port multiplier
    PRCS = Field(22)  # PhyRdy change: PxSERR.N
    DMPS = Field(7)  # device mechanical presence
    PCS = Field(6)  # port connect change: PxSERR.X
    DPS = Field(5)  # descriptor processed
    UFS = Field(4)  # unknown FIS
    SDBS = Field(3)  # Set Device Bits FIS
    DSS = Field(2)  # DMA Setup FIS
    PSS = Field(1)  # PIO Setup FIS
    DHRS = Field(0)  # Register D2H FIS


class PxIE(PxIS):
    """Port interrupt enable"""


class PxCMD(Register):
    """Port command and status"""

    ICC = Field(31, 28)  # interface communication control: 1 active, 2 partial, 6 slumber
    ASP = Field(27)  # aggressive: slumber instead of partial
    ALPE = Field(26)  # aggressive link power management enable
    DLAE = Field(25)  # drive LED on ATAPI enable
    ATAPI = Field(24)  # device is ATAPI
    APSTE = Field(23)  # automatic partial to slumber transitions enabled
    FBSCP = Field(22)  # FIS-based switching capable port
    ESP = Field(21)  # external SATA port
    CPD = Field(20)  # cold presence detection
    MPSP = Field(19)  # mechanical presence switch attached to port
    HPCP = Field(18)  # hot plug capable port
    PMA = Field(17)  # port multiplier attached
    CPS = Field(16)  # cold presence state
    CR = Field(15)  # command list running
    FR = Field(14)  # FIS receive running
    MPSS = Field(13)  # mechanical presence switch state
    CCS = Field(12, 8)  # current command slot
    FRE = Field(4)  # FIS receive enable
    CLO = Field(3)  # command list override, self-clearing
    POD = Field(2)  # power on device
    SUD = Field(1)  # spin-up device
    ST = Field(0)  # start


class PxTFD(Register, reset=0x7F):
    """Port task file data"""

    ERR = Field(15, 8)
    BSY = Field(7)
    CS6_4 = Field(6, 4)  # command specific
    DRQ = Field(3)
    CS2_1 = Field(2, 1)  # command specific
    ERROR = Field(0)  # STS.ERR


class PxSIG(Register, reset=0xFFFFFFFF):
    """Port signature"""


class PxSSTS(SStatus):
    """Port Serial ATA status (SCR0: SStatus)"""


class PxSCTL(SControl):
    """Port Serial ATA control (SCR2: SControl)"""


class PxSERR(SError):
    """Port Serial ATA error (SCR1: SError)"""


class PxSACT(Register):
    """Port Serial ATA active (SCR3: SActive), a bit for each tag"""


class PxCI(Register):
    """Port command issue, a bit for each slot"""


class PxSNTF(Register):
    """Port Serial ATA notification (SCR4: SNotification)"""

    PMN = Field(15, 0)


PORT_REGISTERS: dict[int, type[Register]] = {
    0x00: PxCLB,
    0x04: PxCLBU,
    0x08: PxFB,
    0x0C: PxFBU,
    0x10: PxIS,
    0x14: PxIE,
    0x18: PxCMD,
    0x20: PxTFD,
    0x24: PxSIG,
    0x28: PxSSTS,
    0x2C: PxSCTL,
    0x30: PxSERR,
    0x34: PxSACT,
    0x38: PxCI,
    0x3C: PxSNTF,
}


class PCFG(Register):
    """QorIQ: port configuration"""


class PPCFG(Register):
    """QorIQ: port Phy 1 configuration (PORT_PHY1)"""


class PP2C(Register):
    """QorIQ: port Phy 2 configuration (PORT_PHY2)"""


class PP3C(Register):
    """QorIQ: port Phy 3 configuration (PORT_PHY3)"""


class PP4C(Register):
    """QorIQ: port Phy 4 configuration (PORT_PHY4)"""


class PP5C(Register):
    """QorIQ: port Phy 5 configuration (PORT_PHY5)"""


class AXICC(Register):
    """QorIQ: AXI cache control"""


class PAXIC(Register):
    """QorIQ: port AXI configuration; cache control on LS1021A"""


class AXIPC(Register):
    """QorIQ: AXI protection control"""


class PTC(Register):
    """QorIQ: port transport configuration (PORT_TRANS)"""


class PTS(Register):
    """QorIQ: port transport status"""


class PLC(Register):
    """QorIQ: port link configuration"""


class PLC1(Register):
    """QorIQ: port link configuration 1"""


class PLC2(Register):
    """QorIQ: port link configuration 2"""


class PLS(Register):
    """QorIQ: port link status"""


class PLS1(Register):
    """QorIQ: port link status 1"""


class PCMDC(Register):
    """QorIQ: port command configuration"""


class PPCS(Register):
    """QorIQ: port Phy control and status"""


class PBERR(Register):
    """QorIQ: BIST error"""


class CMDS(Register):
    """QorIQ: command status error"""


class ECC(Register):
    """QorIQ: SATA ECC control of the SoC's configuration block ("sata-ecc")"""


_VENDOR: tuple[type[Register], ...] = (
    PCFG, PPCFG, PP2C, PP3C, PP4C, PP5C, AXICC, PAXIC, AXIPC, PTC,
    PTS, PLC, PLC1, PLC2, PLS, PLS1, PCMDC, PPCS, PBERR, CMDS,
)  # fmt: skip

VENDOR_REGISTERS: dict[int, type[Register]] = {
    0xA4 + 4 * n: register for n, register in enumerate(_VENDOR)
}
VENDOR_STATUS = frozenset(
    offset for offset, register in VENDOR_REGISTERS.items() if register in (PTS, PLS, PLS1)
)
"""Offsets of the vendor registers that only report."""

ECC_MAP = RegisterMap({0: ECC})


def port_offset(port: int) -> int:
    """Where the registers of a port begin."""
    return PORT_BASE + port * PORT_SIZE


def register_map(ports: int, *, vendor: bool) -> RegisterMap:
    """The whole register window: a port's registers are named P0CMD, P1CMD and so on."""
    registers: dict[int, type[Register]] = {
        0x00: CAP,
        0x04: GHC,
        0x08: IS,
        0x0C: PI,
        0x10: VS,
        0x24: CAP2,
    }
    if vendor:
        registers |= VENDOR_REGISTERS
    for port in range(ports):
        for offset, register in PORT_REGISTERS.items():
            name = f"P{port}{register.__name__[2:]}"
            registers[port_offset(port) + offset] = types.new_class(
                name, (register,), {"reset": register.reset}
            )
    return RegisterMap(registers)
