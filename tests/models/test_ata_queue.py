# SPDX-License-Identifier: MIT
"""Native command queuing."""

from __future__ import annotations

import random
from collections.abc import Mapping

import pytest
from ata_rig import (
    ABRT,
    BSY,
    DRQ,
    ERR,
    IDENTIFY,
    IDNF,
    MIB,
    NCQ_NON_DATA,
    READ_DMA,
    READ_FPDMA,
    READ_LOG,
    READ_LOG_DMA,
    RECEIVE_FPDMA,
    SEND_FPDMA,
    WRITE_FPDMA,
    Rig,
    lost,
    seeded,
)

from models.ata import AscendingLba, InOrder, Media, NewestFirst, QueueOrder, RandomOrder
from models.ata.transport import DmaSetup, RegisterD2H, RegisterH2D, SetDeviceBits


def finished(bits: list[SetDeviceBits]) -> list[int]:
    """Tags in the order they ended, each by itself."""
    for fis in bits:
        assert not fis.status & ERR, f"error {fis.error:#x}"
        assert fis.interrupt
        assert fis.sactive.bit_count() == 1
    return [fis.sactive.bit_length() - 1 for fis in bits]


def refusal(rig: Rig) -> RegisterD2H:
    """The one frame sent: a Register FIS with ABRT."""
    (fis,) = rig.frames
    assert isinstance(fis, RegisterD2H)
    assert (fis.status & (ERR | BSY | DRQ), fis.error, fis.interrupt) == (ERR, ABRT, True)
    return fis


@pytest.mark.parametrize("sector", [512, 4096])
@pytest.mark.parametrize("order", [None, InOrder(), NewestFirst(), AscendingLba(), "random"])
def test_queue_moves_the_right_bytes(sector: int, order: QueueOrder | str | None) -> None:
    choice = seeded()
    chosen = RandomOrder(choice.getrandbits(32)) if isinstance(order, str) else order
    size = 32 * MIB
    rig = Rig(Media(size, sector_size=sector), order=chosen)
    model = bytearray(size)
    slots = size // sector // 32
    for number in range(30):
        tags = choice.sample(range(32), choice.choice((1, 2, 7, 32)) if number else 32)
        expected: dict[int, bytes] = {}
        for tag in tags:
            count = choice.choice((1, 8, 100, slots if sector == 4096 else 300))
            count = min(count, slots)
            lba = tag * slots + choice.randrange(slots - count + 1)
            at, end = lba * sector, (lba + count) * sector
            rig.frames.clear()
            if choice.random() < 0.5:
                data = rig.out[tag] = choice.randbytes(count * sector)
                model[at:end] = data
                device = choice.choice((0x40, 0xC0))  # FUA
                rig.queue(WRITE_FPDMA, tag, lba=lba, sectors=count, device=device)
            else:
                expected[tag] = bytes(model[at:end])
                rig.got.pop(tag, None)
                rig.queue(READ_FPDMA, tag, lba=lba, sectors=count)
            (accepted,) = rig.frames
            assert isinstance(accepted, RegisterD2H)
            assert not accepted.status & (BSY | DRQ | ERR)
            assert not accepted.interrupt
        assert rig.disk.outstanding == sum(1 << tag for tag in tags)
        assert sorted(finished(rig.run())) == sorted(tags)
        assert rig.disk.outstanding == 0
        for tag, data in expected.items():
            assert rig.got[tag] == data
    assert rig.disk.media.snapshot() == model
    assert rig.disk.counters.deepest_queue == 32


def test_a_count_of_zero_is_65536_sectors() -> None:
    choice = seeded()
    content = choice.randbytes(33 * MIB)
    rig = Rig(Media.of_bytes(content))
    rig.queue(READ_FPDMA, 9, lba=5, sectors=0)
    assert finished(rig.run()) == [9]
    assert rig.got[9] == content[5 * 512 : 5 * 512 + 32 * MIB]
    setups = [frame for frame in rig.frames if isinstance(frame, DmaSetup)]
    assert [(s.tag, s.direction_in, s.offset, s.transfer_count) for s in setups] == [
        (9, True, 0, 32 * MIB)
    ]


