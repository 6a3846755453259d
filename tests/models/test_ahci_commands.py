# SPDX-License-Identifier: MIT
"""AHCI: command lists, PRD tables, the received FIS area, queued commands."""

from __future__ import annotations

import random

import pytest
from ahci_rig import (
    BUFFER,
    CI,
    CMD,
    DHRS,
    DPS,
    FRE,
    INFS,
    LIST,
    OFS,
    PIS,
    PSS,
    SACT,
    SDBS,
    SERR,
    SERR_H,
    SIG,
    SNTF,
    ST,
    TABLES,
    TFD,
    TFES,
    Rig,
)
from sata_rig import (
    IDENTIFY,
    READ_DMA,
    READ_FPDMA,
    READ_PIO,
    WRITE_DMA,
    WRITE_FPDMA,
    WRITE_PIO,
    Disk,
    dma,
    queued,
    seeded,
)

from models.ata.transport import DmaSetup, PioSetup, RegisterD2H, RegisterH2D, SetDeviceBits

RESET, CLEAR_BUSY, ATAPI, BIST = 1 << 8, 1 << 10, 1 << 5, 1 << 9


def started(**parameters: object) -> Rig:
    rig = Rig(**parameters)
    rig.start()
    return rig


def scatter(choice: random.Random, total: int, most: int = 40) -> list[tuple[int, int]]:
    """Random even pieces of `total` bytes at random even addresses, apart from one another."""
    pieces = []
    address = BUFFER + 2 * choice.randrange(100)
    while total:
        size = total
        if len(pieces) < most - 1:
            size = min(total, 2 * choice.randrange(1, choice.choice((3, 300, 3000))))
        pieces.append((address, size))
        address += size + 2 * choice.randrange(200)
        total -= size
    return pieces


def gathered(rig: Rig, pieces: list[tuple[int, int]]) -> bytes:
    return b"".join(rig.memory.peek(address, size) for address, size in pieces)


def scattered(rig: Rig, pieces: list[tuple[int, int]], data: bytes) -> None:
    for address, size in pieces:
        rig.memory.poke(address, data[:size])
        data = data[size:]


@pytest.mark.parametrize("command", [READ_DMA, READ_PIO])
def test_read_scatters(command: int) -> None:
    choice = seeded()
    rig = started()
    for _ in range(20):
        count, lba = choice.randrange(1, 64), choice.randrange(1 << 20)
        pieces = scatter(choice, count * 512)
        rig.slot(0, dma(command, lba, count), pieces)
        rig.issue(1)
        assert rig.read(CI) == 0
        assert gathered(rig, pieces) == rig.disk._read(lba, count)
        assert rig.prdbc(0) == count * 512
        assert rig.read(TFD) == 0x50
        assert rig.clear() == (DHRS if command == READ_DMA else PSS)


@pytest.mark.parametrize("command", [WRITE_DMA, WRITE_PIO])
def test_write_gathers(command: int) -> None:
    choice = seeded()
    rig = started()
    for _ in range(20):
        count, lba = choice.randrange(1, 64), choice.randrange(1 << 20)
        pieces, data = scatter(choice, count * 512), choice.randbytes(count * 512)
        scattered(rig, pieces, data)
        rig.slot(0, dma(command, lba, count), pieces, write=True)
        rig.issue(1)
        assert rig.disk._read(lba, count) == data
        assert rig.prdbc(0) == count * 512
        assert rig.clear() & ~PSS == DHRS


def test_memory_around_the_pieces_is_untouched() -> None:
    choice = seeded()
    rig = started()
    canary = choice.randbytes(1 << 16)
    rig.memory.poke(BUFFER, canary)
    pieces = scatter(choice, 8 * 512)
    rig.slot(0, dma(READ_DMA, 3, 8), pieces)
    rig.issue(1)
    expected, data = bytearray(canary), rig.disk._read(3, 8)
    for address, size in pieces:
        expected[address - BUFFER : address - BUFFER + size] = data[:size]
        data = data[size:]
    assert rig.memory.peek(BUFFER, 1 << 16) == expected


