# SPDX-License-Identifier: MIT
"""SStatus, SControl and SError, which every Serial ATA host has (Serial ATA 3.x, section 14)."""

from __future__ import annotations

from models.ata.transport import LinkErrors
from testbed.remoteport.registers import Field, Register

NO_DEVICE, PRESENCE, COMMUNICATION, OFFLINE = 0, 1, 3, 4
"""SStatus.DET."""

ACTIVE, PARTIAL, SLUMBER = 1, 2, 6
"""SStatus.IPM."""

FORBIDS = {PARTIAL: 1, SLUMBER: 2}
"""The bit of SControl.IPM that forbids a power state."""


class SStatus(Register):
    """Serial ATA status (SCR0)"""

    IPM = Field(11, 8)  # 0 no device, 1 active, 2 partial, 6 slumber
    SPD = Field(7, 4)  # generation negotiated
    DET = Field(3, 0)  # 0 none, 1 presence without communication, 3 communication, 4 offline


class SControl(Register):
    """Serial ATA control (SCR2)"""

    PMP = Field(19, 16)
    SPM = Field(15, 12)
    IPM = Field(11, 8)  # not allowed: bit 0 partial, bit 1 slumber, bit 2 DevSleep
    SPD = Field(7, 4)  # highest generation allowed, 0 any
    DET = Field(3, 0)  # 1 COMRESET, 4 Phy offline


class SError(Register):
    """Serial ATA error (SCR1)"""

    X = Field(26)  # exchanged: COMINIT received
    F = Field(25)  # unknown FIS type
    T = Field(24)  # transport state transition error
    S = Field(23)  # link sequence error
    H = Field(22)  # handshake error
    C = Field(21)  # CRC error
    D = Field(20)  # disparity error
    B = Field(19)  # 10B to 8B decode error
    W = Field(18)  # Comm Wake
    I = Field(17)  # Phy internal error  # noqa: E741
    N = Field(16)  # PhyRdy changed
    ERR_E = Field(11)  # internal error
    ERR_P = Field(10)  # protocol error
    ERR_C = Field(9)  # persistent communication or data integrity error, not recovered
    ERR_T = Field(8)  # transient data integrity error, not recovered
    ERR_M = Field(1)  # communication error, recovered
    ERR_I = Field(0)  # data integrity error, recovered


_DIAGNOSTICS = {
    LinkErrors.CRC: SError.C,
    LinkErrors.HANDSHAKE: SError.H,
    LinkErrors.DISPARITY: SError.D,
    LinkErrors.DECODE: SError.B,
    LinkErrors.SEQUENCE: SError.S,
    LinkErrors.TRANSPORT: SError.T,
    LinkErrors.UNKNOWN_FIS: SError.F,
    LinkErrors.INTERNAL: SError.I,
}
_PROTOCOL = LinkErrors.SEQUENCE | LinkErrors.TRANSPORT | LinkErrors.UNKNOWN_FIS


def serror_bits(kind: LinkErrors, fatal: bool) -> int:
    """What an error of the link sets in SError; `fatal`: the transfer did not recover."""
    value = sum(field.mask for error, field in _DIAGNOSTICS.items() if error in kind)
    if kind & _PROTOCOL:
        value |= SError.ERR_P.mask
    if kind & LinkErrors.INTERNAL:
        value |= SError.ERR_E.mask
    if kind & ~(_PROTOCOL | LinkErrors.INTERNAL):
        value |= SError.ERR_T.mask if fatal else SError.ERR_I.mask
    return value
