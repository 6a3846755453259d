# SPDX-License-Identifier: MIT
"""AHCI as drivers use it: libahci of Linux 6.12, U-Boot's polling driver, and simple others."""

from __future__ import annotations

import pytest
from ahci_rig import (
    BUFFER,
    CAP,
    CI,
    CLB,
    CLBU,
    CLO,
    CMD,
    CR,
    DHRS,
    FB,
    FBU,
    FISES,
    FR,
    FRE,
    GHC,
    IE,
    IS,
    LIST,
    PI,
    PIS,
    SACT,
    SCTL,
    SERR,
    SIG,
    SSTS,
    ST,
    SUD,
    TFD,
    TFES,
    Rig,
)
from sata_rig import (
    IDENTIFY,
    READ_DMA,
    READ_FPDMA,
    WRITE_DMA,
    WRITE_FPDMA,
    Disk,
    dma,
    queued,
    seeded,
)

from models.ahci import GENERIC, QORIQ, Vendor
from models.ata.transport import RegisterH2D

DEF_PORT_IRQ = 0x7DC0007F & ~(1 << 26 | 1 << 24)
ERRORS = 0x7840_0050  # what libahci calls PORT_IRQ_ERROR, without port multipliers


class Libahci:
    """The register accesses of libahci and ahci_qoriq, in their order, on port 0."""

    def __init__(self, rig: Rig) -> None:
        self.rig = rig
        self.read, self.write, self.wait = rig.read, rig.write, rig.work
        self.errors: list[int] = []

    def probe(self, vendor: Vendor) -> None:
        if vendor is QORIQ:
            self.rig.ahci.write(1, 0, 4, 0x00020000)
            for offset, value in ((0xA8, 0xA003FFFE), (0xAC, 0x28183414), (0xC8, 0x08000029)):
                self.write(offset, value)
        cap, ports = self.read(CAP), self.read(PI)
        command_caps = self.read(CMD) & 0x7C0000
        self.write(GHC, self.read(GHC) | 1)
        assert not self.read(GHC) & 1
        self.write(GHC, self.read(GHC) | 1 << 31)
        self.write(CAP, cap)
        self.write(PI, ports)
        self.write(CMD, command_caps)
        self.stop()
        assert not self.read(CMD) & FR
        self.clear()
        self.write(GHC, self.read(GHC) | 2)
        self.port_start()
        self.write(IE, 0)
        self.hardreset()
        self.thaw()

    def port_start(self) -> None:
        command = self.read(CMD) & 0x0FFFFFFF
        if self.read(CAP) >> 27 & 1:
            command |= SUD
            self.write(CMD, command)
        self.write(CMD, command | 1 << 28)
        self.write(CLBU, LIST >> 32)
        self.write(CLB, LIST & 0xFFFFFFFF)
        self.write(FBU, FISES >> 32)
        self.write(FB, FISES & 0xFFFFFFFF)
        self.write(CMD, self.read(CMD) | FRE)
        self.start()

    def start(self) -> None:
        self.write(CMD, self.read(CMD) | ST)

    def stop(self) -> None:
        command = self.read(CMD)
        if command & (ST | CR):
            self.write(CMD, command & ~ST)
            self.wait()
            assert not self.read(CMD) & CR

    def clear(self) -> None:
        self.write(SERR, self.read(SERR))
        self.write(PIS, self.read(PIS))
        self.write(IS, 1)

    def thaw(self) -> None:
        self.write(PIS, self.read(PIS))
        self.write(IS, 1)
        self.write(IE, DEF_PORT_IRQ)

    def hardreset(self) -> None:
        self.stop()
        command, status = self.read(CMD), self.read(PIS)
        control = self.read(SCTL)
        self.write(SCTL, control & 0x0F0 | 0x301)
        self.read(SCTL)
        self.write(SCTL, control & 0x0F0 | 0x300)
        self.wait()
        assert self.read(SCTL) & 0xF0F == 0x300
        assert self.read(SSTS) & 0xF == 3
        self.write(SERR, self.read(SERR))
        assert not self.read(TFD) & 0x80
        if self.read(CMD) != command:
            self.write(CMD, command)
        if self.read(PIS) != status:
            self.write(PIS, status)
        self.start()
        assert self.read(SIG) == 0x101

    def softreset(self) -> None:
        self.kick()
        self.rig.slot(0, RegisterH2D(control=4, is_command=False), flags=1 << 8 | 1 << 10)
        self.write(CI, 1)
        self.wait()
        assert not self.read(CI) & 1
        self.rig.slot(0, RegisterH2D(is_command=False))
        self.write(CI, 1)
        self.read(CI)
        self.wait()
        assert not self.read(TFD) & 0x80
        assert self.read(SIG) == 0x101

    def kick(self) -> None:
        self.stop()
        if self.read(TFD) & 0x88:
            self.write(CMD, self.read(CMD) | CLO)
            assert not self.read(CMD) & CLO
        self.start()

    def issue(self, slot: int, *, ncq: bool) -> None:
        if ncq:
            self.write(SACT, 1 << slot)
        self.write(CI, 1 << slot)

    def interrupt(self, active: int, *, ncq: bool) -> int:
        """The handler; the slots of `active` that are done. Frozen ports are noted in `errors`."""
        if not self.read(IS):
            return 0
        status = self.read(PIS)
        self.write(PIS, status)
        still = self.read(SACT if ncq else CI)
        if status & ERRORS:
            self.errors.append(status)
            self.write(SERR, self.read(SERR))
        self.write(IS, 1)
        return active & ~still


