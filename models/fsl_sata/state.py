# SPDX-License-Identifier: MIT
"""What the controller holds, and the checks a saved state passes before it is taken."""

from __future__ import annotations

from dataclasses import dataclass, field, fields
from typing import Any, Self

from models.fsl_sata.registers import (
    COMMANDS,
    HCONTROL,
    ICC,
    LATCHED,
    SCONTROL,
    SERROR,
    SLOTS,
)
from models.saved_state import Fields

WORD = 0xFFFFFFFF
DEVICES = 16  # that can be behind the link
HCONTROL_STORED = HCONTROL.defined & ~HCONTROL.FORCE_OFFLINE.mask
ICC_STORED = ICC.defined
SCONTROL_STORED = SCONTROL.IPM.mask | SCONTROL.SPD.mask | SCONTROL.DET.mask

_MAX_POSITION = 63 << 22  # 63 PRDs of 4 MiB


@dataclass(slots=True)
class State:
    """Registers, and what lies behind them.

    `cqr` and `car` never share a bit. `hstatus` holds what is latched, `devices` which port behind
    the link each slot's command is for.
    """

    cqr: int = 0
    car: int = 0
    ccr: int = 0
    cer: int = 0
    der: int = 0
    chba: int = 0
    hstatus: int = 0
    hcontrol: int = HCONTROL.reset
    cqpmp: int = 0
    sig: int = WORD
    icc: int = ICC.reset
    det: int = 0
    spd: int = 0
    ipm: int = 0
    sctl: int = 0
    serr: int = 0
    sntf: int = 0
    halted: bool = False  # a fatal error
    update_signature: bool = False  # the next Register FIS carries it
    connecting: bool = False  # the device has to be reset
    link_lost: bool = False  # the scenario holds the link down
    due: bool = False  # what completed is to be reported
    current: int | None = None  # slot of the command that keeps the device busy
    last: int | None = None  # slot that was given to the device last
    tag: int | None = None  # slot that the last DMA Setup FIS named
    pio: tuple[int, int] | None = None  # E_Status and error, bytes to come
    devices: list[int] = field(default_factory=lambda: [0] * SLOTS)
    queued: int = 0  # slots of `car` whose commands are queued in the device
    transfers: dict[int, int] = field(default_factory=dict)  # bytes done, by slot

    def of_device(self, device: int) -> int:
        """The slots whose commands are for this port behind the link."""
        return sum(1 << slot for slot, port in enumerate(self.devices) if port == device)

    def to_json(self) -> dict[str, Any]:
        result = {item.name: getattr(self, item.name) for item in fields(self)}
        result["pio"] = None if self.pio is None else list(self.pio)
        result["devices"] = list(self.devices)
        result["transfers"] = [[slot, done] for slot, done in sorted(self.transfers.items())]
        return result

    @classmethod
    def from_json(cls, state: Any, where: Fields) -> Self:
        """Checked; StateError naming the field of `registers` when something does not fit."""
        check = where.part("registers", state, [item.name for item in fields(cls)])
        result = cls(
            cqr=check.bits("cqr", COMMANDS),
            car=check.bits("car", COMMANDS),
            ccr=check.bits("ccr", COMMANDS),
            cer=check.bits("cer", COMMANDS),
            der=check.bits("der", (1 << DEVICES) - 1),
            chba=check.bits("chba", WORD & ~3),
            hstatus=check.bits("hstatus", LATCHED),
            hcontrol=check.bits("hcontrol", HCONTROL_STORED),
            cqpmp=check.bits("cqpmp", DEVICES - 1),
            sig=check.bits("sig", WORD),
            icc=check.bits("icc", ICC_STORED),
            det=check.one_of("det", (0, 1, 3, 4)),
            spd=check.one_of("spd", (0, 1, 2)),
            ipm=check.one_of("ipm", (0, 1, 2, 6)),
            sctl=check.bits("sctl", SCONTROL_STORED),
            serr=check.bits("serr", SERROR.defined),
            sntf=check.bits("sntf", 0xFFFF),
            halted=check.flag("halted"),
            update_signature=check.flag("update_signature"),
            connecting=check.flag("connecting"),
            link_lost=check.flag("link_lost"),
            due=check.flag("due"),
            current=check.bits_or_none("current", SLOTS - 1),
            last=check.bits_or_none("last", SLOTS - 1),
            tag=check.bits_or_none("tag", SLOTS - 1),
            pio=_pio(check),
            devices=check.numbers("devices", SLOTS, DEVICES - 1),
            queued=check.bits("queued", COMMANDS),
            transfers=_transfers(check),
        )
        result._agrees(check)
        return result

    def _agrees(self, check: Fields) -> None:
        if (self.cqr or self.car) and not self.hcontrol & HCONTROL.ONOFF.mask:
            raise check.error("cqr", "but the controller is offline")
        if self.cqr & self.car:
            raise check.error("cqr", f"but car holds {self.car:#x}")
        if self.queued & ~self.car:
            raise check.error("queued", f"but car holds {self.car:#x}")
        if (self.det == 3) != (self.ipm != 0):
            raise check.error("ipm", f"but det is {self.det}")
        if self.det != 3 and self.connecting:
            raise check.error("connecting", "but there is no link")
        if self.due and not self.ccr:
            raise check.error("due", "but nothing has completed")


def _pio(check: Fields) -> tuple[int, int] | None:
    if check.value("pio") is None:
        return None
    status, count = check.exactly("pio", 2)
    return check.item("pio", status, 0xFFFF), check.item("pio", count, 0xFFFF)


def _transfers(check: Fields) -> dict[int, int]:
    result = {}
    for slot, done in check.pairs("transfers", SLOTS):
        slot = check.item("transfers", slot, SLOTS - 1)
        result[slot] = check.item("transfers", done, _MAX_POSITION)
    return result
