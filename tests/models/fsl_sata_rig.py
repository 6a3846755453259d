# SPDX-License-Identifier: MIT
"""A QorIQ SATA controller on the bench, and a driver in few lines.

Register numbers are those of Linux' and U-Boot's drivers, not the model's, so that a wrong register
map shows.
"""

from __future__ import annotations

import struct
from collections.abc import Iterable
from typing import Any

from alarm_rig import HandAlarm
from sata_rig import ControllerRig

from models.ata.transport import RegisterH2D
from models.fsl_sata import FslSata

CQR, CAR, CCR, CER, DER, CHBA, HSTATUS, HCONTROL = (
    0x00, 0x08, 0x10, 0x18, 0x20, 0x24, 0x28, 0x2C,
)  # fmt: skip
CQPMP, SIG, ICC = 0x30, 0x34, 0x38
SSTATUS, SERROR, SCONTROL, SNOTIFY = 0x100, 0x104, 0x108, 0x10C
TRANSCFG, LINKCFG, COMMANDSTAT, SYSPR = 0x140, 0x148, 0x160, 0x410

COMPLETE, DEVICE_ERR, SNOTIFIED, SIGNATURE, PHYRDY, FATAL = (1 << bit for bit in range(6))
CRC_RX, CRC_TX, OVERRUN, UNDERRUN, MASTER = (1 << bit for bit in (10, 11, 12, 13, 18))
GOING_OFFLINE, ONLINE = 1 << 30, 1 << 31
COPYOUT, PMP, SNOOP, CLEAR_ERROR, FORCE = (1 << bit for bit in (8, 9, 10, 27, 30))
SERR_N, SERR_W, SERR_C, SERR_H, SERR_S, SERR_X = (1 << bit for bit in (16, 18, 21, 22, 23, 26))

ATAPI, BIST, SRST, FPDMA, RES = 1 << 5, 1 << 6, 1 << 7, 1 << 8, 1 << 11
EXT = 1 << 31

HEADERS, DESCRIPTORS, BUFFER = 0x10_0000, 0x11_0000, 0x200_0000
DESCRIPTOR_SIZE = 0x600
DIRECT = 16


class Rig(ControllerRig):
    """A controller with one disk, memory, and a driver's few steps."""

    def __init__(self, disk: Any = None, *, bare: bool = False, **parameters: Any) -> None:
        super().__init__(disk)
        self.sata = FslSata("sata", None if bare else self.disk, alarm=self.new_alarm, **parameters)
        self.port = self.sata.ports[0]
        self.attach(self.sata)

    @property
    def moderation(self) -> HandAlarm:
        """The time of commands that wait for more."""
        return self.alarms[0]

    @property
    def coalescing(self) -> HandAlarm:
        """The time of completions that wait to be reported."""
        return self.alarms[1]

    def start(self, *, enabled: int = 0x3F) -> None:
        """Bring the controller online as a driver does, interrupts cleared and enabled."""
        self.write(CHBA, HEADERS)
        self.write(HCONTROL, self.read(HCONTROL) | ONLINE)
        self.work()
        self.write(SERROR, 0xFFFFFFFF)
        self.write(HSTATUS, self.read(HSTATUS) & 0x3F)
        self.write(HCONTROL, self.read(HCONTROL) | enabled)
        assert self.read(HSTATUS) == ONLINE
        assert not self.irq

    def descriptor(self, slot: int) -> int:
        return DESCRIPTORS + slot * DESCRIPTOR_SIZE

    def slot(
        self,
        slot: int,
        fis: RegisterH2D | bytes,
        prds: Iterable[tuple[int, int]] = (),
        *,
        flags: int = 0,
        total: int | None = None,
        fis_size: int = 20,
        packet: bytes = b"",
        direct: int = DIRECT,
        per_table: int = 63,
    ) -> None:
        """Build a command: `prds` are (address, bytes).

        What goes beyond `direct` entries lies in tables of `per_table` entries, each pointed to by
        the last entry of the one before.
        """
        entries = list(prds)
        where = self.descriptor(slot)
        frame = fis if isinstance(fis, bytes) else fis.to_bytes()
        tables: list[list[tuple[int, int]]] = []
        left, room = entries, direct
        while len(left) > room:
            tables.append(left[: room - 1])
            left, room = left[room - 1 :], per_table
        tables.append(left)
        count = sum(map(len, tables)) + len(tables) - 1
        address = where + 0x60
        for index, table in enumerate(tables):
            data = b"".join(_prd(dba, size) for dba, size in table)
            after = where + 0x400 if not index else address + 0x10 * per_table
            if index + 1 < len(tables):
                rest = sum(size for later in tables[index + 1 :] for _, size in later)
                data += _prd(after, rest & 0x3FFFFC | EXT)
            self.memory.poke(address, data)
            address = after
        self.memory.poke(where, frame.ljust(0x20, b"\0"))
        self.memory.poke(where + 0x20, bytes(0x20))
        self.memory.poke(where + 0x40, packet.ljust(0x20, b"\0"))
        length = sum(size for _, size in entries) if total is None else total
        header = struct.pack("<IIII", where, count << 16 | fis_size, length, RES | flags | slot)
        self.memory.poke(HEADERS + slot * 16, header)

    def status_fis(self, slot: int) -> bytes:
        return self.memory.peek(self.descriptor(slot) + 0x20, 20)

    def issue(self, slots: int, *, work: bool = True) -> None:
        self.write(CQR, slots)
        if work:
            self.work()

    def state(self) -> tuple[int, int, int, int, int]:
        """CQR, CAR, CCR, CER and DER."""
        return tuple(self.read(offset) for offset in (CQR, CAR, CCR, CER, DER))  # type: ignore[return-value]


def _prd(address: int, size: int) -> bytes:
    return struct.pack("<I8xI", address, size | 1 << 28)
