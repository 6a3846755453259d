# SPDX-License-Identifier: MIT
"""QorIQ SATA: errors and the way back, and software that interferes while memory is awaited."""

from __future__ import annotations

from collections.abc import Callable

import pytest
from fsl_sata_rig import (
    BIST,
    BUFFER,
    CAR,
    CCR,
    CER,
    CLEAR_ERROR,
    CQPMP,
    CQR,
    CRC_RX,
    CRC_TX,
    DER,
    DESCRIPTORS,
    DEVICE_ERR,
    EXT,
    FATAL,
    FORCE,
    FPDMA,
    GOING_OFFLINE,
    HCONTROL,
    HEADERS,
    HSTATUS,
    MASTER,
    ONLINE,
    OVERRUN,
    SERR_C,
    SERR_H,
    SERR_S,
    SERROR,
    UNDERRUN,
    Rig,
)
from sata_rig import READ_DMA, READ_FPDMA, READ_PIO, WRITE_DMA, WRITE_FPDMA, Disk, dma, queued

from models.ata.transport import (
    DmaSetup,
    LinkErrors,
    LinkLost,
    RegisterD2H,
    RegisterH2D,
    SetDeviceBits,
)
from testbed.errors import TestbedError
from testbed.remoteport.device import LinkError


@pytest.fixture
def rig() -> Rig:
    rig = Rig()
    rig.start()
    return rig


def recover(rig: Rig) -> None:
    """Off- and online again, as after a fatal error."""
    rig.write(HCONTROL, rig.read(HCONTROL) & ~ONLINE)
    assert rig.state() == (0, 0, 0, 0, 0)
    assert rig.read(HSTATUS) == 0
    rig.memory.refused.clear()
    rig.start()


def works(rig: Rig) -> None:
    rig.slot(0, dma(READ_DMA, 77, 1), [(BUFFER + 0x100000, 512)])
    rig.issue(1)
    assert rig.read(CCR) == 1
    assert rig.memory.peek(BUFFER + 0x100000, 512) == rig.disk.sector(77)
    rig.write(CCR, 1)


def test_device_error_stops_the_commands_of_that_device(rig: Rig) -> None:
    rig.disk.fail = lambda fis: fis.lba == 5
    for slot, lba in ((0, 4), (1, 5), (2, 6)):
        rig.slot(slot, dma(READ_DMA, lba, 1), [(BUFFER + slot * 512, 512)])
    rig.issue(7)
    assert rig.state() == (4, 0, 1, 2, 1)
    assert rig.read(HSTATUS) == ONLINE | DEVICE_ERR | 1
    assert rig.status_fis(1)[:4] == bytes((0x34, 0x40, 0x51, 0x40))
    rig.write(DER, 1)
    assert rig.state() == (0, 0, 0, 2, 0), "what was queued for it is forgotten"
    assert not rig.irq
    rig.write(CER, 2)
    works(rig)


def test_commands_for_another_device_go_on(rig: Rig) -> None:
    rig.disk.fail = lambda fis: fis.lba == 5
    rig.slot(0, dma(READ_DMA, 5, 1), [(BUFFER, 512)])
    rig.write(CQPMP, 3)
    rig.issue(1)
    assert rig.state() == (0, 0, 0, 1, 8)
    rig.slot(1, dma(READ_DMA, 6, 1), [(BUFFER, 512)])
    rig.slot(2, dma(READ_DMA, 7, 1), [(BUFFER, 512)])
    rig.issue(2)
    rig.write(CQPMP, 0)
    rig.issue(4)
    assert rig.state() == (2, 0, 4, 1, 8)


def test_queued_error(rig: Rig) -> None:
    rig.disk.fail = lambda fis: fis.lba == 5
    for slot in range(8):
        rig.slot(slot, queued(READ_FPDMA, slot, 1, slot), [(BUFFER + slot * 512, 512)], flags=FPDMA)
    rig.issue(0xFF)
    assert rig.state() == (0, 0, 0x1F, 0xE0, 1)
    taken = RegisterD2H(0x50).to_bytes()
    assert [rig.status_fis(slot) for slot in (4, 5, 6)] == [taken] * 3
    assert rig.memory.peek(BUFFER, 5 * 512) == rig.disk._read(0, 5)
    rig.write(DER, 1)
    rig.write(CER, 0xE0)
    works(rig)


