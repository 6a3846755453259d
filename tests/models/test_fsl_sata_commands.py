# SPDX-License-Identifier: MIT
"""QorIQ SATA: commands, their data, and when their end is reported."""

from __future__ import annotations

import pytest
from fsl_sata_rig import (
    ATAPI,
    BUFFER,
    CAR,
    CCR,
    COMPLETE,
    COPYOUT,
    CQR,
    FPDMA,
    HCONTROL,
    HSTATUS,
    ICC,
    ONLINE,
    SIG,
    SIGNATURE,
    SRST,
    Rig,
)
from sata_rig import (
    IDENTIFY,
    READ_DMA,
    READ_FPDMA,
    READ_PIO,
    SECTOR,
    WRITE_DMA,
    WRITE_FPDMA,
    WRITE_PIO,
    Disk,
    dma,
    queued,
    seeded,
)

from models.ata.transport import PioSetup, RegisterD2H, RegisterH2D


@pytest.fixture
def rig() -> Rig:
    rig = Rig()
    rig.start()
    return rig


@pytest.mark.parametrize("command", [READ_DMA, READ_PIO, IDENTIFY])
def test_data_to_memory(rig: Rig, command: int) -> None:
    count = 1 if command == IDENTIFY else 3
    rig.slot(2, dma(command, 40, count), [(BUFFER, 100), (BUFFER + 0x1000, count * SECTOR - 100)])
    rig.issue(4)
    expected = b"".join(rig.disk.sector(40 + n) for n in range(count))
    assert rig.memory.peek(BUFFER, 100) == expected[:100]
    assert rig.memory.peek(BUFFER + 0x1000, count * SECTOR - 100) == expected[100:]
    assert rig.state() == (0, 0, 4, 0, 0)
    assert rig.read(HSTATUS) == ONLINE | COMPLETE
    assert rig.irq
    rig.write(CCR, 4)
    assert not rig.irq
    assert rig.read(HSTATUS) == ONLINE


@pytest.mark.parametrize("command", [WRITE_DMA, WRITE_PIO])
def test_data_to_the_disk(rig: Rig, command: int) -> None:
    data = seeded().randbytes(3 * SECTOR)
    rig.memory.poke(BUFFER, data)
    rig.slot(0, dma(command, 7, 3), [(BUFFER, 1000), (BUFFER + 1000, 536)])
    rig.issue(1)
    assert b"".join(rig.disk.sector(7 + n) for n in range(3)) == data
    assert rig.state() == (0, 0, 1, 0, 0)


def test_a_full_queue(rig: Rig) -> None:
    rig.disk.choice = seeded()
    data = {}
    for tag in range(16):
        where = BUFFER + tag * 4096
        command = WRITE_FPDMA if tag % 3 == 0 else READ_FPDMA
        if command == WRITE_FPDMA:
            data[tag] = rig.disk.choice.randbytes(4096)
            rig.memory.poke(where, data[tag])
        rig.slot(tag, queued(command, tag * 8, 8, tag), [(where, 4096)], flags=FPDMA)
    rig.issue(0xFFFF)
    assert rig.state() == (0, 0, 0xFFFF, 0, 0)
    assert rig.port.deepest_queue == 16
    for tag in range(16):
        expected = rig.disk._read(tag * 8, 8)
        assert rig.memory.peek(BUFFER + tag * 4096, 4096) == expected
        assert tag not in data or expected == data[tag]


def test_a_batch_takes_few_waits(rig: Rig) -> None:
    """Headers, descriptors, then data and status FISes of all commands: three."""
    for tag in range(16):
        rig.slot(tag, queued(READ_FPDMA, tag, 1, tag), [(BUFFER + tag * 512, 512)], flags=FPDMA)
    rig.memory.waits = 0
    rig.issue(0xFFFF)
    assert rig.memory.waits == 3


def test_commands_move_from_queued_to_active_to_completed(rig: Rig) -> None:
    rig.disk.step = lambda: False  # type: ignore[method-assign]
    rig.slot(5, queued(READ_FPDMA, 0, 1, 5), [(BUFFER, 512)], flags=FPDMA)
    rig.issue(1 << 5, work=False)
    assert (rig.read(CQR), rig.read(CAR)) == (1 << 5, 0)
    rig.work()
    assert (rig.read(CQR), rig.read(CAR)) == (0, 1 << 5)
    rig.write(CQR, 1 << 5)
    assert rig.read(CQR) == 0, "an active slot is not queued again"
    del rig.disk.step
    rig.port.engine.work_ready()
    rig.work()
    assert rig.state() == (0, 0, 1 << 5, 0, 0)


