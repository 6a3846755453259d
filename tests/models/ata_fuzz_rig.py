# SPDX-License-Identifier: MIT
"""Arbitrary frames for an ATA disk, and hosts to send them."""

from __future__ import annotations

import random

from ata_rig import ERR, MIB

from models.ata import AtaDisk, LinkLost, Media, RandomOrder
from models.ata.registers import Command
from models.ata.transport import (
    DmaSetup,
    LinkErrors,
    PioSetup,
    RegisterD2H,
    RegisterH2D,
    SetDeviceBits,
)

SIZE = 8 * MIB
COMMANDS = [int(command) for command in Command]
QUEUED = (0x60, 0x61, 0x63, 0x64, 0x65)
LOGS = (0x00, 0x01, 0x02, 0x03, 0x04, 0x06, 0x07, 0x10, 0x11, 0x12, 0x13, 0x30, 0x80, 0x9F)


def frame(choice: random.Random) -> RegisterH2D:
    """Every field random; most frames near enough to sense to get somewhere."""
    if choice.random() < 0.1:
        raw = bytes((0x27, choice.randrange(256))) + choice.randbytes(18)
        return RegisterH2D.from_bytes(raw)
    command = choice.choice(QUEUED) if choice.random() < 0.4 else choice.choice(COMMANDS)
    sectors = choice.choice((0, 1, 2, 8, 30, 200, 5000, 0xFFFF))
    lba = choice.choice((choice.randrange(SIZE // 512 + 50), choice.getrandbits(48)))
    if command == Command.SMART:
        lba = 0xC24F00 | choice.choice((0, 1, 2, 6, 0x7F, 0x81, choice.choice(LOGS)))
    elif command in (0x2F, 0x47, 0x3F, 0x57, 0x65):
        lba = choice.choice(LOGS) | choice.choice((0, 0, 1, 7)) << 8
        sectors = choice.choice((1, 1, 2, 16, 0))
    features = choice.choice((sectors, 1, choice.randrange(256), 0xD0 + choice.randrange(12)))
    count = sectors
    if command in QUEUED:
        features = sectors
        if command == 0x63:
            features = choice.choice((0, 0x30, choice.randrange(256)))
        count = choice.randrange(32) << 3 | choice.choice((0, 0, 0, 1, choice.getrandbits(8))) << 8
    return RegisterH2D(
        command,
        features,
        choice.choice((0x40, 0x40, 0xE0, choice.randrange(256))),
        lba,
        count,
        choice.randrange(256),
        choice.choice((0, 0, 0, 2, 4)),
        choice.choice((0, 1, choice.getrandbits(32))),
        choice.random() < 0.97,
        choice.randrange(16),
    )


class Host:
    """A transport that answers as it pleases, and calls the disk in the middle of a transfer.

    It checks what the disk sends: frames that fit their fields, data of bounded size, tags that it
    was given.
    """

    def __init__(self, choice: random.Random, disk: AtaDisk) -> None:
        self.choice = choice
        self.disk = disk
        self.nested = 0
        self.frames = 0
        self.failures = 0

    def _happens(self) -> None:
        self.frames += 1
        event = self.choice.random()
        if event < 0.003:
            raise LinkLost("fuzz")
        if event < 0.02 and self.nested < 3:
            self.nested += 1
            event = self.choice.random()
            if event < 0.3:
                self.disk.comreset()
            elif event < 0.5:
                self.disk.step()
            elif event < 0.6:
                self.disk.control(frame(self.choice))
            else:
                self.disk.command(frame(self.choice))
            self.nested -= 1

    def send_register(self, fis: RegisterD2H) -> None:
        assert len(fis.to_bytes()) == 20
        assert fis.status & 0x88 == 0
        assert bool(fis.status & ERR) == (fis.error not in (0, 1))
        self.failures += bool(fis.status & ERR)
        self._happens()

    def send_pio_setup(self, fis: PioSetup) -> None:
        assert len(fis.to_bytes()) == 20
        assert 0 < fis.transfer_count <= 8192
        self._happens()

    def send_dma_setup(self, fis: DmaSetup) -> None:
        assert len(fis.to_bytes()) == 28
        assert self.disk.outstanding >> fis.tag & 1
        self._happens()

    def send_dma_activate(self) -> None:
        self._happens()

    def send_set_device_bits(self, fis: SetDeviceBits) -> None:
        assert len(fis.to_bytes()) == 8
        assert fis.sactive & self.disk.outstanding == 0
        self._happens()

    def send_data(self, data: bytes) -> int:
        assert 0 < len(data) <= MIB
        self._happens()
        return self.choice.choice((len(data), len(data), 0, len(data) // 2))

    def receive_data(self, count: int) -> bytes:
        assert 0 < count <= MIB
        self._happens()
        kind = self.choice.random()
        if kind < 0.05:
            return self.choice.randbytes(self.choice.randrange(count))
        if kind < 0.2:
            return bytes(count)
        if count == 512:
            entries = [self.choice.randrange(SIZE // 512) | 3 << 48 for _ in range(64)]
            return b"".join(entry.to_bytes(8, "little") for entry in entries)
        return self.choice.randbytes(16) * (count // 16)

    def work_ready(self) -> None:
        pass

    def link_error(self, kind: LinkErrors, fatal: bool) -> None:
        self._happens()


def fault(choice: random.Random, disk: AtaDisk) -> None:
    faults = disk.faults
    match choice.randrange(6):
        case 0:
            faults.uncorrectable(choice.randrange(SIZE // 512), choice.randrange(1, 5000))
        case 1:
            faults.uncorrectable(choice.randrange(SIZE // 512), 1, times=2)
        case 2:
            faults.crc_error(fatal=choice.random() < 0.5)
        case 3:
            faults.hang()
        case 4:
            faults.short_transfer(choice.randrange(3000), reported=choice.random() < 0.5)
        case _:
            faults.clear()


def make(choice: random.Random) -> tuple[AtaDisk, Host]:
    disk = AtaDisk(
        Media.of_bytes(choice.randbytes(4096), size=SIZE, sector_size=choice.choice((512, 4096))),
        ncq_depth=choice.choice((32, 32, 32, 5, 0)),
        order=choice.choice((None, RandomOrder(choice.getrandbits(32)))),
    )
    host = Host(choice, disk)
    disk.attach(host)
    return disk, host


class Recorder(Host):
    """A host without moods, which writes down all it is sent."""

    def __init__(self, disk: AtaDisk, content: bytes) -> None:
        super().__init__(random.Random(0), disk)
        self.record: list[object] = []
        self.content = content

    def _happens(self) -> None:
        pass

    def send_register(self, fis: RegisterD2H) -> None:
        self.record.append(fis)

    def send_pio_setup(self, fis: PioSetup) -> None:
        self.record.append(fis)

    def send_set_device_bits(self, fis: SetDeviceBits) -> None:
        self.record.append(fis)

    def send_data(self, data: bytes) -> int:
        self.record.append(data)
        return len(data)

    def receive_data(self, count: int) -> bytes:
        return (self.content * (count // len(self.content) + 1))[:count]