def test_a_queued_command_that_is_refused() -> None:
    class Refusing(Disk):
        def command(self, fis: RegisterH2D) -> None:
            if fis.lba == 1:
                self.queue.clear()
                self.link.send_register(RegisterD2H(0x51, 4, interrupt=True))
            else:
                super().command(fis)

    rig = Rig(Refusing())
    rig.start()
    for slot in range(3):
        rig.slot(slot, queued(READ_FPDMA, slot, 1, slot), [(BUFFER, 512)], flags=FPDMA)
    rig.issue(7)
    assert rig.state() == (4, 0, 0, 3, 1)
    assert rig.status_fis(0)[2:4] == b"\x50\0", "was taken before"
    assert rig.status_fis(1)[2:4] == b"\x51\x04"


def header_area(slot: int) -> range:
    return range(HEADERS + slot * 16, HEADERS + slot * 16 + 16)


@pytest.mark.parametrize(
    "area",
    [
        header_area(0),
        range(DESCRIPTORS, DESCRIPTORS + 4),
        range(DESCRIPTORS + 0x60, DESCRIPTORS + 0x61),
        range(BUFFER + 511, BUFFER + 512),
    ],
)
@pytest.mark.parametrize("command", [READ_DMA, WRITE_DMA, READ_PIO])
def test_memory_refuses(rig: Rig, area: range, command: int) -> None:
    rig.memory.refused.append(area)
    rig.slot(0, dma(command, 0, 2), [(BUFFER, 1024)])
    rig.issue(1)
    assert rig.read(HSTATUS) == ONLINE | MASTER | FATAL
    assert rig.read(CCR) == 0
    assert rig.read(CQR) | rig.read(CAR) == 1
    assert rig.irq
    rig.issue(2)
    assert rig.read(CQR) & 2, "nothing goes on after it"
    recover(rig)
    works(rig)


def test_memory_refuses_the_status_fis(rig: Rig) -> None:
    rig.slot(0, dma(READ_DMA, 0, 1), [(BUFFER, 512)])
    rig.disk.before_data = lambda: rig.memory.refused.append(
        range(DESCRIPTORS + 0x20, DESCRIPTORS + 0x21)
    )
    rig.issue(1)
    assert rig.read(HSTATUS) == ONLINE | MASTER | FATAL
    assert rig.state() == (0, 1, 0, 0, 0)


def test_memory_refuses_a_part_of_much_data(rig: Rig) -> None:
    """What is written before the command has ended."""
    rig.memory.refused.append(range(BUFFER + (1 << 20), BUFFER + (1 << 20) + 4))
    rig.slot(0, queued(READ_FPDMA, 0, 6144, 0), [(BUFFER, 3 << 20)], flags=FPDMA)
    rig.issue(1)
    assert rig.read(HSTATUS) == ONLINE | MASTER | FATAL
    assert rig.state() == (0, 1, 0, 0, 0)
    assert rig.disk.lost == 1


@pytest.mark.parametrize("command", [READ_FPDMA, WRITE_FPDMA])
def test_an_indirect_table_that_memory_refuses_is_met_in_its_turn(rig: Rig, command: int) -> None:
    """The commands before it end well, and are reported."""
    for slot in range(3):
        prds = [(BUFFER + slot * 0x10000 + n * 0x200, 512) for n in range(20)]
        rig.slot(slot, queued(command, slot * 20, 20, slot), prds, flags=FPDMA)
    table = DESCRIPTORS + 0x600 + 0x400
    rig.memory.refused.append(range(table, table + 16))
    rig.issue(7)
    assert rig.read(HSTATUS) & (MASTER | FATAL) == MASTER | FATAL
    assert rig.read(CCR) == 1
    recover(rig)
    works(rig)


def test_a_descriptor_that_memory_refuses_is_met_in_its_turn(rig: Rig) -> None:
    for slot in range(3):
        rig.slot(slot, dma(READ_DMA, slot, 1), [(BUFFER + slot * 512, 512)])
    rig.memory.refused.append(range(DESCRIPTORS + 0x600, DESCRIPTORS + 0x601))
    rig.issue(7)
    assert rig.read(HSTATUS) & (MASTER | FATAL) == MASTER | FATAL
    assert (rig.read(CQR), rig.read(CCR)) == (6, 1)