@pytest.fixture(params=[QORIQ, GENERIC], ids=lambda vendor: vendor.value)
def linux(request: pytest.FixtureRequest) -> Libahci:
    linux = Libahci(Rig(vendor=request.param))
    linux.probe(request.param)
    linux.softreset()
    assert not linux.rig.irq
    return linux


def test_libahci_with_staggered_spin_up() -> None:
    linux = Libahci(Rig(vendor=GENERIC, staggered_spin_up=True))
    linux.probe(GENERIC)
    assert linux.read(SSTS) == 0x133


def test_libahci_identify(linux: Libahci) -> None:
    linux.rig.slot(0, RegisterH2D(IDENTIFY), [(BUFFER, 512)])
    linux.issue(0, ncq=False)
    linux.wait()
    assert linux.rig.irq
    assert linux.interrupt(1, ncq=False) == 1
    assert not linux.rig.irq
    assert linux.rig.received(0x2F, 1) == b"\x50", "the ending status is taken from there"


def test_libahci_queue_full_of_reads_and_writes(linux: Libahci) -> None:
    choice = seeded()
    linux.rig.disk.choice = choice
    contents: dict[int, bytes] = {}
    outstanding: dict[int, tuple[int, bytes | None]] = {}
    done = 0
    while done < 600:
        free = [tag for tag in range(32) if tag not in outstanding]
        # At first all of them, each elsewhere and none awaited: a full queue.
        for tag in choice.sample(free, choice.randrange(len(free) + 1) if done else 32):
            lba = choice.randrange(1 << 40) * 8
            address = BUFFER + tag * 4096
            if choice.random() < 0.5:
                data = choice.randbytes(4096)
                linux.rig.memory.poke(address, data)
                outstanding[tag] = lba, None
                contents.update((lba + n, data[n * 512 : n * 512 + 512]) for n in range(8))
                linux.rig.slot(tag, queued(WRITE_FPDMA, lba, 8, tag), [(address, 4096)], write=True)
            else:
                if done and contents and choice.random() < 0.5:
                    lba = choice.choice(list(contents)) & ~7
                outstanding[tag] = (
                    lba,
                    b"".join(
                        contents.get(lba + n) or linux.rig.disk.sector(lba + n) for n in range(8)
                    ),
                )
                if any(other == lba for t, (other, _) in outstanding.items() if t != tag):
                    del outstanding[tag]
                    continue
                linux.rig.slot(tag, queued(READ_FPDMA, lba, 8, tag), [(address, 4096)])
            linux.issue(tag, ncq=True)
            if done and choice.random() < 0.1:
                linux.wait()
        linux.wait()
        active = sum(1 << tag for tag in outstanding)
        finished = linux.interrupt(active, ncq=True)
        assert finished == active
        for tag in range(32):
            if finished >> tag & 1:
                _, expected = outstanding.pop(tag)
                done += 1
                if expected is not None:
                    assert linux.rig.memory.peek(BUFFER + tag * 4096, 4096) == expected
    assert linux.rig.disk.sectors == contents
    assert linux.errors == []
    assert linux.rig.port.deepest_queue == 32


def test_libahci_recovers_from_a_queued_error(linux: Libahci) -> None:
    linux.rig.disk.fail = lambda fis: fis.lba == 3
    for tag in range(8):
        linux.rig.slot(tag, queued(READ_FPDMA, tag, 1, tag), [(BUFFER + tag * 512, 512)])
        linux.issue(tag, ncq=True)
    linux.wait()
    # Slot 0 was the last one issued, by the software reset: it is the last in turn.
    assert linux.interrupt(0xFF, ncq=True) == 0b0110
    assert linux.errors[-1] & TFES
    linux.stop()
    linux.start()
    linux.rig.disk.fail = lambda fis: False
    linux.rig.slot(0, RegisterH2D(0x2F, lba=0x10, count=1, device=0xA0), [(BUFFER, 512)])
    linux.issue(0, ncq=False)
    linux.wait()
    assert linux.read(PIS) & DHRS
    linux.write(IE, 0)
    linux.hardreset()
    linux.thaw()
    linux.rig.slot(0, queued(READ_FPDMA, 0, 1, 0), [(BUFFER, 512)])
    for tag in (0, *range(3, 8)):
        linux.issue(tag, ncq=True)
    linux.wait()
    assert linux.interrupt(0xF9, ncq=True) == 0xF9
    assert linux.rig.memory.peek(BUFFER, 8 * 512) == linux.rig.disk._read(0, 8)


