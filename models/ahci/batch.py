# SPDX-License-Identifier: MIT
"""What one piece of work has done so far and memory and registers do not show yet."""

from __future__ import annotations

import struct
from typing import Protocol

from models.ahci.registers import PxTFD
from models.ata.transport import SetDeviceBits

# Where a frame is put in the received FIS area (AHCI 1.3.1, section 4.2.1).
DSFIS, PSFIS, RFIS, SDBFIS, UFIS = 0x00, 0x20, 0x40, 0x58, 0x60
UFIS_SIZE = 64

_COUNT = struct.Struct("<I")


class Frame(Protocol):
    def to_bytes(self) -> bytes: ...


class Batch:
    """The outcome of several commands: data on its way to memory, then frames, then registers.

    Memory is written in that order and the registers change at once when it has taken everything,
    so that software never sees a completion before its data.
    """

    __slots__ = (
        "_before",
        "_sdb",
        "ci",
        "counts",
        "data",
        "epoch",
        "fatal",
        "frames",
        "held",
        "is_",
        "sact",
        "serr",
        "sig",
        "size",
        "sntf",
        "tfd",
        "unqueued",
    )

    def __init__(self, epoch: int, tfd: int) -> None:
        self.epoch = epoch
        self.tfd = self._before = tfd
        self.is_ = 0  # bits to set
        self.serr = 0
        self.sntf = 0
        self.ci = 0  # bits to clear
        self.sact = 0
        self.sig: int | None = None
        self.fatal = False
        self.unqueued = False  # data of a command that holds BSY is among it
        self.data: list[tuple[int, bytes]] = []
        self.held = 0  # bytes in `data`
        self.size = 0  # bytes moved so far, in either direction
        self.counts: list[tuple[int, bytes]] = []
        self.frames: dict[int, Frame] = {}
        self._sdb: tuple[int, int, int, bool, bool, int] | None = None

    def set_device_bits(self, fis: SetDeviceBits) -> None:
        """Take a Set Device Bits FIS; several become one that names all their tags."""
        before = self._sdb
        active, interrupt, notification = fis.sactive, fis.interrupt, fis.notification
        if before is not None:
            active |= before[2]
            interrupt = interrupt or before[3]
            notification = notification or before[4]
        self._sdb = (fis.status, fis.error, active, interrupt, notification, fis.pm_port)
        self.sact |= fis.sactive

    def fail(self, bit: int) -> None:
        """Memory did not take the data: PxIS `bit` is set, and nothing is reported as done."""
        self.tfd = self._before | (PxTFD.BSY.mask if self.unqueued else 0)
        self.is_ = bit
        self.serr = self.sntf = self.ci = self.sact = self.held = 0
        self.sig = self._sdb = None
        self.data, self.counts, self.frames = [], [], {}
        self.fatal = True

    def transferred(self, header: int, count: int) -> None:
        """PRDBC of the command header at `header`."""
        self.counts.append((header + 4, _COUNT.pack(count & 0xFFFFFFFF)))

    def structures(self, fb: int | None) -> list[tuple[int, bytes]]:
        """What goes to memory after the data; frames only with a received FIS area at `fb`."""
        result = self.counts
        if fb is not None:
            result.extend((fb + offset, frame.to_bytes()) for offset, frame in self.frames.items())
            if self._sdb is not None:
                result.append((fb + SDBFIS, SetDeviceBits(*self._sdb).to_bytes()))
        return result
