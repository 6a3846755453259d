# SPDX-License-Identifier: MIT
"""QorIQ SATA as its drivers use it: what Linux' sata_fsl and U-Boot's fsl_sata do, step by step."""

from __future__ import annotations

import pytest
from fsl_sata_rig import (
    BUFFER,
    CAR,
    CCR,
    CER,
    CHBA,
    COMPLETE,
    CQPMP,
    CQR,
    DER,
    DEVICE_ERR,
    FATAL,
    FORCE,
    FPDMA,
    HCONTROL,
    HEADERS,
    HSTATUS,
    ICC,
    LINKCFG,
    ONLINE,
    PHYRDY,
    PMP,
    SCONTROL,
    SERROR,
    SIG,
    SIGNATURE,
    SNOOP,
    SRST,
    SSTATUS,
    TRANSCFG,
    Rig,
)
from sata_rig import IDENTIFY, READ_DMA, READ_FPDMA, WRITE_FPDMA, dma, queued, seeded

from models.ata import AtaDisk, Media
from models.ata.transport import RegisterH2D

CLASS_ATA = 0x00000101
ERROR = FATAL | PHYRDY | 4 | DEVICE_ERR
FATAL_DECODE = 0x73F00


class Linux:
    """sata_fsl of Linux 6.12, in the order of its register accesses."""

    def __init__(self, rig: Rig) -> None:
        self.rig = rig
        self.frozen = False
        self.done = 0
        self.errors: list[str] = []

    def probe(self) -> None:
        rig = self.rig
        rig.write(TRANSCFG, rig.read(TRANSCFG) & ~0x1F | 0x10)
        rig.write(HCONTROL, rig.read(HCONTROL) & ~(1 << 28))
        if pending := rig.read(HSTATUS) & 0x3F:
            rig.write(HSTATUS, pending)
        rig.write(HCONTROL, rig.read(HCONTROL) & ~0x3F)
        rig.write(ICC, 0x01000000)
        rig.write(CER, 0xFFFF)
        rig.write(DER, 0xFFFF)
        rig.write(ICC, 1 << 24)
        rig.write(CHBA, HEADERS)
        rig.write(HCONTROL, rig.read(HCONTROL) | ONLINE)

    def stop(self) -> None:
        rig = self.rig
        rig.write(HCONTROL, rig.read(HCONTROL) & ~ONLINE | FORCE)
        assert not rig.read(HSTATUS) & ONLINE

    def hardreset(self) -> int | None:
        """The signature; None without a device."""
        rig = self.rig
        rig.write(HCONTROL, rig.read(HCONTROL) & ~ONLINE)
        assert not rig.read(HSTATUS) & ONLINE, "Hardreset failed, not off-lined"
        rig.write(SCONTROL, rig.read(SCONTROL) & ~0xFF)
        rig.write(HCONTROL, rig.read(HCONTROL) | ONLINE | SNOOP | PMP)
        assert rig.read(HSTATUS) & ONLINE, "Hardreset failed, not on-lined"
        rig.work()
        if not rig.read(HSTATUS) & 0x10 or rig.read(SSTATUS) & 0xF != 3:
            return None
        assert rig.read(HSTATUS) & 0xFF == 0x18, "No Signature Update"
        rig.write(SERROR, rig.read(SERROR))
        return rig.read(SIG)

    def softreset(self, pmp: int = 15) -> int | None:
        rig = self.rig
        if rig.read(SSTATUS) & 0xF != 3:
            return None
        rig.slot(0, RegisterH2D(control=4 | 8, is_command=False, pm_port=pmp), flags=SRST)
        rig.write(CCR, 0xFFFF)
        if pmp != 15:
            rig.write(CQPMP, pmp)
        rig.write(CQR, 1)
        rig.work()
        assert not rig.read(CQR) & 1, "ATA_SRST issue failed"
        rig.slot(0, RegisterH2D(control=8, is_command=False, pm_port=pmp))
        rig.write(CQR, 1)
        rig.work()
        rig.write(CCR, 1)
        assert rig.read(SSTATUS) & 0xF == 3
        return rig.read(SIG)

    def thaw(self) -> None:
        rig = self.rig
        if pending := rig.read(HSTATUS) & 0x3F:
            rig.write(HSTATUS, pending)
        rig.write(HCONTROL, rig.read(HCONTROL) | 0x3F)
        self.frozen = False

    def issue(self, slot: int) -> None:
        self.rig.write(CQPMP, 0)
        self.rig.write(CQR, 1 << slot)

    def interrupt(self) -> None:
        """The handler, once for a line that is high."""
        rig = self.rig
        pending = rig.read(HSTATUS) & 0x3F
        assert pending, "IRQ_NONE"
        status, serror, done = rig.read(HSTATUS), rig.read(SERROR), rig.read(CCR)
        if serror & 0xFFFF0000:
            self.error()
        if status & ERROR:
            self.error()
        else:
            rig.write(CCR, done)
            self.done |= done
        rig.write(HSTATUS, pending)

    def error(self) -> None:
        rig = self.rig
        status, failed = rig.read(HSTATUS), rig.read(CER)
        if serror := rig.read(SERROR) & 0xFFFFFFFF:
            rig.write(SERROR, serror)
        if status & FATAL_DECODE:
            self.errors.append("fatal")
            self.frozen = True
        if status & PHYRDY:
            self.errors.append("PHY RDY changed")
            self.frozen = True
        if failed:
            devices = rig.read(DER)
            rig.write(DER, devices)
            rig.write(CER, failed)
            self.errors.append(f"device {devices:#x} commands {failed:#x}")
        if self.frozen:
            rig.write(HCONTROL, rig.read(HCONTROL) & ~0x3F)

    def serve(self) -> None:
        """Work and interrupts until both have ended."""
        while self.rig.work() or self.rig.irq:
            if self.rig.irq:
                self.interrupt()


