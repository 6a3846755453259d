# SPDX-License-Identifier: MIT
"""What a port holds, and the checks a saved state passes before it is taken."""

from __future__ import annotations

from dataclasses import dataclass, field, fields
from typing import Any, Self

from models.ahci.registers import MAX_SLOTS, PxCMD, PxIE, PxIS, PxSCTL, PxSERR
from models.saved_state import Fields

WORD = 0xFFFFFFFF
CMD_STORED = (
    PxCMD.ST.mask
    | PxCMD.SUD.mask
    | PxCMD.FRE.mask
    | PxCMD.ATAPI.mask
    | PxCMD.DLAE.mask
    | PxCMD.ALPE.mask
    | PxCMD.ASP.mask
)
"""The bits of PxCMD that software writes and that stay as written."""

IS_WRITABLE = (
    PxIS.TFES.mask
    | PxIS.HBFS.mask
    | PxIS.HBDS.mask
    | PxIS.IFS.mask
    | PxIS.INFS.mask
    | PxIS.OFS.mask
    | PxIS.IPMS.mask
    | PxIS.DPS.mask
    | PxIS.SDBS.mask
    | PxIS.DSS.mask
    | PxIS.PSS.mask
    | PxIS.DHRS.mask
)
"""The bits of PxIS that are cleared by writing one; PRCS, PCS and UFS follow PxSERR."""

IE_STORED = PxIE.defined & ~(PxIE.CPDS.mask | PxIE.DMPS.mask)
SCTL_STORED = PxSCTL.IPM.mask | PxSCTL.SPD.mask | PxSCTL.DET.mask

_MAX_POSITION = 1 << 38  # 65535 PRDs of 4 MiB


@dataclass(slots=True)
class PortState:
    """Registers in the terms of AHCI 1.3.1, and what lies behind them.

    `clb` and `fb` are whole addresses; `cmd` holds what software wrote, `is_` what is latched.
    """

    clb: int = 0
    fb: int = 0
    is_: int = 0
    ie: int = 0
    cmd: int = 0
    tfd: int = 0x7F
    sig: int = WORD
    det: int = 0
    spd: int = 0
    ipm: int = 0
    sctl: int = 0
    serr: int = 0
    sact: int = 0
    ci: int = 0
    sntf: int = 0
    ccs: int | None = None  # None until a command was issued
    running: bool = False  # PxCMD.CR
    receiving: bool = False  # PxCMD.FR
    halted: bool = False  # by an error, until PxCMD.ST is cleared
    update_signature: bool = False  # pUpdateSig
    connecting: bool = False  # the device is yet to answer a COMRESET
    link_lost: bool = False
    current: int | None = None  # slot of the command that holds BSY
    tag: int | None = None  # slot that the last DMA Setup FIS named
    pio: tuple[int, int, bool] | None = None  # E_Status and error, bytes to come, interrupt
    transfers: dict[int, int] = field(default_factory=dict)  # bytes done, by slot

    def to_json(self) -> dict[str, Any]:
        result = {item.name: getattr(self, item.name) for item in fields(self)}
        result["pio"] = None if self.pio is None else list(self.pio)
        result["transfers"] = [[slot, done] for slot, done in sorted(self.transfers.items())]
        return result

    @classmethod
    def from_json(cls, state: Any, where: Fields) -> Self:
        """Checked; StateError naming the field of `registers` when something does not fit."""
        check = where.part("registers", state, [item.name for item in fields(cls)])
        result = cls(
            clb=check.bits("clb", (1 << 64) - 0x400),
            fb=check.bits("fb", (1 << 64) - 0x100),
            is_=check.bits("is_", IS_WRITABLE | PxIS.UFS.mask),
            ie=check.bits("ie", IE_STORED),
            cmd=check.bits("cmd", CMD_STORED),
            tfd=check.bits("tfd", 0xFFFF),
            sig=check.bits("sig", WORD),
            det=check.one_of("det", (0, 1, 3, 4)),
            spd=check.one_of("spd", (0, 1, 2, 3)),
            ipm=check.one_of("ipm", (0, 1, 2, 6)),
            sctl=check.bits("sctl", SCTL_STORED),
            serr=check.bits("serr", PxSERR.defined),
            sact=check.bits("sact", WORD),
            ci=check.bits("ci", WORD),
            sntf=check.bits("sntf", 0xFFFF),
            ccs=check.bits_or_none("ccs", MAX_SLOTS - 1),
            running=check.flag("running"),
            receiving=check.flag("receiving"),
            halted=check.flag("halted"),
            update_signature=check.flag("update_signature"),
            connecting=check.flag("connecting"),
            link_lost=check.flag("link_lost"),
            current=check.bits_or_none("current", MAX_SLOTS - 1),
            tag=check.bits_or_none("tag", MAX_SLOTS - 1),
            pio=_pio(check),
            transfers=_transfers(check),
        )
        result._agrees(check)
        return result

    def _agrees(self, check: Fields) -> None:
        started = self.cmd & PxCMD.ST.mask
        if self.running and not started:
            raise check.error("running", "but PxCMD.ST is clear")
        if (self.ci or self.sact) and not started:
            raise check.error("ci", "but commands wait and PxCMD.ST is clear")
        if self.halted and not started:
            raise check.error("halted", "but PxCMD.ST is clear")
        if self.receiving and not self.cmd & PxCMD.FRE.mask:
            raise check.error("receiving", "but PxCMD.FRE is clear")
        if (self.det == 3) != (self.ipm != 0):
            raise check.error("ipm", f"but det is {self.det}")
        if self.det != 3 and self.connecting:
            raise check.error("connecting", "but there is no link")


def _pio(check: Fields) -> tuple[int, int, bool] | None:
    if check.value("pio") is None:
        return None
    status, count, interrupt = check.exactly("pio", 3)
    if not isinstance(interrupt, bool):
        raise check.error("pio", "expected status, count and a flag")
    return check.item("pio", status, 0xFFFF), check.item("pio", count, 0xFFFF), interrupt


def _transfers(check: Fields) -> dict[int, int]:
    result = {}
    for slot, done in check.pairs("transfers", MAX_SLOTS):
        slot = check.item("transfers", slot, MAX_SLOTS - 1)
        result[slot] = check.item("transfers", done, _MAX_POSITION - 1)
    return result
