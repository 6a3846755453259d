# SPDX-License-Identifier: MIT
"""What a port holds, and the checks a saved state passes before it is taken."""

from __future__ import annotations

from dataclasses import dataclass, field, fields
from typing import Any, Self

from models.ahci.registers import MAX_SLOTS, PxCMD, PxIE, PxIS, PxSCTL, PxSERR
from testbed.remoteport.device import StateError

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
    def from_json(cls, state: Any, where: Check) -> Self:
        """Checked; StateError naming the field of `registers` when something does not fit."""
        check = where.part(state, {item.name for item in fields(cls)}, "registers")
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
            ccs=check.slot("ccs"),
            running=check.flag("running"),
            receiving=check.flag("receiving"),
            halted=check.flag("halted"),
            update_signature=check.flag("update_signature"),
            connecting=check.flag("connecting"),
            link_lost=check.flag("link_lost"),
            current=check.slot("current"),
            tag=check.slot("tag"),
            pio=_pio(check),
            transfers=_transfers(check),
        )
        result._agrees(check)
        return result

    def _agrees(self, check: Check) -> None:
        started = self.cmd & PxCMD.ST.mask
        if self.running and not started:
            raise check.error("running", "true although PxCMD.ST is clear")
        if (self.ci or self.sact) and not started:
            raise check.error("ci", "commands although PxCMD.ST is clear")
        if self.halted and not started:
            raise check.error("halted", "true although PxCMD.ST is clear")
        if self.receiving and not self.cmd & PxCMD.FRE.mask:
            raise check.error("receiving", "true although PxCMD.FRE is clear")
        if (self.det == 3) != (self.ipm != 0):
            raise check.error("ipm", f"{self.ipm} with det {self.det}")
        if self.det != 3 and self.connecting:
            raise check.error("connecting", "true without a link")


def _pio(check: Check) -> tuple[int, int, bool] | None:
    value = check.value("pio")
    if value is None:
        return None
    if not isinstance(value, list) or len(value) != 3 or not isinstance(value[2], bool):
        raise check.error("pio", f"{value!r} where status, count and a flag belong")
    return check.number("pio", value[0], 0xFFFF), check.number("pio", value[1], 0xFFFF), value[2]


def _transfers(check: Check) -> dict[int, int]:
    value = check.value("transfers")
    if not isinstance(value, list):
        raise check.error("transfers", f"{value!r} where a list belongs")
    result = {}
    for item in value:
        if not isinstance(item, list) or len(item) != 2:
            raise check.error("transfers", f"{item!r} where a slot and a byte count belong")
        slot = check.number("transfers", item[0], MAX_SLOTS - 1)
        result[slot] = check.number("transfers", item[1], _MAX_POSITION - 1)
    return result


class Check:
    """Takes values out of a state; `prefix` says where in the whole the part lies."""

    def __init__(self, name: str, state: dict[str, Any], prefix: str = "") -> None:
        self.name = name
        self.state = state
        self.prefix = prefix

    def part(self, state: Any, known: set[str], item: str = "") -> Check:
        """A check for an object inside this one, which must have the fields `known` and no more."""
        place = self.prefix + item
        if not isinstance(state, dict):
            raise StateError(f"{self.name}: field {place!r} holds {state!r}, expected an object")
        inner = Check(self.name, state, f"{place}." if place else "")
        for field_ in sorted(known - state.keys()):
            raise StateError(f"{self.name}: field {inner.prefix + field_!r} is missing")
        for field_ in sorted(map(str, state.keys() - known)):
            raise StateError(f"{self.name}: field {inner.prefix + field_!r} is not known")
        return inner

    def error(self, item: str, problem: str) -> StateError:
        return StateError(f"{self.name}: field {self.prefix + item!r} has {problem}")

    def value(self, item: str) -> Any:
        return self.state[item]

    def number(self, item: str, value: Any, mask: int) -> int:
        if not isinstance(value, int) or isinstance(value, bool):
            raise self.error(item, f"{value!r} where a number belongs")
        if value < 0 or value & ~mask:
            raise self.error(item, f"{value:#x}, beyond the bits {mask:#x}")
        return value

    def bits(self, item: str, mask: int) -> int:
        return self.number(item, self.value(item), mask)

    def one_of(self, item: str, allowed: tuple[int, ...]) -> int:
        value = self.bits(item, 0xFF)
        if value not in allowed:
            raise self.error(item, f"{value}, not one of {', '.join(map(str, allowed))}")
        return value

    def slot(self, item: str) -> int | None:
        return None if self.value(item) is None else self.bits(item, MAX_SLOTS - 1)

    def flag(self, item: str) -> bool:
        value = self.value(item)
        if not isinstance(value, bool):
            raise self.error(item, f"{value!r} where true or false belongs")
        return value