def test_orders() -> None:
    choice = seeded()
    tags = choice.sample(range(32), 20)
    lbas = {tag: choice.randrange(10000) for tag in tags}

    def run(order: QueueOrder | None) -> list[int]:
        rig = Rig(order=order)
        for tag in tags:
            rig.queue(READ_FPDMA, tag, lba=lbas[tag], sectors=1)
        return finished(rig.run())

    assert run(None) == tags
    assert run(InOrder()) == tags
    assert run(NewestFirst()) == tags[::-1]
    assert [lbas[tag] for tag in run(AscendingLba())] == sorted(lbas.values())
    shuffled = run(RandomOrder(5))
    assert shuffled == run(RandomOrder(5))
    assert sorted(shuffled) == sorted(tags)
    assert any(run(RandomOrder(seed)) != tags for seed in range(3))


def test_order_that_names_a_wrong_tag_is_overruled() -> None:
    class Wrong:
        def choose(self, queue: Mapping[int, RegisterH2D]) -> int:
            return 99

    rig = Rig(order=Wrong())
    for tag in (3, 1):
        rig.queue(READ_FPDMA, tag, lba=0, sectors=1)
    assert finished(rig.run()) == [3, 1]


def test_priority() -> None:
    rig = Rig()
    for tag, priority in ((0, 0), (1, 1), (2, 2), (3, 0), (4, 2)):
        rig.queue(READ_FPDMA, tag, lba=0, sectors=1, count=priority << 14)
    assert finished(rig.run()) == [2, 4, 1, 0, 3]


def test_auto_activate_replaces_the_first_dma_activate() -> None:
    rig = Rig()
    for enabled in (False, True, False):
        assert rig.feature(0x10 if enabled else 0x90, 2).good
        assert rig.words()[79] >> 2 & 1 == enabled
        rig.out[0] = bytes(2 * MIB)
        rig.queue(WRITE_FPDMA, 0, lba=0, sectors=4096)
        rig.run()
        setup = rig.frames[0]
        assert isinstance(setup, DmaSetup)
        assert setup.auto_activate == enabled
        assert rig.frames.count("activate") == (1 if enabled else 2)


def test_error_stops_the_queue_until_the_log_is_read() -> None:
    choice = seeded()
    rig = Rig()
    last = rig.disk.media.sectors
    tags = choice.sample(range(32), 5)
    bad = tags[choice.randrange(1, 4)]
    for tag in tags:
        lba = last - 1 if tag == bad else tag
        rig.queue(READ_FPDMA, tag, lba=lba, sectors=2)
    bits = rig.run()
    *good, error = bits
    assert finished(good) == tags[: tags.index(bad)]
    assert (error.status & ERR, error.error, error.sactive) == (ERR, IDNF, 0)
    assert error.interrupt
    assert rig.disk.outstanding == 0
    assert not rig.disk.step()

    rig.frames.clear()
    rig.queue(READ_FPDMA, 30, lba=0, sectors=1)
    refusal(rig)
    assert rig.issue(IDENTIFY).error == ABRT
    assert rig.issue(READ_LOG, lba=0x30, count=1).error == ABRT

    answer = rig.issue(choice.choice((READ_LOG, READ_LOG_DMA)), lba=0x10, count=1)
    clean = answer.frames[0]
    assert isinstance(clean, SetDeviceBits)
    assert (clean.status & ERR, clean.error, clean.sactive) == (0, 0, 0xFFFFFFFF)
    log = answer.data
    assert log[0] == bad
    assert (log[2] & ERR, log[3]) == (ERR, IDNF)
    lba = int.from_bytes(log[4:7] + log[8:11], "little")
    assert lba == last
    assert log[7] == 0x40
    assert int.from_bytes(log[12:14], "little") == bad << 3
    assert sum(log) & 0xFF == 0

    rig.queue(READ_FPDMA, 30, lba=0, sectors=1)
    assert finished(rig.run()) == [30]


@pytest.mark.parametrize("reset", ["comreset", "software_reset"])
def test_reset_ends_the_error_state(reset: str) -> None:
    rig = Rig()
    rig.queue(READ_FPDMA, 3, lba=rig.disk.media.sectors, sectors=1)
    rig.queue(READ_FPDMA, 4, lba=0, sectors=1)
    rig.run()
    assert rig.issue(IDENTIFY).error == ABRT
    if reset == "comreset":
        rig.disk.comreset()
    else:
        rig.software_reset()
    assert rig.issue(IDENTIFY).good
    assert rig.log(0x10)[0] == 0x80
    rig.queue(READ_FPDMA, 3, lba=0, sectors=1)
    assert finished(rig.run()) == [3]


