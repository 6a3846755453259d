# SPDX-License-Identifier: MIT
"""An ATA disk with a controller's end of the cable in the test's hands. Numbers are the standards',
not the model's, so that a wrong constant shows."""

from __future__ import annotations

import random
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

from models.ata import AtaDisk, LinkErrors, LinkLost, Media
from models.ata.transport import DmaSetup, PioSetup, RegisterD2H, RegisterH2D, SetDeviceBits

BSY, DRDY, DRQ, ERR = 0x80, 0x40, 0x08, 0x01
ICRC, UNC, IDNF, ABRT = 0x80, 0x40, 0x10, 0x04
LBA = 0x40
KIB, MIB = 1 << 10, 1 << 20

READ_PIO, READ_PIO_EXT, WRITE_PIO, WRITE_PIO_EXT = 0x20, 0x24, 0x30, 0x34
READ_MULTI, READ_MULTI_EXT, WRITE_MULTI, WRITE_MULTI_EXT = 0xC4, 0x29, 0xC5, 0x39
READ_DMA, READ_DMA_EXT, WRITE_DMA, WRITE_DMA_EXT = 0xC8, 0x25, 0xCA, 0x35
READ_FPDMA, WRITE_FPDMA, NCQ_NON_DATA, SEND_FPDMA, RECEIVE_FPDMA = 0x60, 0x61, 0x63, 0x64, 0x65
IDENTIFY, SET_FEATURES, SMART, READ_LOG, READ_LOG_DMA = 0xEC, 0xEF, 0xB0, 0x2F, 0x47
WRITE_LOG, WRITE_LOG_DMA, DSM, VERIFY, VERIFY_EXT = 0x3F, 0x57, 0x06, 0x40, 0x42
FLUSH, FLUSH_EXT, CHECK_POWER = 0xE7, 0xEA, 0xE5

Frame = RegisterD2H | PioSetup | DmaSetup | SetDeviceBits | str


@dataclass
class Answer:
    """How a non-queued command ended. `ended` is false while the host still waits."""

    ended: bool = False
    status: int = 0
    error: int = 0
    device: int = 0
    lba: int = 0
    count: int = 0
    data: bytes = b""
    frames: list[Frame] = field(default_factory=list)

    @property
    def good(self) -> bool:
        return self.ended and not self.status & (BSY | DRQ | ERR) and bool(self.status & DRDY)


class HandClock:
    """Seconds that pass when the test says so."""

    def __init__(self) -> None:
        self.time = 1000.0

    def __call__(self) -> float:
        return self.time


