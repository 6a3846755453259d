# SPDX-License-Identifier: MIT
"""AHCI: errors and the way back, and software that interferes while memory is awaited."""

from __future__ import annotations

import struct
from collections.abc import Callable

import pytest
from ahci_rig import (
    BUFFER,
    CI,
    CLO,
    CMD,
    CR,
    DHRS,
    FISES,
    FR,
    FRE,
    GHC,
    HBDS,
    HBFS,
    IFS,
    INFS,
    IS,
    LIST,
    PIS,
    SACT,
    SDBS,
    SERR,
    SERR_C,
    SERR_F,
    SERR_H,
    ST,
    TABLES,
    TFD,
    TFES,
    UFS,
    Rig,
)
from sata_rig import READ_DMA, READ_FPDMA, READ_PIO, WRITE_DMA, WRITE_FPDMA, dma, queued, seeded

from models.ata.transport import LinkErrors, RegisterH2D
from testbed.errors import TestbedError
from testbed.remoteport.device import LinkError


@pytest.fixture
def rig() -> Rig:
    rig = Rig()
    rig.start()
    return rig


def restart(rig: Rig) -> None:
    """What a driver does after a fatal error, with command list override when it is needed."""
    rig.write(CMD, FRE)
    assert not rig.read(CMD) & CR
    rig.clear()
    if rig.read(TFD) & 0x88:
        rig.write(CMD, FRE | CLO)
    rig.write(CMD, FRE | ST)
    assert rig.read(CMD) & CR


def works(rig: Rig) -> None:
    rig.slot(0, dma(READ_DMA, 77, 1), [(BUFFER + 0x100000, 512)])
    rig.issue(1)
    assert rig.read(CI) == 0
    assert rig.memory.peek(BUFFER + 0x100000, 512) == rig.disk.sector(77)


def test_task_file_error_stops_the_list(rig: Rig) -> None:
    rig.disk.fail = lambda fis: fis.lba == 5
    for slot, lba in ((0, 4), (1, 5), (2, 6)):
        rig.slot(slot, dma(READ_DMA, lba, 1), [(BUFFER + slot * 512, 512)])
    rig.issue(7)
    assert rig.read(PIS) == DHRS | TFES
    assert rig.read(TFD) == 0x4051
    assert rig.read(CI) == 6, "the failed command and those after it"
    assert rig.read(CMD) & (0x1F00 | CR) == 0x0100 | CR
    rig.issue(8)
    assert rig.read(CI) == 0xE
    restart(rig)
    assert rig.read(CI) == 0
    works(rig)


def test_queued_error_stops_the_list(rig: Rig) -> None:
    rig.disk.fail = lambda fis: fis.lba == 5
    for slot in range(8):
        rig.slot(slot, queued(READ_FPDMA, slot, 1, slot), [(BUFFER + slot * 512, 512)])
    rig.issue(0xFF, queued=True)
    assert rig.read(PIS) == SDBS | TFES
    assert (rig.read(SACT), rig.read(CI)) == (0xE0, 0)
    assert rig.read(TFD) == 0x4041
    assert rig.received(0x58, 4) == bytes.fromhex("a1404140")
    restart(rig)
    assert rig.read(SACT) == 0
    works(rig)


def header_area(slot: int) -> range:
    return range(LIST + slot * 32, LIST + slot * 32 + 32)


@pytest.mark.parametrize(
    ("area", "bit"),
    [
        (header_area(0), HBFS),
        (range(TABLES, TABLES + 4), HBFS),
        (range(TABLES + 0x80, TABLES + 0x81), HBFS),
        (range(FISES + 0x20, FISES + 0x44), HBFS),
        (range(BUFFER + 511, BUFFER + 512), HBDS),
    ],
)
@pytest.mark.parametrize("command", [READ_DMA, WRITE_DMA, READ_PIO])
def test_memory_refuses(rig: Rig, area: range, bit: int, command: int) -> None:
    rig.memory.refused.append(area)
    rig.slot(0, dma(command, 0, 2), [(BUFFER, 1024)], write=command == WRITE_DMA)
    rig.issue(1)
    assert rig.read(PIS) & (HBFS | HBDS) == bit
    assert rig.read(PIS) & DHRS == 0
    assert rig.read(CI) == 1
    assert rig.read(CMD) & CR
    assert rig.irq
    rig.memory.refused.clear()
    restart(rig)
    works(rig)