def test_identify_leaves_its_frame() -> None:
    rig = started()
    rig.slot(0, RegisterH2D(IDENTIFY), [(BUFFER, 512)])
    rig.issue(1)
    assert rig.received(0x20, 16) == bytes.fromhex("5f605800000000000000000000000050")
    assert rig.received(0x30, 4) == bytes.fromhex("00020000")
    rig.slot(0, dma(READ_DMA, 0, 1), [(BUFFER, 512)])
    rig.issue(1)
    assert rig.received(0x40, 4) == bytes.fromhex("34405000")


def test_the_longest_prd_table() -> None:
    """65535 entries: far more than is read with the command table."""
    choice = seeded()
    rig = started()
    total = 65535 * 2 // 512 * 512
    prds = [(BUFFER + 4 * n, 2) for n in range(65535)]
    count = total // 512
    fis = queued(READ_FPDMA, 5, count, 3)
    rig.slot(3, fis, prds, table=TABLES + 0x1000000)
    rig.issue(8, queued=True)
    assert rig.read(SACT) == 0
    data = rig.disk._read(5, count)
    for n in choice.sample(range(total // 2), 300):
        assert rig.memory.peek(BUFFER + 4 * n, 2) == data[2 * n : 2 * n + 2]
    assert rig.memory.peek(BUFFER + 4 * (total // 2), 2) == bytes(2)


def test_a_prd_of_four_mebibytes() -> None:
    rig = started()
    rig.slot(0, queued(READ_FPDMA, 9, 8192, 0), [(BUFFER, 4 << 20)])
    rig.issue(1, queued=True)
    assert rig.memory.peek(BUFFER, 4 << 20) == rig.disk._read(9, 8192)


def test_interrupt_on_a_descriptor() -> None:
    rig = started()
    for marked, expected in ((0, DPS), (1, DPS), (2, 0)):
        prds = [(BUFFER + n * 512, 512, n == marked) for n in range(3)]
        rig.slot(0, dma(READ_DMA, 0, 2), prds)
        rig.issue(1)
        assert rig.clear() == DHRS | expected, "not for a descriptor that was not finished"


def test_more_data_than_room() -> None:
    rig = started()
    rig.slot(0, dma(READ_DMA, 0, 2), [(BUFFER, 512)])
    rig.issue(1)
    assert rig.read(PIS) == DHRS | OFS
    assert rig.memory.peek(BUFFER, 1024) == rig.disk.sector(0) + bytes(512)
    assert (rig.read(CI), rig.prdbc(0)) == (0, 512)
    rig.clear()
    rig.slot(0, dma(WRITE_DMA, 0, 2), [(BUFFER, 512)], write=True)
    rig.issue(1)
    assert rig.read(PIS) == DHRS | OFS | TFES


def test_less_data_than_room() -> None:
    rig = started()
    rig.slot(0, dma(READ_DMA, 0, 1), [(BUFFER, 8192)])
    rig.issue(1)
    assert (rig.clear(), rig.prdbc(0)) == (DHRS, 512)


def test_no_prd_table() -> None:
    rig = started()
    rig.slot(0, RegisterH2D(0xE7))
    rig.issue(1)
    assert rig.read(PIS) == DHRS | TFES  # the little disk aborts FLUSH


def test_slots_go_in_order_from_the_one_after_the_last() -> None:
    rig = started()
    for slot in range(32):
        rig.slot(slot, dma(READ_DMA, slot, 1), [(BUFFER, 512)])
    rig.issue(0x00100104)
    assert [fis.lba for fis in rig.disk.seen] == [2, 8, 20]
    rig.disk.seen.clear()
    rig.issue(0xFFFFFFFF)
    assert [fis.lba for fis in rig.disk.seen] == [*range(21, 32), *range(21)]
    rig.write(CMD, FRE)
    rig.write(CMD, FRE | ST)
    rig.disk.seen.clear()
    rig.issue(0x80000001)
    assert [fis.lba for fis in rig.disk.seen] == [0, 31]


def test_one_plain_command_at_a_time() -> None:
    """A device that takes its time gets the next command when it has ended the one before."""

    class Slow(Disk):
        waiting: tuple[RegisterH2D, ...] = ()
        most = 0

        def command(self, fis: RegisterH2D) -> None:
            self.waiting = (*self.waiting, fis)
            self.most = max(self.most, len(self.waiting))

        def step(self) -> bool:
            waiting, self.waiting = self.waiting, ()
            for fis in waiting:
                super().command(fis)
            return False

    rig = started(disk=Slow())
    for slot in range(8):
        rig.slot(slot, dma(READ_DMA, slot, 1), [(BUFFER + slot * 512, 512)])
    rig.issue(0xFF)
    assert rig.read(CI) == 0
    assert [fis.lba for fis in rig.disk.seen] == list(range(8))
    assert rig.disk.most == 1
    assert rig.memory.peek(BUFFER, 4096) == rig.disk._read(0, 8)


def test_many_commands_take_few_waits() -> None:
    rig = started()
    for slot in range(32):
        rig.slot(slot, queued(READ_FPDMA, slot, 8, slot), [(BUFFER + slot * 4096, 4096)])
    rig.memory.waits = 0
    rig.issue(0xFFFFFFFF, queued=True)
    assert rig.read(SACT) == 0
    assert rig.memory.waits == 3, "headers, tables, data with frames"
    assert rig.port.deepest_queue == 32
    assert rig.clear() == SDBS
    for slot in range(32):
        rig.slot(
            slot, queued(WRITE_FPDMA, slot, 8, slot), [(BUFFER + slot * 4096, 4096)], write=True
        )
    rig.memory.waits = 0
    rig.issue(0xFFFFFFFF, queued=True)
    assert rig.memory.waits == 4, "headers, tables, data, frames"


def test_reading_ahead_is_bounded() -> None:
    """Buffers far longer than the commands are not read whole."""
    rig = started()
    for slot in range(32):
        rig.slot(slot, queued(WRITE_FPDMA, slot, 1, slot), [(BUFFER, 4 << 20)] * 200, write=True)
    rig.issue(0xFFFFFFFF, queued=True)
    assert rig.read(SACT) == 0
    assert sum(size for kind, _, size in rig.memory.log if kind == "read") < 1 << 20


def test_queued_commands_out_of_order() -> None:
    choice = seeded()
    rig = started(disk=Disk(choice))
    contents: dict[int, bytes] = {}
    for _ in range(30):
        tags = choice.sample(range(32), choice.randrange(1, 33))
        reads = {}
        for tag in tags:
            count, lba = choice.randrange(1, 20), tag * 100
            pieces = [
                (BUFFER + (tag << 20) + a - BUFFER, s) for a, s in scatter(choice, count * 512)
            ]
            if choice.random() < 0.5:
                data = choice.randbytes(count * 512)
                scattered(rig, pieces, data)
                contents.update((lba + n, data[n * 512 : n * 512 + 512]) for n in range(count))
                rig.slot(tag, queued(WRITE_FPDMA, lba, count, tag), pieces, write=True)
            else:
                rig.slot(tag, queued(READ_FPDMA, lba, count, tag), pieces)
                reads[tag] = (lba, count, pieces)
        for tag in tags:
            rig.issue(1 << tag, queued=True, work=choice.random() < 0.3)
        rig.work()
        assert (rig.read(SACT), rig.read(CI)) == (0, 0)
        assert rig.clear() == SDBS
        for lba, count, pieces in reads.values():
            assert gathered(rig, pieces) == rig.disk._read(lba, count)
    assert rig.disk.sectors == contents


def test_frames_of_queued_commands() -> None:
    rig = started()
    for tag in (4, 9):
        rig.slot(tag, queued(READ_FPDMA, tag, 1, tag), [(BUFFER, 512)])
    rig.issue(1 << 4 | 1 << 9, queued=True)
    assert rig.received(0x00, 28) == bytes.fromhex(
        "41200000 09" + "00" * 15 + "00020000" + "00" * 4
    )
    assert rig.received(0x40, 4) == bytes.fromhex("34005000")
    assert rig.received(0x58, 8) == bytes.fromhex("a1404000 10020000"), "one for both tags"
    assert rig.prdbc(9) == 0


def test_partial_transfers_with_offsets() -> None:
    """A device may split a queued command's data, even backwards, with DMA Setup offsets."""
    rig = started()

    class Splitting(Disk):
        def _queued(self, fis: RegisterH2D) -> None:
            tag = fis.count >> 3
            data = self._read(fis.lba, 4)
            for offset in (1024, 0, 512, 1536):
                self.link.send_dma_setup(
                    DmaSetup(tag, direction_in=True, offset=offset, transfer_count=512)
                )
                assert self.link.send_data(data[offset : offset + 512]) == 512
            self.link.send_set_device_bits(SetDeviceBits(0x40, 0, 1 << tag, interrupt=True))

    rig.disk.__class__ = Splitting
    pieces = [(BUFFER, 100), (BUFFER + 0x1000, 1000), (BUFFER + 0x2000, 948)]
    rig.slot(0, queued(READ_FPDMA, 50, 4, 0), pieces)
    rig.issue(1, queued=True)
    assert rig.read(PIS) == SDBS
    assert gathered(rig, pieces) == rig.disk._read(50, 4)


def test_long_work_is_cut() -> None:
    """32 commands of 1 MiB are not one piece of work; registers have their turn in between."""
    rig = started()
    for slot in range(32):
        rig.slot(slot, queued(READ_FPDMA, slot, 2048, slot), [(BUFFER + (slot << 20), 1 << 20)])
    rig.issue(0xFFFFFFFF, queued=True, work=False)
    rig.ahci.run_deferred(1)
    left = rig.read(SACT)
    assert 0 < left < 0xFFFFFFFF
    assert rig.work() >= 8
    assert rig.read(SACT) == 0


# Control frames


def test_software_reset() -> None:
    rig = started()
    rig.slot(0, RegisterH2D(control=4, is_command=False), flags=RESET | CLEAR_BUSY)
    rig.issue(1)
    assert rig.read(CI) == 0, "cleared without an answer of the device"
    assert rig.read(TFD) & 0x80 == 0
    rig.memory.poke(LIST, bytes(32))
    rig.slot(0, RegisterH2D(is_command=False))
    rig.disk.signature_status = 0x40
    rig.issue(1)
    assert (rig.read(CI), rig.read(TFD), rig.read(SIG)) == (0, 0x140, 0x101)
    assert rig.read(PIS) == 0


def test_software_reset_takes_a_new_signature() -> None:
    rig = started()
    rig.slot(0, RegisterH2D(control=4, is_command=False), flags=RESET | CLEAR_BUSY)
    rig.issue(1)

    def control(fis: RegisterH2D) -> None:
        rig.disk.link.send_register(RegisterD2H(0x00, 1, 0, 0xEB1401, 1))

    rig.disk.control = control  # type: ignore[method-assign]
    rig.slot(0, RegisterH2D(is_command=False))
    rig.issue(1)
    assert rig.read(SIG) == 0xEB140101


def test_frames_are_not_taken_without_fis_receive() -> None:
    rig = started()
    rig.write(CMD, ST)
    rig.slot(0, dma(READ_DMA, 0, 1), [(BUFFER, 512)])
    rig.issue(1)
    assert (rig.read(CI), rig.read(PIS)) == (1, 0)
    assert rig.read(TFD) & 0x80
    assert rig.received(0x40, 20) == bytes(20)


def test_control_frame_without_clear_busy_waits_for_the_device() -> None:
    rig = started()
    rig.slot(0, RegisterH2D(control=2, is_command=False))
    rig.issue(1)
    assert (rig.read(CI), rig.read(TFD)) == (1, 0x1D0)


def test_signature_is_taken_once_after_a_reset() -> None:
    rig = started()
    rig.slot(0, RegisterH2D(0x99))

    def command(fis: RegisterH2D) -> None:
        rig.disk.link.send_register(RegisterD2H(0x50, 0, 0, 0xEB1401, 1))

    rig.disk.command = command  # type: ignore[method-assign]
    rig.issue(1)
    assert rig.read(SIG) == 0x101


@pytest.mark.parametrize(
    ("frame", "cfl", "flags"),
    [
        (RegisterH2D(IDENTIFY), 0, 0),
        (RegisterH2D(IDENTIFY), 4, 0),
        (RegisterH2D(IDENTIFY), 16, 0),
        (b"\x46" + bytes(19), 5, 0),
        (b"\x58" + bytes(11), 3, BIST),
        (RegisterH2D(IDENTIFY), 5, BIST),
    ],
)
def test_frames_that_the_device_cannot_take(
    frame: RegisterH2D | bytes, cfl: int, flags: int
) -> None:
    rig = started()
    rig.slot(0, frame, [(BUFFER, 512)], cfl=cfl, flags=flags)
    rig.issue(1)
    assert rig.read(PIS) == INFS
    assert rig.read(SERR) & SERR_H
    assert (rig.read(CI), rig.disk.seen) == (1, [])


def test_packet_command_gets_its_packet() -> None:
    """No disk takes PACKET; a device that does is given the packet from the command table."""
    packets = []

    class Packets(Disk):
        def command(self, fis: RegisterH2D) -> None:
            self.link.send_pio_setup(PioSetup(0x58, end_status=0xD0, transfer_count=12))
            packets.append(self.link.receive_data(12))
            self.link.send_data(b"\1\2" * 4)
            self.link.send_register(RegisterD2H(0x50, interrupt=True))

    rig = started(disk=Packets())
    packet = bytes(range(12))
    rig.slot(
        0, RegisterH2D(0xA0).to_bytes().ljust(0x40, b"\0") + packet, [(BUFFER, 8)], flags=ATAPI
    )
    rig.issue(1)
    assert packets == [packet]
    assert rig.memory.peek(BUFFER, 8) == b"\1\2" * 4
    assert rig.read(CI) == 0


def test_disk_aborts_packet() -> None:
    rig = started()
    rig.slot(0, RegisterH2D(0xA0), [(BUFFER, 512)], flags=ATAPI)
    rig.issue(1)
    assert rig.read(PIS) == DHRS | TFES
    assert rig.read(TFD) == 0x0451


def test_notification() -> None:
    rig = started()

    class Notifying(Disk):
        def command(self, fis: RegisterH2D) -> None:
            self.link.send_set_device_bits(
                SetDeviceBits(0x50, interrupt=True, notification=True, pm_port=3)
            )
            self.link.send_register(RegisterD2H(0x50))

    rig.disk.__class__ = Notifying
    rig.slot(0, RegisterH2D(IDENTIFY))
    rig.issue(1)
    assert (rig.read(SNTF), rig.read(PIS)) == (8, SDBS)
    rig.write(SNTF, 0xF)
    assert rig.read(SNTF) == 0


def test_set_device_bits_keep_busy_and_request() -> None:
    rig = started()
    rig.disk.hang = True
    rig.slot(0, RegisterH2D(IDENTIFY))
    rig.issue(1)

    def step() -> bool:
        rig.disk.link.send_set_device_bits(SetDeviceBits(0x76))
        return False

    rig.disk.step = step  # type: ignore[method-assign]
    rig.issue(2)
    assert rig.read(TFD) == 0xF6


def test_32_bit_controller_ignores_upper_halves() -> None:
    rig = Rig(address_bits=32)
    rig.start()
    rig.memory.pages.clear()
    rig.slot(0, dma(READ_DMA, 1, 1), [(BUFFER | 7 << 40, 512)])
    for number in list(rig.memory.pages):
        rig.memory.pages[number & 0xFFFFF] = rig.memory.pages[number]
    rig.issue(1)
    assert rig.memory.peek(BUFFER & 0xFFFFFFFF, 512) == rig.disk.sector(1)
    assert all(address < 1 << 32 for _, address, _ in rig.memory.log)