class Rig:
    """A `Transport`: what the host sends lies in `out`, what it receives in `got`, by tag."""

    def __init__(self, media: Media | None = None, **parameters: Any) -> None:
        self.clock = HandClock()
        self.disk = AtaDisk(media or Media(64 * MIB), clock=self.clock, **parameters)
        self.frames: list[Frame] = []
        self.out: dict[int | None, bytes] = {}
        self.got: dict[int | None, bytearray] = {}
        self.errors: list[tuple[LinkErrors, bool]] = []
        self.room: int | None = None  # bytes that the host's buffers hold
        self.during: Callable[[], None] | None = None  # runs inside the next data transfer
        self._target: int | None = None
        self._sent = 0
        self.disk.attach(self)

    # The transport

    def send_register(self, fis: RegisterD2H) -> None:
        assert len(fis.to_bytes()) == 20
        self.frames.append(fis)

    def send_pio_setup(self, fis: PioSetup) -> None:
        assert len(fis.to_bytes()) == 20
        self.frames.append(fis)

    def send_dma_setup(self, fis: DmaSetup) -> None:
        assert len(fis.to_bytes()) == 28
        self.frames.append(fis)
        self._target, self._sent = fis.tag, 0

    def send_dma_activate(self) -> None:
        self.frames.append("activate")

    def send_set_device_bits(self, fis: SetDeviceBits) -> None:
        assert len(fis.to_bytes()) == 8
        self.frames.append(fis)

    def send_data(self, data: bytes) -> int:
        assert isinstance(data, bytes)
        self.frames.append(f"in {len(data)}")
        self._interfere()
        got = self.got.setdefault(self._target, bytearray())
        taken = len(data) if self.room is None else max(0, min(len(data), self.room - len(got)))
        got += data[:taken]
        return taken

    def receive_data(self, count: int) -> bytes:
        self.frames.append(f"out {count}")
        self._interfere()
        data = self.out.get(self._target, b"")[self._sent : self._sent + count]
        self._sent += len(data)
        return data

    def work_ready(self) -> None:
        pass

    def link_error(self, kind: LinkErrors, fatal: bool) -> None:
        self.errors.append((kind, fatal))

    def _interfere(self) -> None:
        during, self.during = self.during, None
        if during is not None:
            during()

    # The host

    def fis(self, command: int, **fields: Any) -> RegisterH2D:
        fields.setdefault("device", LBA)
        return RegisterH2D(command, **fields)

    def issue(self, command: int, *, out: bytes = b"", **fields: Any) -> Answer:
        """One non-queued command, to its end."""
        self._target, self._sent = None, 0
        self.out[None] = out
        self.got.pop(None, None)
        self.frames.clear()
        self.disk.command(self.fis(command, **fields))
        return self.answer()

    def answer(self) -> Answer:
        answer = Answer(data=bytes(self.got.get(None, b"")), frames=list(self.frames))
        for frame in self.frames:
            if isinstance(frame, RegisterD2H):
                answer.ended = not frame.status & BSY
                answer.status, answer.error = frame.status, frame.error
                answer.device, answer.lba, answer.count = frame.device, frame.lba, frame.count
            elif isinstance(frame, PioSetup):
                answer.ended = frame.direction_in and not frame.end_status & (BSY | DRQ)
                answer.status = frame.end_status
        return answer

    def queue(self, command: int, tag: int, *, sectors: int = 0, **fields: Any) -> None:
        """Issue a queued command; `count` beside the tag, `sectors` in the Features field."""
        fields.setdefault("features", sectors & 0xFFFF)
        count = fields.pop("count", 0) | tag << 3
        self.disk.command(self.fis(command, count=count, **fields))

    def run(self) -> list[SetDeviceBits]:
        """Let the disk execute all it can; the Set Device Bits FISes it sent."""
        self.frames.clear()
        steps = 0
        while self.disk.step():
            steps += 1
            assert steps < 100, "the disk never runs out of commands"
        return [frame for frame in self.frames if isinstance(frame, SetDeviceBits)]

    def words(self) -> list[int]:
        """IDENTIFY DEVICE."""
        answer = self.issue(IDENTIFY)
        assert answer.good
        assert len(answer.data) == 512
        return [int.from_bytes(answer.data[n : n + 2], "little") for n in range(0, 512, 2)]

    def log(self, address: int, page: int = 0, count: int = 1, command: int = READ_LOG) -> bytes:
        """READ LOG EXT that succeeds."""
        lba = address | (page & 0xFF) << 8 | page >> 8 << 32
        answer = self.issue(command, lba=lba, count=count)
        assert answer.good, f"log {address:#x} page {page}: error {answer.error:#x}"
        assert len(answer.data) == 512 * count
        return answer.data

    def feature(self, feature: int, count: int = 0) -> Answer:
        return self.issue(SET_FEATURES, features=feature, count=count)

    def smart(self, feature: int, low: int = 0, count: int = 0, out: bytes = b"") -> Answer:
        return self.issue(SMART, features=feature, lba=0xC24F00 | low, count=count, out=out)

    def software_reset(self) -> None:
        self.disk.control(RegisterH2D(control=0x04, is_command=False))
        self.disk.control(RegisterH2D(control=0x00, is_command=False))


def lost(*_: Any) -> Any:
    """Stands in for a method of the transport whose link went away."""
    raise LinkLost("pulled")


def seeded() -> random.Random:
    """A fresh random generator; its seed is printed, and pytest shows it when the test fails."""
    seed = random.SystemRandom().getrandbits(32)
    print(f"seed {seed:#x}")
    return random.Random(seed)