@pytest.fixture
def linux() -> Linux:
    linux = Linux(Rig(AtaDisk(Media.of_bytes(seeded().randbytes(1 << 20)))))
    linux.probe()
    assert linux.hardreset() == CLASS_ATA
    linux.thaw()
    linux.serve()
    return linux


def identify(linux: Linux) -> None:
    linux.rig.slot(0, RegisterH2D(IDENTIFY), [(BUFFER, 512)])
    linux.issue(0)
    linux.serve()
    assert linux.done == 1
    linux.done = 0
    assert linux.rig.memory.peek(BUFFER, 2) == b"\x40\x00"


def read_all(linux: Linux, depth: int = 16) -> None:
    rig = linux.rig
    for tag in range(depth):
        rig.slot(
            tag, queued(READ_FPDMA, tag * 8, 8, tag), [(BUFFER + tag * 4096, 4096)], flags=FPDMA
        )
        linux.issue(tag)
    linux.serve()
    assert linux.done == (1 << depth) - 1
    linux.done = 0
    assert rig.memory.peek(BUFFER, depth * 4096) == rig.disk.media.read_bytes(0, depth * 4096)


def test_linux_finds_the_disk_and_fills_the_queue(linux: Linux) -> None:
    assert linux.rig.read(SSTATUS) == 0x123
    identify(linux)
    read_all(linux)
    assert linux.rig.port.deepest_queue == 16
    assert linux.errors == []


@pytest.mark.parametrize("pmp", [0, 15])
def test_linux_soft_reset(linux: Linux, pmp: int) -> None:
    """Port 15 is where it looks for a port multiplier, and the disk answers."""
    linux.rig.write(HCONTROL, linux.rig.read(HCONTROL) & ~0x3F)
    assert linux.softreset(pmp) == CLASS_ATA
    linux.thaw()
    linux.serve()
    identify(linux)


def test_linux_hard_reset_without_a_device() -> None:
    linux = Linux(Rig(bare=True))
    linux.probe()
    assert linux.hardreset() is None
    assert linux.rig.read(SSTATUS) == 0


def test_linux_unloads_and_loads_the_driver(linux: Linux) -> None:
    """It never takes FORCE_OFFLINE back, so that this has to end by itself."""
    linux.stop()
    linux.probe()
    assert linux.hardreset() == CLASS_ATA
    linux.thaw()
    linux.serve()
    read_all(linux)


def test_linux_error_of_a_command_that_is_not_queued(linux: Linux) -> None:
    """The status FIS has the error and the address; the queue goes on without a reset."""
    disk = linux.rig.disk
    disk.faults.uncorrectable(6)
    linux.rig.slot(3, dma(READ_DMA, 4, 8), [(BUFFER, 4096)])
    linux.issue(3)
    linux.serve()
    assert linux.errors == ["device 0x1 commands 0x8"]
    status = linux.rig.status_fis(3)
    assert status[2:5] == bytes((0x51, 0x40, 6))
    assert linux.rig.state() == (0, 0, 0, 0, 0)
    identify(linux)


def test_linux_error_of_a_queued_command(linux: Linux) -> None:
    """All of the queue is in error. The disk aborts IDENTIFY, since nobody reads log 10h: reset."""
    rig, disk = linux.rig, linux.rig.disk
    disk.faults.uncorrectable(6)
    disk.hold()
    for tag in range(5):
        rig.slot(tag, queued(READ_FPDMA, tag * 8, 8, tag), [(BUFFER, 4096)], flags=FPDMA)
        linux.issue(tag)
    rig.work()
    disk.release()
    linux.serve()
    assert linux.errors == ["device 0x1 commands 0x1f"]
    assert rig.state() == (0, 0, 0, 0, 0)
    rig.slot(0, RegisterH2D(IDENTIFY), [(BUFFER, 512)])
    linux.issue(0)
    linux.serve()
    assert linux.errors[1:] == ["device 0x1 commands 0x1"]
    assert rig.status_fis(0)[2:4] == bytes((0x51, 0x04))
    assert linux.hardreset() == CLASS_ATA
    linux.thaw()
    linux.serve()
    identify(linux)


