# SPDX-License-Identifier: MIT
"""An eTSEC on the bench, and a driver in few lines, which does what gianfar does.

Register numbers are those of Linux' driver and U-Boot's, not the model's, so that a wrong register
map shows.
"""

from __future__ import annotations

import json
import struct
import zlib
from typing import Any

from alarm_rig import HandAlarm
from sata_rig import Memory

from models.alarm import AlarmFactory
from models.etsec import Etsec

TSEC_ID, IEVENT, IMASK, EDIS, ECNTRL, PTV, DMACTRL = 0x00, 0x10, 0x14, 0x18, 0x20, 0x28, 0x2C
TCTRL, TSTAT, DFVLAN, TXIC, TQUEUE = 0x100, 0x104, 0x108, 0x110, 0x114
TBDBPH, TBPTR, TBASEH, TBASE = 0x180, 0x184, 0x200, 0x204
RCTRL, RSTAT, RXIC, RQUEUE, RQFAR, RQFCR, RQFPR = 0x300, 0x304, 0x310, 0x314, 0x334, 0x338, 0x33C
MRBLR, RBDBPH, RBPTR, RBASEH, RBASE = 0x340, 0x380, 0x384, 0x400, 0x404
MACCFG1, MACCFG2, MAXFRM = 0x500, 0x504, 0x510
MACSTNADDR1, MACSTNADDR2, MAC01ADDR1, MAC01ADDR2 = 0x540, 0x544, 0x548, 0x54C
TR64, TR127, RBYT, RPKT, RMCA, RBCA, RDRP, TBYT, TPKT = (
    0x680, 0x684, 0x69C, 0x6A0, 0x6A8, 0x6AC, 0x6DC, 0x6E0, 0x6E4,
)  # fmt: skip
CAR1, CAR2, CAM1, CAM2, RREJ, IGADDR, GADDR, TXIC0, RXIC0 = (
    0x730, 0x734, 0x738, 0x73C, 0x740, 0x800, 0x880, 0xF10, 0xED0,
)  # fmt: skip

BABR, RXC, BSY, EBERR, MSRO, GTSC, BABT, TXC, TXE, TXB, TXF, XFUN, RXB, GRSC, RXF = (
    1 << bit for bit in (31, 30, 29, 28, 26, 25, 24, 23, 22, 21, 20, 16, 15, 8, 7)
)
FGPI, FIR, FIQ, PERR = 1 << 4, 1 << 3, 1 << 2, 1
GRS, GTS, WWR, WOP = 0x10, 0x08, 0x02, 0x01
TX_EN, RX_EN, RX_FLOW, LOOPBACK, SOFT_RESET = 0x01, 0x04, 0x20, 0x100, 0x80000000
PAD_CRC, CRC_EN, HUGE = 0x04, 0x02, 0x20
THLT0, QHLT0 = 0x80000000, 0x00800000
STEN = 0x1000

READY, PADCRC, WRAP, INTERRUPT, LAST, TC, TOE = 0x8000, 0x4000, 0x2000, 0x1000, 0x800, 0x400, 2
EMPTY, FIRST, MISS, BROAD, MULTI, LARGE, SHORT, CRCERR, TRUNCATED = (
    0x8000, 0x400, 0x100, 0x80, 0x40, 0x20, 0x08, 0x04, 0x01,
)  # fmt: skip

TX_RING, RX_RING, TX_BUFFERS, RX_BUFFERS = 0x10_0000, 0x11_0000, 0x100_0000, 0x200_0000
BUFFER = 0x2800  # bytes from one buffer to the next
RING = 16

STATION = bytes.fromhex("020102030405")
PEER = bytes.fromhex("06a1a2a3a4a5")


def fcs(frame: bytes) -> bytes:
    return zlib.crc32(frame).to_bytes(4, "little")


def frame(size: int = 60, to: bytes = STATION, kind: int = 0x88B5, fill: int = 0x5A) -> bytes:
    """A frame of so many bytes without its FCS."""
    head = to + PEER + struct.pack(">H", kind)
    return (head + bytes([fill]) * size)[:size]


