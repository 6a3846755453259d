# SPDX-License-Identifier: MIT
"""What a job ring holds, and the checks that a saved state passes."""

from __future__ import annotations

from dataclasses import asdict, dataclass, fields
from enum import IntEnum
from typing import Any, Self

from models.saved_state import Fields
from models.sec.ring_registers import IRSR, JRCFGR_LS, JRCFGR_MS, JRINTR

__all__ = ["HALTED", "HALTING", "RUNNING", "RingError", "RingState"]

RUNNING, HALTING, HALTED = 0, 1, 2
"""JRINTR.HALT."""

_ENTRIES = IRSR.IRS.maximum


class RingError(IntEnum):
    """JRINTR.ERR_TYPE."""

    OUTPUT_WRITE = 0x1
    INPUT_ADDRESS = 0x3  # not on a word boundary, or nothing there
    OUTPUT_ADDRESS = 0x4
    INPUT_REGISTER_WRITE = 0x5  # base or size, with jobs in the ring
    OUTPUT_REGISTER_WRITE = 0x6
    RESET_BEFORE_HALTED = 0x7
    REMOVED_TOO_MANY = 0x8
    ADDED_TOO_MANY = 0x9
    SLOTS_FULL_RANGE = 0xA  # ORSF above ORS
    SLOTS_AVAILABLE_RANGE = 0xB
    WRITE_INDEX_RANGE = 0xC
    READ_INDEX_RANGE = 0xD
    SLOTS_AVAILABLE_ACTIVE = 0xE  # written while the ring is not halted
    READ_INDEX_ACTIVE = 0xF
    SLOTS_FULL_ACTIVE = 0x10
    WRITE_INDEX_ACTIVE = 0x11


@dataclass(slots=True)
class RingState:
    """A job ring between two jobs. `pending` jobs wait in the input ring, `used` entries of the
    output ring wait to be removed; the indexes count entries. The initial values are those after
    a reset."""

    input_base: int = 0
    input_size: int = 0
    pending: int = 0
    read_index: int = 0
    output_base: int = 0
    output_size: int = 0
    used: int = 0
    write_index: int = 0
    jobs_added: int = 0  # IRJAR and ORJRR as last written
    jobs_removed: int = 0
    status: int = 0  # JROSR
    interrupt: int = 0  # JRINTR
    config_ms: int = 0
    config_ls: int = 0
    flushed: bool = False  # halting or halted by a flush, so that JRCR.RESET resets
    failed: bool = False  # stopped by an error that only a reset ends
    coalesced: int = 0  # jobs done since the last interrupt

    def to_json(self) -> dict[str, Any]:
        return asdict(self)

    @classmethod
    def from_json(cls, name: str, state: Any) -> Self:
        """Checked; StateError naming the field, of the ring `name`, when something is wrong."""
        check = Fields(name, state, [field.name for field in fields(cls)])
        result = cls(
            input_base=check.number("input_base", (1 << 64) - 1),
            input_size=check.number("input_size", _ENTRIES),
            pending=check.number("pending", _ENTRIES),
            read_index=check.number("read_index", _ENTRIES),
            output_base=check.number("output_base", (1 << 64) - 1),
            output_size=check.number("output_size", _ENTRIES),
            used=check.number("used", _ENTRIES),
            write_index=check.number("write_index", _ENTRIES),
            jobs_added=check.number("jobs_added", _ENTRIES),
            jobs_removed=check.number("jobs_removed", _ENTRIES),
            status=check.number("status", 0xFFFFFFFF),
            interrupt=check.bits("interrupt", JRINTR.defined),
            config_ms=check.bits("config_ms", JRCFGR_MS.defined),
            config_ls=check.bits("config_ls", JRCFGR_LS.defined),
            flushed=check.flag("flushed"),
            failed=check.flag("failed"),
            coalesced=check.number("coalesced", (1 << 64) - 1),
        )
        for index, size in (("read_index", "input_size"), ("write_index", "output_size")):
            if getattr(result, index) >= max(getattr(result, size), 1):
                raise check.error(index, f"beyond {size}")
        for count, size in (("pending", "input_size"), ("used", "output_size")):
            if getattr(result, count) > getattr(result, size):
                raise check.error(count, f"above {size}")
        halt = JRINTR.HALT.get(result.interrupt)
        if halt not in (RUNNING, HALTED):
            raise check.error("interrupt", "but no saved ring is about to halt")
        if result.flushed and halt != HALTED:
            raise check.error("flushed", "but the ring is not halted")
        return result