def test_non_queued_command_among_queued_ones_aborts_all() -> None:
    rig = Rig()
    for tag in range(5):
        rig.queue(READ_FPDMA, tag, lba=0, sectors=1)
    answer = rig.issue(READ_DMA, lba=7, count=1)
    assert answer.error == ABRT
    assert rig.disk.outstanding == 0
    assert not rig.disk.step()
    log = rig.log(0x10)
    assert log[0] == 0x80
    assert (log[3], log[4]) == (ABRT, 7)
    assert rig.issue(READ_DMA, lba=7, count=1).good


@pytest.mark.parametrize(("depth", "tag"), [(32, 6), (8, 8), (8, 31), (1, 1)])
def test_bad_tag_aborts_all(depth: int, tag: int) -> None:
    rig = Rig(ncq_depth=depth)
    rig.queue(READ_FPDMA, 6 if depth > 6 else 0, lba=0, sectors=1)
    rig.frames.clear()
    rig.queue(READ_FPDMA, tag, lba=0x123456789A, sectors=1)
    refusal(rig)
    assert rig.disk.outstanding == 0
    log = rig.log(0x10)
    assert log[0] == tag
    assert log[4:7] + log[8:11] == (0x123456789A).to_bytes(6, "little")


def test_log_read_with_a_healthy_queue_empties_it() -> None:
    rig = Rig()
    rig.queue(READ_FPDMA, 2, lba=0, sectors=1)
    assert rig.log(0x10)[0] == 0x80
    assert rig.disk.outstanding == 0


def test_queued_trim() -> None:
    rig = Rig(Media.of_bytes(b"\1" * MIB))
    rig.out[5] = (10 | 20 << 48).to_bytes(8, "little").ljust(512, b"\0")
    rig.queue(SEND_FPDMA, 5, features=1, auxiliary=1)
    assert finished(rig.run()) == [5]
    assert rig.disk.media.read(10, 20) == bytes(20 * 512)
    assert rig.disk.media.read(9, 1) + rig.disk.media.read(30, 1) == b"\1" * 1024
    for fields in (
        {"auxiliary": 0, "features": 1},
        {"auxiliary": 1, "features": 0},
        {"auxiliary": 1, "features": 9},
        {"auxiliary": 1, "features": 1, "count": 2 << 8},
    ):
        rig.queue(SEND_FPDMA, 5, **fields)
        (error,) = rig.run()
        assert (error.status & ERR, error.error) == (ERR, ABRT)
        assert rig.log(0x10)[0] == 5


def test_queued_log_read() -> None:
    rig = Rig()
    rig.queue(RECEIVE_FPDMA, 7, features=2, lba=0x30 | 1 << 8, count=1 << 8)
    assert finished(rig.run()) == [7]
    assert bytes(rig.got[7]) == rig.log(0x30, 1, 2)
    for fields in ({"count": 0}, {"count": 2 << 8}, {"count": 1 << 8, "lba": 0x31}):
        rig.queue(RECEIVE_FPDMA, 7, features=1, **{"lba": 0x30, **fields})
        (error,) = rig.run()
        assert error.error == ABRT
        rig.log(0x10)


def test_abort_queue() -> None:
    rig = Rig()
    for tag in (1, 2, 3):
        rig.queue(READ_FPDMA, tag, lba=0, sectors=1)
    rig.queue(NCQ_NON_DATA, 9)
    rig.queue(READ_FPDMA, 4, lba=0, sectors=1)
    aborted, last = rig.run()
    assert (aborted.status & ERR, aborted.sactive) == (0, 1 << 9 | 0b1110)
    assert last.sactive == 1 << 4, "a command that came later is not touched"


def test_abort_selected() -> None:
    rig = Rig()
    for tag in (1, 2):
        rig.queue(READ_FPDMA, tag, lba=0, sectors=1)
    rig.queue(NCQ_NON_DATA, 9, features=0x30, lba=2 << 3)
    assert [bits.sactive for bits in rig.run()] == [1 << 9 | 1 << 2, 1 << 1]
    rig.queue(NCQ_NON_DATA, 9, features=0x30, lba=2 << 3)
    assert finished(rig.run()) == [9]
    for features, lba in ((0x30, 9 << 3), (0x10, 0), (0x20, 0), (0x01, 0), (0x05, 0)):
        rig.queue(NCQ_NON_DATA, 9, features=features, lba=lba)
        (error,) = rig.run()
        assert error.error == ABRT
        rig.log(0x10)
    assert rig.log(0x12)[0] == 0x13