class Rig:
    """A controller, its memory, and a driver's few steps. Ring `queue` lies behind ring 0."""

    def __init__(self, ring: int = RING, alarm: AlarmFactory | None = None) -> None:
        self.alarms: list[HandAlarm] = []
        self.memory = Memory()
        self.etsec = Etsec("etsec", alarm=alarm or self._alarm)
        self.etsec.attach(self.memory)
        self.line = self.etsec.line
        self.ring = ring
        self.tx_next = 0
        self.rx_next = 0

    def _alarm(self, lock: Any, callback: Any) -> HandAlarm:
        self.alarms.append(HandAlarm(lock, callback))
        return self.alarms[-1]

    @property
    def alarm(self) -> HandAlarm:
        return self.alarms[0]

    def read(self, offset: int, size: int = 4) -> int:
        return self.etsec.read(0, offset, size)

    def write(self, offset: int, value: int, size: int = 4) -> None:
        with self.etsec.lock:
            self.etsec.write(0, offset, size, value)

    def work(self) -> None:
        self.etsec.run_deferred()

    def lines(self) -> tuple[bool, bool, bool]:
        """The levels of the transmit, the receive and the error line."""
        level = self.etsec.wire_level
        return level("transmit"), level("receive"), level("error")

    # A driver

    def start(self, *, rctrl: int = 0, tctrl: int = 0, mrblr: int = 1536) -> None:
        """Reset, rings, addresses, everything on: as gianfar brings the device up."""
        self.write(DMACTRL, GRS | GTS)
        assert self.read(IEVENT) & (GRSC | GTSC) == GRSC | GTSC
        self.write(MACCFG1, SOFT_RESET)
        self.write(MACCFG1, 0)
        self.write(MAXFRM, 9600)
        self.write(MRBLR, mrblr)
        self.write(MACCFG2, 0x7205)
        self.write(RCTRL, rctrl)
        self.write(TCTRL, tctrl)
        self.station(STATION)
        self.write(IEVENT, 0xFFFFFFFF)
        self.write(ECNTRL, STEN)
        self.rings()
        self.write(RQUEUE, 0x00800080)
        self.write(TQUEUE, 0x8000)
        self.write(DMACTRL, 0xC3)
        self.write(TSTAT, THLT0)
        self.write(RSTAT, QHLT0)
        self.write(MACCFG1, RX_EN | TX_EN)
        self.write(IMASK, 0xFFFFFFFF)
        self.work()

    def station(self, address: bytes, at: int = MACSTNADDR1) -> None:
        high, low = struct.unpack("<HI", address)
        self.write(at, low)
        self.write(at + 4, high << 16)

    def rings(self) -> None:
        for index in range(self.ring):
            wrap = WRAP if index == self.ring - 1 else 0
            self.bd(TX_RING, index, wrap, 0, 0)
            self.bd(RX_RING, index, EMPTY | INTERRUPT | wrap, 0, RX_BUFFERS + index * BUFFER)
        self.write(TBASE, TX_RING)
        self.write(RBASE, RX_RING)
        self.tx_next = self.rx_next = 0

    def bd(self, ring: int, index: int, flags: int, length: int, buffer: int) -> None:
        self.memory.poke(ring + 8 * index, struct.pack(">HHI", flags, length, buffer))

    def peek_bd(self, ring: int, index: int) -> tuple[int, int, int]:
        """Flags, length and buffer address."""
        flags, length, buffer = struct.unpack(">HHI", self.memory.peek(ring + 8 * index, 8))
        return flags, length, buffer

    def queue(self, *parts: bytes, flags: int = TC, first: int = 0) -> None:
        """Put a frame of these buffers in the ring; its first descriptor is made ready last."""
        start = self.tx_next
        pending = []
        for number, part in enumerate(parts):
            index = (start + number) % self.ring
            buffer = TX_BUFFERS + index * BUFFER
            self.memory.poke(buffer, part)
            bits = READY | flags | (WRAP if index == self.ring - 1 else 0)
            bits |= first if not number else 0
            bits |= LAST | INTERRUPT if number == len(parts) - 1 else 0
            pending.append((index, bits, len(part), buffer))
        for index, bits, length, buffer in reversed(pending):
            self.bd(TX_RING, index, bits, length, buffer)
        self.tx_next = (start + len(parts)) % self.ring

    def send(self, *parts: bytes, flags: int = TC, first: int = 0) -> None:
        """Queue a frame and let it go."""
        self.queue(*parts, flags=flags, first=first)
        self.write(TSTAT, THLT0)
        self.work()

    def received(self) -> tuple[int, bytes] | None:
        """The next frame in the receive ring, its status flags and content with FCS, and refill."""
        content = b""
        while True:
            flags, length, buffer = self.peek_bd(RX_RING, self.rx_next)
            if flags & EMPTY:
                assert not content
                return None
            size = length - len(content) if flags & LAST else length
            content += self.memory.peek(buffer, size)
            keep = flags & WRAP | EMPTY | INTERRUPT
            self.bd(RX_RING, self.rx_next, keep, 0, buffer)
            self.rx_next = (self.rx_next + 1) % self.ring
            if flags & LAST:
                return flags & ~(WRAP | INTERRUPT), content

    def sent(self) -> list[bytes]:
        """What has reached the far end."""
        return self.line.receive_all()


def copy(rig: Rig) -> Rig:
    """A rig with the saved state and the memory of another."""
    state = json.loads(json.dumps(rig.etsec.save()))
    other = Rig(rig.ring)
    other.memory.pages = {number: bytearray(page) for number, page in rig.memory.pages.items()}
    other.tx_next, other.rx_next = rig.tx_next, rig.rx_next
    other.etsec.load(state)
    return other