@pytest.mark.parametrize("command", [READ_FPDMA, WRITE_FPDMA])
def test_memory_refuses_data_of_one_queued_command(rig: Rig, command: int) -> None:
    write = command == WRITE_FPDMA
    for slot in range(4):
        rig.slot(slot, queued(command, slot, 1, slot), [(BUFFER + slot * 4096, 512)], write=write)
    rig.memory.refused.append(range(BUFFER + 2 * 4096, BUFFER + 2 * 4096 + 512))
    rig.issue(0xF, queued=True)
    assert rig.read(PIS) & (HBDS | HBFS) == HBDS
    assert rig.read(SACT) & 0b0100
    if write:
        assert sorted(rig.disk.sectors) == [0, 1], "in order, up to the refusal"
    assert not rig.read(TFD) & 0x88
    rig.memory.refused.clear()
    restart(rig)
    works(rig)


def test_a_bad_table_counts_when_its_turn_has_come(rig: Rig) -> None:
    for slot in range(4):
        rig.slot(slot, dma(READ_DMA, slot, 1), [(BUFFER + slot * 512, 512)])
    rig.slot(2, dma(READ_DMA, 2, 1), [(BUFFER, 512)], table=1 << 60)
    rig.memory.refused.append(range(1 << 60, 1 << 61))
    rig.issue(0xF)
    assert rig.read(CI) == 0xC
    assert rig.read(PIS) == DHRS | HBFS
    assert rig.memory.peek(BUFFER, 1024) == rig.disk._read(0, 2)


@pytest.mark.parametrize("prd", [(BUFFER + 1, 512), (BUFFER, 511), (BUFFER + 3, 511)])
def test_odd_descriptors(rig: Rig, prd: tuple[int, int]) -> None:
    rig.slot(0, dma(READ_DMA, 0, 1), [(BUFFER + 4096, 256), prd])
    rig.issue(1)
    assert rig.read(PIS) == HBFS
    assert rig.memory.peek(BUFFER, 512) == bytes(512)
    restart(rig)
    rig.slot(0, dma(READ_DMA, 0, 1), [(BUFFER + 4096, 512), prd])
    rig.issue(1)
    assert rig.read(PIS) == DHRS, "a descriptor that is not reached does no harm"


@pytest.mark.parametrize("write", [False, True])
def test_data_against_the_direction(rig: Rig, write: bool) -> None:
    command = READ_DMA if write else WRITE_DMA
    rig.slot(0, dma(command, 0, 1), [(BUFFER, 512)], write=write)
    rig.issue(1)
    assert rig.read(PIS) == IFS
    assert rig.read(SERR) & 1 << 24
    assert rig.memory.peek(BUFFER, 512) == bytes(512)
    assert rig.disk.sectors == {}
    assert rig.read(CI) == 1


@pytest.mark.parametrize("fatal", [False, True])
def test_link_errors(rig: Rig, fatal: bool) -> None:
    def broken() -> None:
        rig.disk.before_data = lambda: None
        rig.disk.break_link(LinkErrors.CRC | LinkErrors.HANDSHAKE, fatal)

    rig.disk.before_data = broken
    for slot in range(3):
        rig.slot(slot, queued(READ_FPDMA, slot, 1, slot), [(BUFFER + slot * 512, 512)])
    rig.issue(7, queued=True)
    assert rig.read(SERR) & (SERR_C | SERR_H) == SERR_C | SERR_H
    assert rig.read(SERR) & 0xFFFF == (1 << 8 if fatal else 1 << 0)
    if fatal:
        assert rig.read(PIS) & (IFS | INFS | SDBS) == IFS
        assert rig.read(SACT) == 7
        assert rig.disk.lost == 1
        restart(rig)
    else:
        assert rig.read(PIS) & (IFS | INFS) == INFS
        assert rig.read(SACT) == 0
    works(rig)