@pytest.mark.parametrize(("direct", "per_table"), [(16, 63), (16, 2), (3, 5), (1, 63)], ids=str)
@pytest.mark.parametrize("command", [READ_FPDMA, WRITE_FPDMA])
def test_indirect_prds(rig: Rig, command: int, direct: int, per_table: int) -> None:
    """Where the direct table ends, and chains of tables, up to the 63 entries of a command."""
    choice = seeded()
    for count in (1, 15, 16, 17, 40, 46):
        sizes = [choice.randrange(4, 400, 4) for _ in range(count - 1)]
        sizes.append(-sum(sizes) % SECTOR + SECTOR)
        if count + (count - direct) // max(1, per_table - 1) + 1 > 63:
            continue
        prds = [(BUFFER + n * 0x1000 + choice.randrange(0, 64, 4), s) for n, s in enumerate(sizes)]
        total = sum(sizes)
        lba = choice.randrange(1000)
        data = choice.randbytes(total)
        if command == WRITE_FPDMA:
            done = 0
            for where, size in prds:
                rig.memory.poke(where, data[done : done + size])
                done += size
        else:
            for n in range(total // SECTOR):
                rig.disk.sectors[lba + n] = data[n * SECTOR : (n + 1) * SECTOR]
        fis = queued(command, lba, total // SECTOR, 3)
        rig.slot(3, fis, prds, flags=FPDMA, direct=direct, per_table=per_table)
        rig.issue(8)
        assert rig.state() == (0, 0, 8, 0, 0), f"{count} PRDs"
        rig.write(CCR, 8)
        if command == WRITE_FPDMA:
            assert b"".join(rig.disk.sector(lba + n) for n in range(total // SECTOR)) == data
        else:
            assert b"".join(rig.memory.peek(where, size) for where, size in prds) == data


def test_indirect_prds_of_several_commands_are_read_at_once(rig: Rig) -> None:
    for tag in range(4):
        prds = [(BUFFER + tag * 0x10000 + n * 0x400, 512) for n in range(20)]
        rig.slot(tag, queued(READ_FPDMA, tag * 20, 20, tag), prds, flags=FPDMA)
    rig.memory.waits = 0
    rig.issue(0xF)
    assert rig.memory.waits == 4
    assert rig.read(CCR) == 0xF


def test_a_length_of_zero_is_four_mebibytes(rig: Rig) -> None:
    rig.slot(0, queued(READ_FPDMA, 0, 8192, 0), [(BUFFER, 0)], flags=FPDMA, total=4 << 20)
    rig.issue(1)
    assert rig.state() == (0, 0, 1, 0, 0)
    assert rig.memory.peek(BUFFER + (4 << 20) - SECTOR, SECTOR) == rig.disk.sector(8191)


def test_low_bits_of_addresses_and_lengths_are_not_there(rig: Rig) -> None:
    rig.slot(0, dma(READ_DMA, 9, 1), [(BUFFER | 3, 512 | 3)], total=512 | 3)
    rig.issue(1)
    assert rig.memory.peek(BUFFER, SECTOR) == rig.disk.sector(9)
    assert rig.state() == (0, 0, 1, 0, 0)


@pytest.mark.parametrize("copied", [True, False])
def test_the_status_fis_of_what_ended_well(rig: Rig, copied: bool) -> None:
    if not copied:
        rig.write(HCONTROL, rig.read(HCONTROL) & ~COPYOUT)
    rig.slot(1, dma(READ_DMA, 9, 1), [(BUFFER, 512)])
    rig.issue(2)
    expected = RegisterD2H(0x50, interrupt=True).to_bytes() if copied else bytes(20)
    assert rig.status_fis(1) == expected


def test_packet_command() -> None:
    class Cdrom(Disk):
        packets: list[bytes]

        def command(self, fis: RegisterH2D) -> None:
            self.link.send_pio_setup(PioSetup(0x58, end_status=0xD0, transfer_count=12))
            self.packets = [self.link.receive_data(12)]
            self.link.send_data(b"answer!!")
            self.link.send_register(RegisterD2H(0x50, interrupt=True))

    rig = Rig(Cdrom())
    rig.start()
    packet = bytes(range(1, 13))
    rig.slot(0, RegisterH2D(0xA0), [(BUFFER, 8)], flags=ATAPI, packet=packet)
    rig.issue(1)
    assert rig.disk.packets == [packet]
    assert rig.memory.peek(BUFFER, 8) == b"answer!!"
    assert rig.state() == (0, 0, 1, 0, 0)


def test_soft_reset_ends_a_command_that_hangs(rig: Rig) -> None:
    rig.disk.hang = True
    rig.slot(4, dma(READ_DMA, 0, 1), [(BUFFER, 512)])
    rig.issue(1 << 4)
    assert rig.read(CAR) == 1 << 4
    rig.slot(0, RegisterH2D(control=4, is_command=False), flags=SRST)
    rig.issue(1)
    assert rig.state() == (0, 0, 1, 0, 0), "the hung command is gone, and nobody says it ended"
    rig.disk.hang = False
    rig.slot(0, RegisterH2D(is_command=False))
    rig.issue(1)
    assert rig.read(HSTATUS) == ONLINE | SIGNATURE | COMPLETE
    assert rig.read(SIG) == 0x101
    rig.slot(4, dma(READ_DMA, 3, 1), [(BUFFER, 512)])
    rig.issue(1 << 4)
    assert rig.memory.peek(BUFFER, 512) == rig.disk.sector(3)


def test_commands_behind_a_busy_device_wait(rig: Rig) -> None:
    rig.disk.hang = True
    for slot in (0, 1):
        rig.slot(slot, dma(READ_DMA, slot, 1), [(BUFFER + slot * 512, 512)])
    rig.issue(3)
    assert (rig.read(CQR), rig.read(CAR)) == (2, 1)
    assert len(rig.disk.seen) == 1


# Coalescing


def three(rig: Rig) -> None:
    for slot in range(3):
        rig.slot(slot, dma(READ_DMA, slot, 1), [(BUFFER + slot * 512, 512)])


def test_a_count_holds_the_interrupt_back(rig: Rig) -> None:
    three(rig)
    rig.write(ICC, 3 << 24)
    rig.issue(1)
    rig.issue(2)
    assert rig.read(CCR) == 3
    assert not rig.irq
    rig.coalescing.advance(1000)
    assert not rig.irq, "no ticks, no time"
    rig.issue(4)
    assert rig.irq
    assert rig.read(HSTATUS) & COMPLETE
    rig.write(CCR, 7)
    rig.issue(1)
    assert not rig.irq, "counted anew"


def test_ticks_bound_the_wait() -> None:
    rig = Rig(tick=1e-6)
    rig.start()
    three(rig)
    rig.write(ICC, 16 << 24 | 5000)
    rig.issue(1)
    rig.coalescing.advance(0.004)
    rig.issue(2)
    assert not rig.irq
    rig.coalescing.advance(0.0011)
    assert rig.irq, "5 ms after the first"
    rig.write(CCR, 3)
    rig.coalescing.advance(10)
    assert not rig.irq


def test_a_lower_count_counts_at_once(rig: Rig) -> None:
    three(rig)
    rig.write(ICC, 2 << 24)
    rig.issue(1)
    assert not rig.irq
    rig.write(ICC, 1 << 24)
    assert rig.irq


def test_what_completes_while_an_interrupt_is_served_is_not_lost(rig: Rig) -> None:
    """sata_fsl reads CC, clears it, and last of all writes back HSTATUS as it was at first."""
    three(rig)
    rig.issue(1)
    status, done = rig.read(HSTATUS) & 0x3F, rig.read(CCR)
    rig.write(CCR, done)
    rig.issue(2)
    rig.write(HSTATUS, status)
    assert rig.irq
    assert rig.read(CCR) == 2


def test_queued_commands_wait_for_more_of_their_kind(rig: Rig) -> None:
    """Moderation: once the host was seen to queue four, one waits for three, or for a while."""
    for tag in range(4):
        rig.slot(tag, queued(READ_FPDMA, tag, 1, tag), [(BUFFER + tag * 512, 512)], flags=FPDMA)
    for _ in range(8):
        rig.issue(0xF)
        rig.moderation.advance(0.001)
        rig.write(CCR, 0xF)
    rig.issue(1)
    assert rig.read(CQR) == 1, "it waits"
    rig.issue(0xE)
    assert rig.read(CCR) == 0xF
    rig.moderation.advance(0.001)
    rig.write(CCR, 0xF)
    rig.issue(1)
    rig.moderation.advance(0.2)
    rig.work()
    assert rig.read(CCR) == 1
    rig.write(CCR, 1)
    rig.issue(2, work=False)
    rig.sata.quiesce()
    rig.work()
    assert rig.read(CCR) == 2, "a machine that stops leaves nothing waiting"