@pytest.mark.parametrize("command", [READ_DMA, WRITE_DMA])
@pytest.mark.parametrize(
    ("size", "total", "cause"),
    [(512, 512, OVERRUN), (2048, 2048, UNDERRUN), (1024, 1028, UNDERRUN)],
)
def test_data_length(rig: Rig, command: int, size: int, total: int, cause: int) -> None:
    rig.slot(0, dma(command, 0, 2), [(BUFFER, size)], total=total)
    rig.issue(1)
    assert rig.read(HSTATUS) == ONLINE | cause | FATAL
    assert rig.state() == (0, 1, 0, 0, 0)
    recover(rig)
    works(rig)


def test_a_table_that_ends_with_a_pointer_has_nothing_behind_it(rig: Rig) -> None:
    rig.slot(0, dma(READ_DMA, 0, 2), [(BUFFER, 512), (BUFFER, 512)])
    rig.memory.poke(DESCRIPTORS + 0x70 + 12, (EXT | 512).to_bytes(4, "little"))
    rig.issue(1)
    assert rig.read(HSTATUS) == ONLINE | OVERRUN | FATAL


@pytest.mark.parametrize(
    ("kind", "cause", "serror"),
    [(LinkErrors.CRC, CRC_RX, SERR_C), (LinkErrors.HANDSHAKE, CRC_TX, SERR_H)],
)
def test_link_error_in_a_transfer(rig: Rig, kind: LinkErrors, cause: int, serror: int) -> None:
    rig.disk.before_data = lambda: rig.disk.break_link(kind, True)
    rig.slot(0, dma(READ_DMA, 0, 1), [(BUFFER, 512)])
    rig.issue(1)
    assert rig.read(HSTATUS) == ONLINE | cause | FATAL
    assert rig.read(SERROR) & serror
    assert rig.read(CAR) == 1
    rig.disk.before_data = lambda: None
    recover(rig)
    works(rig)


def test_link_error_that_is_not_fatal(rig: Rig) -> None:
    rig.disk.before_data = lambda: rig.disk.break_link(LinkErrors.CRC, False)
    rig.slot(0, dma(READ_DMA, 0, 1), [(BUFFER, 512)])
    rig.issue(1)
    assert rig.state() == (0, 0, 1, 0, 0)
    assert rig.read(SERROR) & SERR_C
    rig.port.link_error(LinkErrors.CRC, True)
    assert rig.read(HSTATUS) & FATAL


def test_link_error_while_offline_is_nobodys() -> None:
    rig = Rig()
    rig.port.link_error(LinkErrors.CRC, True)
    assert rig.read(HSTATUS) | rig.read(SERROR) == 0
    rig.start()
    works(rig)


def test_clear_error_goes_on_with_what_is_queued(rig: Rig) -> None:
    rig.port.link_error(LinkErrors.CRC, True)
    rig.slot(0, dma(READ_DMA, 77, 1), [(BUFFER, 512)])
    rig.issue(1)
    assert rig.read(CQR) == 1
    control = rig.read(HCONTROL)
    rig.write(HCONTROL, control | CLEAR_ERROR)
    rig.write(HCONTROL, control)
    rig.work()
    assert rig.read(HSTATUS) == ONLINE | 1
    assert rig.read(CCR) == 1


def test_frames_that_the_device_cannot_take(rig: Rig) -> None:
    fis = dma(READ_DMA, 0, 1)
    for slot, (frame, size, flags) in enumerate(
        [(b"\x46" + fis.to_bytes()[1:], 20, 0), (fis.to_bytes(), 24, 0), (fis.to_bytes(), 20, BIST)]
    ):
        rig.slot(slot, frame, [(BUFFER, 512)], flags=flags, fis_size=size)
        rig.issue(1 << slot)
        assert rig.read(HSTATUS) & FATAL
        assert rig.read(CQR) == 1 << slot
        recover(rig)
    assert not rig.disk.seen


@pytest.mark.parametrize("tag", [3, 16, 31])
def test_dma_setup_for_no_command(tag: int) -> None:
    class Wrong(Disk):
        def _queued(self, fis: RegisterH2D) -> None:
            self.link.send_dma_setup(DmaSetup(tag, direction_in=True, transfer_count=512))

    rig = Rig(Wrong())
    rig.start()
    rig.slot(0, queued(READ_FPDMA, 0, 1, 0), [(BUFFER, 512)], flags=FPDMA)
    rig.issue(1)
    assert rig.read(SERROR) & SERR_S
    assert rig.read(HSTATUS) & FATAL
    assert rig.disk.lost == 1