def test_linux_fatal_error_and_timeout(linux: Linux) -> None:
    rig, disk = linux.rig, linux.rig.disk
    for strike in (disk.faults.crc_error, disk.faults.hang):
        strike()
        rig.slot(2, queued(READ_FPDMA, 8, 8, 2), [(BUFFER, 4096)], flags=FPDMA)
        linux.issue(2)
        linux.serve()
        assert linux.done == 0
        assert rig.read(CAR) == 4
        rig.write(HCONTROL, rig.read(HCONTROL) & ~0x3F)
        assert linux.hardreset() == CLASS_ATA
        linux.thaw()
        linux.serve()
        read_all(linux)
    assert set(linux.errors) == {"fatal"}


def test_linux_hot_plug(linux: Linux) -> None:
    rig, port = linux.rig, linux.rig.port
    port.unplug()
    linux.serve()
    assert "PHY RDY changed" in linux.errors
    assert linux.hardreset() is None
    linux.thaw()
    linux.serve()
    linux.errors.clear()
    rig.disk = AtaDisk(Media(1 << 20))
    port.plug(rig.disk)
    linux.serve()
    assert "PHY RDY changed" in linux.errors
    assert linux.hardreset() == CLASS_ATA
    linux.thaw()
    linux.serve()
    read_all(linux)


class UBoot:
    """fsl_sata of U-Boot: polls, and has every register written once."""

    def __init__(self, rig: Rig) -> None:
        self.rig = rig

    def init(self) -> int:
        rig = self.rig
        rig.write(HCONTROL, rig.read(HCONTROL) & ~ONLINE | FORCE)
        assert not rig.read(HSTATUS) & ONLINE
        rig.write(CHBA, HEADERS)
        rig.write(HCONTROL, rig.read(HCONTROL) | SNOOP)
        rig.write(HCONTROL, rig.read(HCONTROL) & ~0x3F)
        rig.write(HSTATUS, rig.read(HSTATUS))
        rig.write(ICC, 0x01000000)
        rig.write(CQPMP, 0)
        for register in (SERROR, CER, DER):
            rig.write(register, rig.read(register))
        rig.write(SCONTROL, 0x300)
        rig.write(TRANSCFG, 0x08000016)
        rig.write(LINKCFG, 0x0000FF34)
        rig.write(HCONTROL, rig.read(HCONTROL) | ONLINE)
        rig.work()
        assert rig.read(HSTATUS) & PHYRDY
        assert rig.read(HSTATUS) & SIGNATURE
        assert rig.read(SSTATUS) & 0xF0 == 0x20, "3 Gbps"
        return rig.read(SIG)

    def execute(self, tag: int, fis: RegisterH2D, size: int, *, flags: int = 0) -> int:
        """CER; the data is at BUFFER."""
        rig = self.rig
        rig.slot(tag, fis, [(BUFFER, size)] if size else [], flags=flags)
        rig.write(CQPMP, 0)
        assert not rig.read(CAR) & 1 << tag
        assert not rig.read(CQR) & 1 << tag
        rig.write(CQR, 1 << tag)
        rig.work()
        failed = rig.read(CER)
        if failed:
            devices = rig.read(DER)
            rig.write(CER, failed)
            rig.write(DER, devices)
        else:
            assert rig.read(CCR) & 1 << tag, "command time out"
        rig.write(CCR, rig.read(CCR))
        return failed


def test_u_boot_reads_and_writes() -> None:
    content = seeded().randbytes(1 << 20)
    uboot = UBoot(Rig(AtaDisk(Media.of_bytes(content))))
    rig = uboot.rig
    assert uboot.init() == CLASS_ATA
    assert not uboot.execute(0, RegisterH2D(IDENTIFY), 512)
    assert not uboot.execute(0, RegisterH2D(0xEF, features=3, count=0x46), 0)
    assert not uboot.execute(0, dma(READ_DMA, 100, 16), 8192)
    assert rig.memory.peek(BUFFER, 8192) == content[51200 : 51200 + 8192]
    rig.memory.poke(BUFFER, content[:4096])
    assert not uboot.execute(3, queued(WRITE_FPDMA, 200, 8, 3), 4096, flags=FPDMA)
    assert rig.disk.media.read(200, 8) == content[:4096]
    rig.disk.faults.uncorrectable(101)
    assert uboot.execute(0, dma(READ_DMA, 100, 16), 8192) == 1
    assert rig.status_fis(0)[2:5] == bytes((0x51, 0x40, 101))
    assert not uboot.execute(0, dma(READ_DMA, 0, 16), 8192)
    assert not rig.irq, "it polls"


def test_linux_after_u_boot() -> None:
    rig = Rig(AtaDisk(Media.of_bytes(seeded().randbytes(1 << 20))))
    UBoot(rig).init()
    linux = Linux(rig)
    linux.probe()
    assert linux.hardreset() == CLASS_ATA
    linux.thaw()
    linux.serve()
    read_all(linux)
    assert rig.read(HSTATUS) & ~COMPLETE == ONLINE