def test_link_error_from_the_scenario(rig: Rig) -> None:
    rig.disk.hang = True
    rig.slot(0, dma(READ_DMA, 0, 1), [(BUFFER, 512)])
    rig.issue(1)
    rig.port.link_error(LinkErrors.DISPARITY, fatal=False)
    assert (rig.read(PIS), rig.read(SERR)) == (INFS, 1 << 20 | 1)
    rig.port.link_error(LinkErrors.INTERNAL | LinkErrors.SEQUENCE, fatal=True)
    assert rig.read(PIS) == INFS | IFS
    assert rig.read(SERR) == 1 << 20 | 1 | 1 << 17 | 1 << 23 | 1 << 11 | 1 << 10
    assert rig.irq
    rig.disk.hang = False
    restart(rig)
    works(rig)


def test_unknown_frame(rig: Rig) -> None:
    frame = seeded().randbytes(64)
    rig.port.receive_unknown_fis(frame)
    assert rig.read(PIS) == 0
    rig.work()
    assert rig.read(PIS) == UFS
    assert rig.read(SERR) & SERR_F
    assert rig.received(0x60, 64) == frame
    rig.write(PIS, UFS)
    assert rig.read(PIS) == UFS
    rig.write(SERR, SERR_F)
    assert rig.read(PIS) == 0
    for size in (0, 3, 68):
        with pytest.raises(TestbedError, match="port 0: an unknown FIS of"):
            rig.port.receive_unknown_fis(bytes(size))


def test_data_for_no_command(rig: Rig) -> None:
    def step() -> bool:
        rig.disk.step = lambda: False  # type: ignore[method-assign]
        rig.disk.link.send_data(b"12")
        return False

    rig.disk.step = step  # type: ignore[method-assign]
    rig.slot(0, RegisterH2D(0xEC), [(BUFFER, 512)])
    rig.disk.hang = True
    rig.port.state.current = None
    rig.write(CMD, FRE)
    rig.write(CMD, FRE | ST)
    rig.work()
    assert rig.read(PIS) == IFS


# Software interferes while memory is awaited


def interfere_at(rig: Rig, wait: int, action: Callable[[], None]) -> None:
    """Call `action` inside the `wait`th memory access from now."""

    def count(left: int) -> Callable[[], None]:
        def during() -> None:
            if left:
                rig.memory.during = count(left - 1)
            else:
                action()

        return during

    rig.memory.during = count(wait)


@pytest.mark.parametrize("wait", range(4))
@pytest.mark.parametrize("command", [READ_DMA, WRITE_DMA])
def test_stop_in_the_middle(rig: Rig, wait: int, command: int) -> None:
    seen: list[int] = []

    def stop() -> None:
        rig.write(CMD, FRE)
        seen.append(rig.read(CMD) & (CR | FR))

    rig.slot(0, dma(command, 0, 1), [(BUFFER, 512)], write=command == WRITE_DMA)
    interfere_at(rig, wait, stop)
    rig.issue(1)
    if not seen:
        assert (wait, command) == (3, READ_DMA)
        return
    assert seen == [CR | FR], "memory is still in use"
    assert rig.read(CMD) & (CR | FR) == FR
    assert rig.read(PIS) == 0
    assert rig.read(CI) == 0
    if rig.read(TFD) & 0x88:
        rig.write(CMD, FRE | CLO)
    rig.write(CMD, FRE | ST)
    assert rig.read(CMD) & CR
    works(rig)


def test_stop_both_in_the_middle(rig: Rig) -> None:
    interfere_at(rig, 1, lambda: rig.write(CMD, 0))
    rig.slot(0, dma(READ_DMA, 0, 1), [(BUFFER, 512)])
    rig.issue(1)
    assert rig.read(CMD) & (CR | FR) == 0


