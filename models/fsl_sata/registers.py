# SPDX-License-Identifier: MIT
"""Registers of the PowerQUICC and QorIQ SATA controller, named as in U-Boot's fsl_sata.h.

Fields are those that the `sata_fsl` driver of Linux and U-Boot's name.
"""

from __future__ import annotations

from models.sata.scr import SControl, SError, SStatus
from testbed.remoteport.registers import Field, Register, RegisterMap

SLOTS = 16
COMMANDS = (1 << SLOTS) - 1


class CQR(Register):
    """Command queue: writing ones queues commands, a bit for each slot"""


class CAR(Register):
    """Command active: with the device"""


class CCR(Register):
    """Command completed, write 1 to clear"""


class CER(Register):
    """Command error, write 1 to clear"""


class DER(Register):
    """Device error, a bit for each port behind the link, write 1 to clear"""


class CHBA(Register):
    """Command header base address, bits 31:2"""


class HSTATUS(Register):
    """Host status"""

    ONLINE = Field(31)
    GOING_OFFLINE = Field(30)
    BIST_ERR = Field(29)
    MASTER_ERR = Field(18)  # memory refused an access
    PARITY_ERR_TX = Field(17)
    PARITY_ERR_RX = Field(16)
    DATA_UNDERRUN = Field(13)  # less data than the command header says
    DATA_OVERRUN = Field(12)  # more data than there are buffers for
    CRC_ERR_TX = Field(11)
    CRC_ERR_RX = Field(10)
    FIFO_OVERFLOW_TX = Field(9)
    FIFO_OVERFLOW_RX = Field(8)
    FATAL_ERR = Field(5)
    PHY_RDY = Field(4)  # PhyRdy changed
    SIGNATURE = Field(3)  # SIG was updated
    SNOTIFY = Field(2)  # SNOTIFICATION was updated
    DEVICE_ERR = Field(1)  # a device's commands are in error: DER
    CMD_COMPLETE = Field(0)  # as many commands completed, or so long ago, as ICC says


class HCONTROL(Register, reset=0x100):
    """Host control"""

    ONOFF = Field(31)  # online request; clear: Phy held in reset
    FORCE_OFFLINE = Field(30)  # clears itself, and ONOFF
    LEGACY = Field(28)
    CLEAR_ERROR = Field(27)  # clears the error registers while it is set
    PARITY_PROT_MOD = Field(14)
    DPATH_PARITY = Field(12)
    HDR_SNOOP = Field(10)  # snoop command headers
    PMP_ATTACHED = Field(9)
    COPYOUT_STATFIS = Field(8)  # give the status FIS of commands that end well, too
    FATAL_ERR = Field(5)
    PHY_RDY = Field(4)
    SIGNATURE = Field(3)
    SNOTIFY = Field(2)
    DEVICE_ERR = Field(1)
    CMD_COMPLETE = Field(0)


class CQPMP(Register):
    """Port behind the link that the commands queued next are for"""

    PMP = Field(3, 0)


class SIG(Register, reset=0xFFFFFFFF):
    """Signature of the device"""

    LBA_HIGH = Field(31, 24)
    LBA_MID = Field(23, 16)
    LBA_LOW = Field(15, 8)
    COUNT = Field(7, 0)


class ICC(Register, reset=0x01000000):
    """Interrupt coalescing control: CMD_COMPLETE after so many commands, or ticks"""

    COUNT = Field(28, 24)
    TICKS = Field(18, 0)


class SSTATUS(SStatus):
    """Serial ATA status (SCR0)"""


class SERROR(SError):
    """Serial ATA error (SCR1), write 1 to clear"""


class SCONTROL(SControl):
    """Serial ATA control (SCR2)"""


class SNOTIFICATION(Register):
    """Serial ATA notification (SCR4), write 1 to clear"""

    PMN = Field(15, 0)


class TRANSCFG(Register, reset=0x08000016):
    """Transport layer configuration"""

    DFIS_SIZE = Field(31, 16)
    RX_WATER_MARK = Field(4, 0)


class TRANSSTATUS(Register):
    """Transport layer status"""


class LINKCFG(Register, reset=0x0000FF34):
    """Link layer configuration"""


class LINKCFG1(Register):
    """Link layer configuration 1"""


class LINKCFG2(Register):
    """Link layer configuration 2"""


class LINKSTATUS(Register):
    """Link layer status"""


class LINKSTATUS1(Register):
    """Link layer status 1"""


class PHYCTRLCFG(Register):
    """Phy control configuration"""

    FPRFTI = Field(4, 3)
    LOOPBACK = Field(2, 1)
    BIST_ENABLE = Field(0)


class COMMANDSTAT(Register):
    """Command layer status"""


class SYSPR(Register):
    """System priority; its bytes lie the other way round than those of all others"""


STORED: dict[int, type[Register]] = {
    0x140: TRANSCFG,
    0x148: LINKCFG,
    0x14C: LINKCFG1,
    0x150: LINKCFG2,
    0x15C: PHYCTRLCFG,
    0x410: SYSPR,
}
"""Registers that keep what is written to them, and do nothing."""

REGISTERS = RegisterMap(
    {
        0x00: CQR,
        0x08: CAR,
        0x10: CCR,
        0x18: CER,
        0x20: DER,
        0x24: CHBA,
        0x28: HSTATUS,
        0x2C: HCONTROL,
        0x30: CQPMP,
        0x34: SIG,
        0x38: ICC,
        0x100: SSTATUS,
        0x104: SERROR,
        0x108: SCONTROL,
        0x10C: SNOTIFICATION,
        0x144: TRANSSTATUS,
        0x154: LINKSTATUS,
        0x158: LINKSTATUS1,
        0x160: COMMANDSTAT,
        **STORED,
    }
)

INTERRUPTS = 0x3F
"""HSTATUS' interrupts, and what enables them in HCONTROL."""

FATAL_CAUSES = (
    HSTATUS.MASTER_ERR.mask
    | HSTATUS.PARITY_ERR_TX.mask
    | HSTATUS.PARITY_ERR_RX.mask
    | HSTATUS.DATA_UNDERRUN.mask
    | HSTATUS.DATA_OVERRUN.mask
    | HSTATUS.CRC_ERR_TX.mask
    | HSTATUS.CRC_ERR_RX.mask
    | HSTATUS.FIFO_OVERFLOW_TX.mask
    | HSTATUS.FIFO_OVERFLOW_RX.mask
)
"""What can be behind HSTATUS.FATAL_ERR."""

LATCHED = (
    FATAL_CAUSES
    | HSTATUS.BIST_ERR.mask
    | HSTATUS.FATAL_ERR.mask
    | HSTATUS.PHY_RDY.mask
    | HSTATUS.SIGNATURE.mask
    | HSTATUS.SNOTIFY.mask
)
"""The bits of HSTATUS that stay until a one is written; the others follow other registers."""