def test_data_for_no_command() -> None:
    class Wrong(Disk):
        def control(self, fis: RegisterH2D) -> None:
            try:
                self.link.send_data(bytes(512))
            except LinkLost:
                self.lost += 1

    rig = Rig(Wrong())
    rig.start()
    rig.slot(0, RegisterH2D(is_command=False), [(BUFFER, 512)])
    rig.issue(1)
    assert rig.disk.lost == 1
    assert rig.read(SERROR) & SERR_S
    assert rig.read(HSTATUS) & FATAL


def test_completion_of_a_tag_that_is_not_active_is_nothing(rig: Rig) -> None:
    rig.disk._queued = lambda fis: rig.disk.link.send_set_device_bits(  # type: ignore[method-assign]
        SetDeviceBits(0x40, 0, 0xFFFFFFFE, interrupt=True)
    )
    rig.slot(0, queued(READ_FPDMA, 0, 1, 0), [(BUFFER, 512)], flags=FPDMA)
    rig.issue(1)
    assert rig.state() == (0, 1, 0, 0, 0)


# Software that interferes


def offline(rig: Rig) -> None:
    rig.write(HCONTROL, rig.read(HCONTROL) & ~ONLINE)


def force(rig: Rig) -> None:
    rig.write(HCONTROL, rig.read(HCONTROL) | FORCE)


def unplug(rig: Rig) -> None:
    rig.port.unplug()


def lose(rig: Rig) -> None:
    rig.port.lose_link()


@pytest.mark.parametrize("action", [offline, force, unplug, lose], ids=lambda a: a.__name__)
@pytest.mark.parametrize("wait", range(4))
def test_nothing_is_written_after_the_end(
    rig: Rig, action: Callable[[Rig], None], wait: int
) -> None:
    """At each wait for memory of a read: once the transfer was ended, nothing lands any more."""
    for tag in range(4):
        rig.slot(tag, queued(READ_FPDMA, tag, 1, tag), [(BUFFER + tag * 512, 512)], flags=FPDMA)
    waits = 0
    writes_before: list[int] = []

    def during() -> None:
        nonlocal waits
        if waits == wait:
            action(rig)
            if action in (offline, force):
                assert rig.read(HSTATUS) & (ONLINE | GOING_OFFLINE) == ONLINE | GOING_OFFLINE
            writes_before.append(sum(kind == "write" for kind, _, _ in rig.memory.log))
        else:
            rig.memory.during = during
        waits += 1

    rig.memory.during = during
    rig.memory.log.clear()
    rig.issue(0xF)
    rig.memory.during = None
    if not writes_before:
        return
    assert rig.read(CCR) == 0
    if action in (offline, force):
        assert rig.read(HSTATUS) == 0
    after = [entry for entry in rig.memory.log if entry[0] == "write"][writes_before[0] :]
    # What was on its way when the transfer ended lands before GOING_OFFLINE is cleared.
    assert len(after) <= (8 if wait == 2 else 0)


def test_der_cleared_in_a_transfer(rig: Rig) -> None:
    rig.disk.fail = lambda fis: fis.lba == 9
    rig.slot(1, dma(READ_DMA, 9, 1), [(BUFFER, 512)])
    rig.issue(2)
    assert rig.read(DER) == 1
    rig.slot(0, dma(READ_DMA, 1, 1), [(BUFFER, 512)])
    rig.issue(1)
    rig.write(DER, 1)
    rig.write(CER, 2)
    works(rig)


def test_no_machine_to_transfer_for(rig: Rig) -> None:
    def gone() -> None:
        raise LinkError("left")

    rig.slot(0, dma(READ_DMA, 5, 1), [(BUFFER, 512)])
    rig.memory.during = gone
    rig.issue(1)
    assert rig.read(CQR) == 1
    rig.sata.attach(rig.memory)
    rig.work()
    assert rig.read(CCR) == 1


def test_a_tick_that_is_none() -> None:
    for tick in (0.0, -1.0, 1.0):
        with pytest.raises(TestbedError, match="above 0 and below 1"):
            Rig(tick=tick)