def test_libahci_resets_after_a_timeout(linux: Libahci) -> None:
    linux.rig.disk.hang = True
    linux.rig.slot(5, dma(READ_DMA, 0, 1), [(BUFFER, 512)])
    linux.issue(5, ncq=False)
    linux.wait()
    assert not linux.rig.irq
    linux.rig.disk.hang = False
    linux.write(IE, 0)
    linux.hardreset()
    linux.softreset()
    linux.thaw()
    linux.issue(5, ncq=False)
    linux.wait()
    assert linux.interrupt(1 << 5, ncq=False) == 1 << 5
    assert linux.rig.memory.peek(BUFFER, 512) == linux.rig.disk.sector(0)


def test_libahci_hot_plug(linux: Libahci) -> None:
    linux.rig.port.unplug()
    assert linux.rig.irq
    linux.interrupt(0, ncq=False)
    assert linux.errors[-1] & 1 << 22
    linux.stop()
    linux.rig.port.plug(Disk())
    linux.wait()
    linux.interrupt(0, ncq=False)
    assert linux.errors[-1] & 1 << 6
    linux.write(IE, 0)
    linux.hardreset()
    linux.thaw()
    linux.rig.slot(0, RegisterH2D(IDENTIFY), [(BUFFER, 512)])
    linux.issue(0, ncq=False)
    linux.wait()
    assert linux.interrupt(1, ncq=False) == 1


def test_polling_driver_of_a_boot_loader() -> None:
    """One slot, no interrupts, no queued commands; spin-up, then power-on, in U-Boot's order."""
    rig = Rig(vendor=GENERIC, staggered_spin_up=True)
    rig.write(GHC, rig.read(GHC) | 1)
    assert not rig.read(GHC) & 1
    rig.write(GHC, 1 << 31)
    command = rig.read(CMD)
    if command & (CR | FR | FRE | ST):
        rig.write(CMD, command & ~(CR | FR | FRE | ST))
    rig.write(CMD, rig.read(CMD) | SUD)
    rig.work()
    assert rig.read(SSTS) & 0xF == 3
    rig.write(SERR, rig.read(SERR))
    assert not rig.read(TFD) & 0x88
    rig.write(PIS, rig.read(PIS))
    rig.write(IS, 1)
    rig.write(IE, 0)
    rig.write(CLB, LIST & 0xFFFFFFFF)
    rig.write(CLBU, LIST >> 32)
    rig.write(FB, FISES & 0xFFFFFFFF)
    rig.write(FBU, FISES >> 32)
    rig.write(CMD, 1 << 28 | FRE | 4 | SUD | ST)
    assert rig.read(CMD) & CR
    choice = seeded()
    for _ in range(40):
        lba, count = choice.randrange(1 << 28), choice.randrange(1, 33)
        data = choice.randbytes(count * 512)
        rig.memory.poke(BUFFER, data)
        rig.slot(0, dma(WRITE_DMA, lba, count), [(BUFFER, count * 512)], write=True)
        rig.write(CI, 1)
        rig.work()
        assert not rig.read(CI) & 1
        rig.memory.poke(BUFFER, bytes(count * 512))
        rig.slot(0, dma(READ_DMA, lba, count), [(BUFFER, count * 512)])
        rig.write(CI, 1)
        rig.work()
        assert not rig.read(CI) & 1
        assert rig.memory.peek(BUFFER, count * 512) == data
    assert not rig.irq
    assert rig.port.deepest_queue == 1


def test_driver_that_fills_the_list_with_plain_commands() -> None:
    """All 32 slots, none queued, one interrupt handler that looks at PxCI only."""
    rig = Rig(vendor=GENERIC)
    rig.start(ie=DHRS)
    choice = seeded()
    for _ in range(10):
        slots = choice.getrandbits(32) or 1
        for slot in range(32):
            if slots >> slot & 1:
                rig.slot(slot, dma(READ_DMA, slot * 3, 3), [(BUFFER + slot * 4096, 1536)])
        rig.issue(slots)
        assert rig.irq
        assert rig.read(CI) == 0
        rig.clear()
        for slot in range(32):
            if slots >> slot & 1:
                assert rig.prdbc(slot) == 1536
                assert rig.memory.peek(BUFFER + slot * 4096, 1536) == rig.disk._read(slot * 3, 3)
