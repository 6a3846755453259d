# SPDX-License-Identifier: MIT
"""An AHCI controller on the bench, and a driver in few lines.

Register numbers are the specification's, not the model's, so that a wrong register map shows.
"""

from __future__ import annotations

import struct
from collections.abc import Iterable
from typing import Any

from alarm_rig import HandAlarm
from sata_rig import ControllerRig

from models.ahci import Ahci
from models.ata.transport import RegisterH2D

CAP, GHC, IS, PI, VS, CAP2 = 0x00, 0x04, 0x08, 0x0C, 0x10, 0x24
CLB, CLBU, FB, FBU, PIS, IE, CMD = 0x100, 0x104, 0x108, 0x10C, 0x110, 0x114, 0x118
TFD, SIG, SSTS, SCTL, SERR, SACT, CI, SNTF = (
    0x120, 0x124, 0x128, 0x12C, 0x130, 0x134, 0x138, 0x13C,
)  # fmt: skip

ST, SUD, POD, CLO, FRE, FR, CR, ALPE, ASP = (1 << bit for bit in (0, 1, 2, 3, 4, 14, 15, 26, 27))
DHRS, PSS, DSS, SDBS, UFS, DPS, PCS = (1 << bit for bit in range(7))
PRCS, OFS, INFS, IFS, HBDS, HBFS, TFES = (1 << bit for bit in (22, 24, 26, 27, 28, 29, 30))
SERR_N, SERR_W, SERR_C, SERR_H, SERR_F, SERR_X = (1 << bit for bit in (16, 18, 21, 22, 25, 26))

LIST, FISES, TABLES, BUFFER = 0x8_0000_0000, 0x8_0000_1000, 0x8_0001_0000, 0x8_1000_0000
TABLE_SIZE = 0x4000


class Rig(ControllerRig):
    """A controller with one disk, memory, and a driver's few steps on port 0."""

    def __init__(self, disk: Any = None, *, bare: bool = False, **parameters: Any) -> None:
        super().__init__(disk)
        self.ahci = Ahci("sata", (None if bare else self.disk,), alarm=self.new_alarm, **parameters)
        self.port = self.ahci.port(0)
        self.attach(self.ahci)

    @property
    def alarm(self) -> HandAlarm:
        """The time of port 0."""
        return self.alarms[0]

    def start(self, *, ie: int = 0x7DC0007F) -> None:
        """Bring the port up as a driver does, interrupts cleared and enabled."""
        self.write(CLB, LIST & 0xFFFFFFFF)
        self.write(CLBU, LIST >> 32)
        self.write(FB, FISES & 0xFFFFFFFF)
        self.write(FBU, FISES >> 32)
        self.write(CMD, self.read(CMD) | SUD | FRE)
        self.work()
        self.write(SERR, 0xFFFFFFFF)
        self.write(CMD, self.read(CMD) | ST)
        self.clear()
        self.write(IE, ie)
        self.write(GHC, self.read(GHC) | 2)
        assert self.read(CMD) & (CR | FR) == CR | FR

    def clear(self) -> int:
        """Acknowledge every interrupt of the port; what it was."""
        pending = self.read(PIS)
        self.write(PIS, pending)
        self.write(SERR, 0xFFFFFFFF)
        self.write(IS, 0xFFFFFFFF)
        return pending

    def slot(
        self,
        slot: int,
        fis: RegisterH2D | bytes,
        prds: Iterable[tuple[int, int] | tuple[int, int, bool]] = (),
        *,
        write: bool = False,
        flags: int = 0,
        cfl: int = 5,
        table: int | None = None,
    ) -> None:
        """Build a command: `prds` are (address, bytes[, interrupt])."""
        entries = [(*prd, False)[:3] for prd in prds]
        table = TABLES + slot * TABLE_SIZE if table is None else table
        frame = fis if isinstance(fis, bytes) else fis.to_bytes()
        prdt = b"".join(
            struct.pack("<QII", address, 0, (size - 1) & 0x3FFFFF | bool(interrupt) << 31)
            for address, size, interrupt in entries
        )
        self.memory.poke(table, frame.ljust(0x80, b"\0") + prdt)
        options = cfl | (0x40 if write else 0) | flags | len(entries) << 16
        self.memory.poke(LIST + slot * 32, struct.pack("<IIQ", options, 0, table).ljust(32, b"\0"))

    def prdbc(self, slot: int) -> int:
        return int.from_bytes(self.memory.peek(LIST + slot * 32 + 4, 4), "little")

    def received(self, offset: int, size: int) -> bytes:
        return self.memory.peek(FISES + offset, size)

    def issue(self, slots: int, *, queued: bool = False, work: bool = True) -> None:
        if queued:
            self.write(SACT, slots)
        self.write(CI, slots)
        if work:
            self.work()