@pytest.mark.parametrize("command", [READ_FPDMA, WRITE_FPDMA])
def test_commands_may_arrive_inside_a_transfer(command: int) -> None:
    rig = Rig()
    rig.out[0] = rig.out[1] = bytes(512)
    rig.queue(command, 0, lba=0, sectors=1)
    rig.during = lambda: rig.queue(command, 1, lba=1, sectors=1)
    assert finished(rig.run()) == [0, 1]


@pytest.mark.parametrize("command", [READ_FPDMA, WRITE_FPDMA, SEND_FPDMA])
@pytest.mark.parametrize("event", ["comreset", "identify", "duplicate", "step", "unplug"])
def test_what_overtakes_a_queued_transfer_ends_it(command: int, event: str) -> None:
    media = Media.of_bytes(b"\1" * MIB)
    rig = Rig(media)
    rig.out[0] = (5 | 1 << 48).to_bytes(8, "little").ljust(2 * 512, b"\0")
    rig.queue(command, 0, features=2, lba=0, auxiliary=1)
    rig.queue(READ_FPDMA, 1, lba=0, sectors=1)
    rig.during = {
        "comreset": rig.disk.comreset,
        "identify": lambda: rig.disk.command(rig.fis(IDENTIFY)),
        "duplicate": lambda: rig.queue(READ_FPDMA, 0, lba=0, sectors=1),
        "step": lambda: pytest.fail("two steps at once") if rig.disk.step() else None,
        "unplug": lambda: rig.disk.attach(None),
    }[event]
    bits = rig.run()
    if event == "step":
        assert finished(bits) == [0, 1]
        return
    assert bits == []
    assert rig.disk.outstanding == 0
    assert media.snapshot() == b"\1" * MIB


@pytest.mark.parametrize("event", ["comreset", "identify"])
def test_a_failing_transfer_that_is_overtaken_fails_nothing(event: str) -> None:
    rig = Rig()
    rig.disk.faults.uncorrectable(3)
    rig.queue(READ_FPDMA, 0, lba=0, sectors=8)
    if event == "comreset":
        rig.during = rig.disk.comreset
    else:
        rig.during = lambda: rig.disk.command(rig.fis(IDENTIFY))
    assert rig.run() == []
    assert rig.log(0x10)[3] == (0 if event == "comreset" else ABRT)


def test_host_that_ends_early_leaves_the_tag_outstanding() -> None:
    rig = Rig()
    rig.out[3] = bytes(100)
    rig.queue(WRITE_FPDMA, 3, lba=0, sectors=1)
    rig.queue(READ_FPDMA, 4, lba=0, sectors=1)
    assert finished(rig.run()) == [4]
    assert rig.disk.outstanding == 1 << 3
    rig.disk.comreset()
    assert rig.disk.outstanding == 0


@pytest.mark.parametrize(
    "method", ["send_dma_setup", "send_data", "send_set_device_bits", "send_register"]
)
def test_link_lost_in_the_queue(method: str, monkeypatch: pytest.MonkeyPatch) -> None:
    rig = Rig()
    with monkeypatch.context() as patch:
        patch.setattr(rig, method, lost)
        rig.queue(READ_FPDMA, 0, lba=0, sectors=1)
        rig.queue(READ_FPDMA, 1, lba=rig.disk.media.sectors, sectors=1)
        rig.run()
        rig.issue(READ_LOG, lba=0x10, count=1)
    rig.disk.comreset()
    rig.queue(READ_FPDMA, 0, lba=0, sectors=1)
    assert finished(rig.run()) == [0]


def test_no_step_without_work() -> None:
    rig = Rig()
    assert not rig.disk.step()
    rng = random.Random(0)
    rig.queue(READ_FPDMA, rng.randrange(32), lba=0, sectors=1)
    assert not rig.disk.step(), "one command: nothing is left after it"
    assert rig.disk.outstanding == 0
