# SPDX-License-Identifier: MIT
"""The machine's SMMUv3 by hand: one stream, in bypass, refused, or with pages of its own.

Layouts are those of Arm's SMMUv3 architecture specification (IHI 0070) and, for the page tables,
of VMSAv8-64 with 4 KiB granules (DDI 0487).
"""

from __future__ import annotations

import struct

from bridge_rig import RAM, Machine

SMMU = 0x09050000
SID = 0xF8
PAGE = 0x1000
STE_ABORT = 0
STE_BYPASS = 0b1001  # V, Config = 0b100: no translation
BAD_STE = 0x04  # numbers of events
TRANSLATION = 0x10

_STREAM_TABLE = RAM + 0x100000
_EVENT_QUEUE = RAM + 0x200000
_CONTEXT = RAM + 0x300000
_TABLES = tuple(RAM + 0x301000 + PAGE * level for level in range(3))
_STE_STAGE_1 = 0b1011
_TABLE = _PAGE_VALID = 0b11
_ACCESSED = 1 << 10


def enable_smmu(machine: Machine, ste: int) -> None:
    """One linear stream table of 256 entries, of which only SID's is `ste`, and an event queue."""
    machine.store(_STREAM_TABLE, bytes(256 * 64))
    machine.store(_STREAM_TABLE + SID * 64, struct.pack("<Q", ste))
    machine.write(SMMU + 0x80, 8, _STREAM_TABLE)
    machine.write(SMMU + 0x88, 4, 8)  # STRTAB_BASE_CFG: linear, 2^8 entries
    machine.write(SMMU + 0xA0, 8, _EVENT_QUEUE | 8)  # 2^8 records
    machine.write(SMMU + 0x20, 4, 0b101)  # CR0: SMMUEN, EVENTQEN


def enable_pages(machine: Machine, pages: dict[int, int]) -> None:
    """Translate SID's accesses: page n of the first 2 MiB to the address given for it."""
    for table in _TABLES:
        machine.store(table, bytes(PAGE))
    machine.store(_TABLES[0], struct.pack("<Q", _TABLES[1] | _TABLE))
    machine.store(_TABLES[1], struct.pack("<Q", _TABLES[2] | _TABLE))
    for number, address in pages.items():
        entry = address | _ACCESSED | _PAGE_VALID
        machine.store(_TABLES[2] + 8 * number, struct.pack("<Q", entry))
    # T0SZ 25 (39 bits), EPD1, V; IPS 5 (48 bits), AA64, R and A: faults are recorded, and abort.
    context = 25 | 1 << 30 | 1 << 31 | 5 << 32 | 1 << 41 | 1 << 45 | 1 << 46
    machine.store(_CONTEXT, struct.pack("<8Q", context, _TABLES[0], 0, 0, 0, 0, 0, 0))
    enable_smmu(machine, _STE_STAGE_1 | _CONTEXT)


def smmu_events(machine: Machine) -> list[tuple[int, int]]:
    """Number and stream id of each event so far."""
    count = machine.read(SMMU + 0x100A8, 4)
    words = [machine.memory(_EVENT_QUEUE + 32 * n, 8) for n in range(count)]
    return [(word[0], int.from_bytes(word[4:], "little")) for word in words]