def test_stop_and_start_in_the_middle(rig: Rig) -> None:
    """Without waiting for CR, as software should not."""

    def restart_at_once() -> None:
        rig.write(CMD, FRE)
        rig.write(CMD, FRE | ST)
        rig.write(CI, 2)

    rig.slot(0, dma(READ_DMA, 0, 1), [(BUFFER, 512)])
    rig.slot(1, dma(READ_DMA, 1, 1), [(BUFFER + 512, 512)])
    interfere_at(rig, 1, restart_at_once)
    rig.issue(1)
    assert rig.read(CI) == 0
    assert rig.memory.peek(BUFFER, 1024) == bytes(512) + rig.disk.sector(1)


@pytest.mark.parametrize("wait", range(3))
@pytest.mark.parametrize("how", ["hba", "machine"])
def test_reset_in_the_middle(rig: Rig, wait: int, how: str) -> None:
    def reset() -> None:
        if how == "hba":
            rig.write(GHC, 1)
        else:
            rig.ahci.drop_deferred(rig.ahci.deferred)
            rig.ahci.reset()

    for slot in range(4):
        rig.slot(slot, queued(READ_FPDMA, slot, 1, slot), [(BUFFER, 512)])
    interfere_at(rig, wait, reset)
    rig.issue(0xF, queued=True)
    assert (rig.read(PIS) & SDBS, rig.read(SACT), rig.read(CI)) == (0, 0, 0)
    assert not rig.irq
    assert rig.read(CMD) & (CR | FR) == 0
    assert rig.read(TFD) == 0x150
    rig.start()
    works(rig)


def test_commands_issued_in_the_middle_are_taken(rig: Rig) -> None:
    for slot in range(3):
        rig.slot(slot, queued(READ_FPDMA, slot, 1, slot), [(BUFFER + slot * 512, 512)])

    def issue(slots: int) -> None:
        rig.write(SACT, slots)
        rig.write(CI, slots)

    interfere_at(rig, 2, lambda: issue(6))
    rig.issue(1, queued=True)
    assert (rig.read(SACT), rig.read(CI)) == (0, 0)
    assert rig.memory.peek(BUFFER, 1536) == rig.disk._read(0, 3)
    assert rig.port.deepest_queue == 3


def test_completion_is_never_seen_before_its_data(rig: Rig) -> None:
    seen = []
    rig.slot(0, dma(READ_DMA, 0, 1), [(BUFFER, 512)])
    interfere_at(rig, 2, lambda: seen.append((rig.read(CI), rig.read(PIS), rig.read(TFD))))
    rig.issue(1)
    assert seen == [(1, 0, 0x150)]


def test_machine_leaves_in_the_middle(rig: Rig) -> None:
    def leave() -> None:
        raise LinkError("QEMU left")

    rig.slot(0, dma(READ_DMA, 0, 1), [(BUFFER, 512)])
    for wait in range(3):
        interfere_at(rig, wait, leave)
        rig.issue(1)
        assert rig.read(PIS) == 0
        rig.ahci.reset()
        rig.work()
        rig.start()
    works(rig)


def test_no_machine_at_all() -> None:
    rig = Rig()
    rig.start()
    rig.ahci.detach(rig.memory)
    rig.slot(0, dma(READ_DMA, 0, 1), [(BUFFER, 512)])
    rig.issue(1)
    assert rig.read(CI) == 1
    rig.ahci.attach(rig.memory)
    rig.work()
    assert rig.read(CI) == 0, "goes on with the next machine"


def test_interrupt_status_stays_with_its_port(rig: Rig) -> None:
    rig.slot(0, dma(READ_DMA, 0, 1), [(BUFFER, 512)])
    rig.issue(1)
    assert rig.read(IS) == 1
    assert struct.pack("<I", rig.prdbc(0)) == b"\0\2\0\0"
