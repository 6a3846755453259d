# SPDX-License-Identifier: MIT
"""PAMU: what passes, where to, and what is refused."""

from __future__ import annotations

from functools import partial

import pytest
from pamu_rig import (
    ALL,
    APV_READ,
    APV_WRITE,
    AV,
    CACHES,
    DENIED,
    GCV,
    LAV_INVALID,
    LAV_NOT_IN_PPAACT,
    LIODN,
    MAPPINGS,
    OBAH,
    OTV_INVALID,
    OTV_NOT_IN_OMT,
    PAMUBYPENR,
    PC,
    PE,
    PGC,
    POEAH,
    POEAL,
    POES1,
    PPLAH,
    PRIMARY,
    PRIMARY_ENTRIES,
    QUERY,
    SECONDARY,
    SPLAH,
    UPDATE,
    WAV_INVALID,
    WAV_LIODN,
    WAV_NOT_IN_SPAACT,
    WAV_OUTSIDE,
    Rig,
    primary,
    secondary,
    seeded,
    size_code,
)

from testbed.remoteport.device import BusError, Response

KIB, MIB, GIB = 1 << 10, 1 << 20, 1 << 30
PAGE = 4 * KIB


def refusal(rig: Rig, address: int, size: int = 16, *, write: bool = False) -> BusError:
    """The error of a transfer, of which nothing may have taken place."""
    rig.memory.log.clear()
    transfer = partial(rig.dma.write, address, bytes(size)) if write else None
    with pytest.raises(BusError) as caught:
        (transfer or partial(rig.dma.read, address, size))()
    tables = (PRIMARY, SECONDARY, MAPPINGS)
    for verb, where, _ in rig.memory.log:
        assert verb == "read"
        assert any(0 <= where - table < 0x20000 for table in tables)
    return caught.value


# Without tables


def test_everything_passes_before_software_set_it_up() -> None:
    choice, rig = seeded(), Rig()
    data = choice.randbytes(5000)
    rig.dma.write(0xF_1234_5678, data)
    assert rig.dma.read(0xF_1234_5678, 5000) == data
    assert rig.memory.log == [("write", 0xF_1234_5678, 5000), ("read", 0xF_1234_5678, 5000)]
    assert rig.violation == (0, 0, 0)


def test_a_bypassed_pamu_looks_at_nothing() -> None:
    rig = Rig(units=2, unit=1)
    rig.start()
    bypass = rig.config.read(0, PAMUBYPENR, 4)
    assert bypass == 0x80000000
    rig.config.write(0, PAMUBYPENR, 4, 0x40000000)
    rig.memory.poke(0x5000, b"passed")
    assert rig.dma.read(0x5000, 6) == b"passed"
    rig.config.write(0, PAMUBYPENR, 4, 0x80000000)
    refusal(rig, 0x5000)


def test_a_disabled_pamu_lets_pass_unless_its_gate_is_closed() -> None:
    rig = Rig()
    rig.start()
    rig.memory.poke(0x5000, b"passed")
    rig.put(PC, CACHES)
    assert rig.dma.read(0x5000, 6) == b"passed"
    assert rig.violation == (0, 0, 0)
    rig.put(PC, PGC | CACHES)
    refusal(rig, 0x5008)
    assert rig.violation == (LIODN, GCV | AV, 0x5008)
    # As U-Boot enables it after a secure boot, which leaves the gate closed.
    rig.put(PC, PGC | PE)
    rig.entry(primary(0, 64 * GIB))
    assert rig.dma.read(0x5000, 6) == b"passed"


# As Linux builds tables


def test_identity_of_devices_that_the_host_owns() -> None:
    """WSE 35, nothing translated: what setup_liodns gives every LIODN of the device tree."""
    choice, rig = seeded(), Rig()
    rig.start()
    rig.entry(primary(0, 1 << 36))
    for address in (0, 0x3FFF_FFF0, (1 << 36) - 16):
        data = choice.randbytes(16)
        rig.dma.write(address, data)
        assert rig.memory.peek(address, 16) == data == rig.dma.read(address, 16)
    refusal(rig, 1 << 36)
    assert rig.violation == (LIODN, WAV_OUTSIDE | AV, 1 << 36)


def test_one_window_is_translated() -> None:
    choice, rig = seeded(), Rig()
    rig.start()
    base, target, size = 0x8_1000_0000, 0xC_5000_0000, 256 * MIB
    rig.entry(primary(base, size, target=target))
    for _ in range(50):
        length = choice.randrange(1, 9000)
        offset = choice.randrange(size - length)
        data = choice.randbytes(length)
        rig.dma.write(base + offset, data)
        assert rig.memory.peek(target + offset, length) == data
        assert rig.dma.read(base + offset, length) == data


def test_addresses_of_windows_are_aligned_by_ignoring_bits() -> None:
    rig = Rig()
    rig.start()
    rig.memory.poke(0x5_0000_0010, b"aligned")
    rig.entry(primary(0x1000_5000, MIB, target=0x5_0003_7000))
    assert rig.dma.read(0x1000_0010, 7) == b"aligned"
    rig.subwindows(0x1000_5000, MIB, {3: (0x5_0003_7000, ALL)}, 4)
    assert rig.dma.read(0x100C_0010, 7) == b"aligned"


def test_subwindows_are_translated_each_for_itself() -> None:
    """As the kernel's driver sets up a guest: parts in any order, some without memory."""
    choice, rig = seeded(), Rig()
    rig.start()
    base, size, count = 0x1000_0000, 256 * MIB, 64
    part = size // count
    frames = choice.sample(range(256), count)
    targets = {index: (frame * part, ALL) for index, frame in enumerate(frames) if index % 5}
    rig.subwindows(base, size, targets, count, fspi=100)
    for index in range(count):
        offset = choice.randrange(part - 4096)
        address = base + index * part + offset
        data = choice.randbytes(4096)
        if index in targets:
            rig.dma.write(address, data)
            assert rig.memory.peek(targets[index][0] + offset, 4096) == data
            assert rig.dma.read(address, 4096) == data
        else:
            refusal(rig, address)
            refusal(rig, address, write=True)
            assert rig.violation == (LIODN, APV_READ | AV, address)
            rig.acknowledge()


def test_the_biggest_number_of_subwindows() -> None:
    rig = Rig()
    rig.start()
    rig.subwindows(0, MIB, {255: (0x7_0000_0000, ALL)}, 256)
    rig.memory.poke(0x7_0000_0FF0, b"the last page...")
    assert rig.dma.read(MIB - 16, 16) == b"the last page..."
    rig.subwindows(0, 2 * MIB, {0: (0, ALL)}, 512)
    refusal(rig, 0)
    assert rig.get(POES1) == 1


def test_what_spans_subwindows_is_put_together() -> None:
    choice, rig = seeded(), Rig()
    rig.start()
    targets = {index: ((7 - index) * 64 * KIB, ALL) for index in range(8)}
    rig.subwindows(0, 512 * KIB, targets, 8)
    data = choice.randbytes(300 * KIB)
    rig.dma.write(10000, data)
    assert rig.memory.peek(7 * 64 * KIB + 10000, 64 * KIB - 10000) == data[: 64 * KIB - 10000]
    assert rig.memory.peek(6 * 64 * KIB, 100) == data[64 * KIB - 10000 :][:100]
    assert rig.dma.read(10000, 300 * KIB) == data
    # Neighbours in memory need one access.
    rig.subwindows(0, 512 * KIB, {n: (MIB + n * 64 * KIB, ALL) for n in range(8)}, 8)
    rig.memory.log.clear()
    rig.dma.read(10000, 300 * KIB)
    assert rig.memory.log[-1] == ("read", MIB + 10000, 300 * KIB)


def test_only_the_used_part_of_a_subwindow_is_there() -> None:
    """SWSE below the subwindow's size, as hypervisors use it for a page of interrupt messages."""
    rig = Rig()
    rig.start()
    rig.entry(primary(0, 2 * MIB, target=0x50000, count=2, fspi=9, swse=size_code(8 * KIB)))
    rig.second(9, secondary(LIODN, target=0x70000, swse=size_code(PAGE)))
    rig.memory.poke(0x51FF0, b"end of the first")
    rig.memory.poke(0x70FF0, b"end of another..")
    assert rig.dma.read(8 * KIB - 16, 16) == b"end of the first"
    assert rig.dma.read(MIB + PAGE - 16, 16) == b"end of another.."
    for beyond in (8 * KIB, MIB - 16, MIB + PAGE, 2 * MIB - 16):
        refusal(rig, beyond)
        assert rig.violation == (LIODN, WAV_OUTSIDE | AV, beyond)
        rig.acknowledge()


def test_without_subwindows_their_size_does_not_matter() -> None:
    rig = Rig()
    rig.start()
    rig.entry(primary(0, 64 * KIB, target=0x50000, swse=size_code(PAGE)))
    rig.memory.poke(0x5FFF0, b"end of the window")
    assert rig.dma.read(64 * KIB - 16, 16) == b"end of the windo"


# As U-Boot builds tables


def test_tables_of_the_boot_loader() -> None:
    """Memory and flash in one window of 128 subwindows; nothing translated; used sizes added up.

    The entry of subwindow 0 has its size and permissions only if something lies in it, the others
    are valid only then; 36-bit parts put flash high up.
    """
    choice, rig = seeded(), Rig(liodn=5)
    rig.start()
    areas = ((0, 0x6010_0000), (0xF_E800_0000, 256 * MIB))
    size, count = 64 * GIB, 128
    part = size // count
    entries: dict[int, int] = {}
    for start, length in areas:
        address, end = start & -part, start + length
        while address < end:
            used = 1 << (min(end - address, part) - 1).bit_length()
            index = address // part
            entries[index] = max(entries.get(index, 0), size_code(min(used, part)))
            address += part
    rig.entry(primary(0, size, count=count, swse=entries.pop(0)), 5)
    for index, swse in entries.items():
        rig.second(index - 1, secondary(5, swse=swse))
    for start, length in areas:
        for address in (start, start + length - 16, start + choice.randrange(length - 16)):
            data = choice.randbytes(16)
            rig.dma.write(address, data)
            assert rig.memory.peek(address, 16) == data == rig.dma.read(address, 16)
    for hole in (0x1_0000_0000, 0xF_0000_0000):
        refusal(rig, hole)
        rig.acknowledge()
    # The boot loader maps its flash by the whole subwindow that it begins in.
    assert rig.dma.read(0xF_E000_0000, 16) == bytes(16)


# Refusals


def test_permissions() -> None:
    rig = Rig()
    rig.start()
    for ap in (DENIED, QUERY, UPDATE, ALL):
        rig.entry(primary(0, PAGE, ap=ap))
        if ap & QUERY:
            rig.dma.read(0x10, 16)
        else:
            refusal(rig, 0x10)
            assert rig.violation == (LIODN, APV_READ | AV, 0x10)
            rig.acknowledge()
        if ap & UPDATE:
            rig.dma.write(0x20, b"allowed")
            assert rig.memory.peek(0x20, 7) == b"allowed"
        else:
            refusal(rig, 0x20, write=True)
            assert rig.violation == (LIODN, APV_WRITE | AV, 0x20)
            rig.acknowledge()


def test_a_liodn_beyond_the_table() -> None:
    rig = Rig(liodn=PRIMARY_ENTRIES)
    rig.start()
    rig.entry(primary(0, 64 * GIB), PRIMARY_ENTRIES)
    refusal(rig, 0x1000)
    assert rig.violation == (PRIMARY_ENTRIES, LAV_NOT_IN_PPAACT | AV, 0x1000)
    rig.put_address(PPLAH, PRIMARY + (PRIMARY_ENTRIES + 1) * 64)
    rig.dma.read(0x1000, 16)


def test_an_invalid_liodn() -> None:
    rig = Rig()
    rig.start()
    for entry in (bytes(64), primary(0, 64 * GIB, valid=False), secondary(LIODN)):
        rig.entry(entry)
        refusal(rig, 0x1000)
        assert rig.violation == (LIODN, LAV_INVALID | AV, 0x1000)
        assert rig.irq
        rig.acknowledge()
        assert not rig.irq


def test_a_part_without_the_erratum_does_not_report_an_invalid_liodn() -> None:
    rig = Rig(report_invalid=False)
    rig.start()
    refusal(rig, 0x1000)
    assert rig.violation == (0, 0, 0)
    assert not rig.irq
    rig.entry(primary(0, PAGE))
    refusal(rig, 0x1000)
    assert rig.violation == (LIODN, WAV_OUTSIDE | AV, 0x1000)


def test_outside_of_the_window() -> None:
    rig = Rig()
    rig.start()
    rig.entry(primary(0x4_0000_0000, MIB))
    for address in (0x4_0000_0000 - 1, 0x4_0010_0000, 0, (1 << 64) - 1):
        refusal(rig, address, 1)
        assert rig.violation == (LIODN, WAV_OUTSIDE | AV, address)
        rig.acknowledge()


def test_across_the_end_of_the_window_nothing_is_transferred() -> None:
    rig = Rig()
    rig.start()
    rig.entry(primary(0, MIB))
    for write in (False, True):
        refusal(rig, MIB - 8, write=write)
        assert rig.violation == (LIODN, WAV_OUTSIDE | AV, MIB)
        rig.acknowledge()
    refusal(rig, (1 << 64) - 8, 8)


def test_secondary_entries_that_are_not_this_window_s() -> None:
    rig = Rig()
    rig.start()
    swse = size_code(PAGE)
    rig.entry(primary(0, 2 * PAGE, count=2, fspi=3, swse=swse))
    good = secondary(LIODN, swse=swse)
    cases = (
        (secondary(LIODN, swse=swse, valid=False), WAV_INVALID),
        (bytes([*good[:7], good[7] & ~2, *good[8:]]), WAV_INVALID),  # a primary entry
        (secondary(LIODN + 1, swse=swse), WAV_LIODN),
    )
    for entry, kind in cases:
        rig.second(3, entry)
        refusal(rig, PAGE)
        assert rig.violation == (LIODN, kind | AV, PAGE)
        rig.acknowledge()
        rig.dma.read(0, PAGE)
    rig.second(3, good)
    rig.dma.read(0, 2 * PAGE)
    rig.put_address(SPLAH, SECONDARY + 3 * 64)
    refusal(rig, PAGE)
    assert rig.violation == (LIODN, WAV_NOT_IN_SPAACT | AV, PAGE)


@pytest.mark.parametrize("index", [0, 1])
def test_operations_that_the_mapping_does_not_allow(index: int) -> None:
    """Of the table's entries only those of plain reads (0) and writes (1) are ever asked for."""
    rig = Rig()
    rig.start()
    swse, omi = size_code(PAGE), {index: 7}
    rig.entry(primary(0, 2 * PAGE, count=2, swse=swse, omi=omi.get(0)))
    rig.second(0, secondary(LIODN, swse=swse, omi=omi.get(1)))
    address = index * PAGE + 0x40
    mapping = MAPPINGS + 7 * 128
    rig.memory.poke(mapping, b"\x98\x81")
    rig.dma.read(address, 16)
    rig.dma.write(address, bytes(16))
    rig.memory.poke(mapping, b"\x98\x01")
    rig.dma.read(address, 16)
    refusal(rig, address, write=True)
    assert rig.violation == (LIODN, OTV_INVALID | AV, address)
    rig.acknowledge()
    rig.memory.poke(mapping, b"\x18\x81")
    refusal(rig, address)
    rig.acknowledge()
    rig.dma.read((1 - index) * PAGE, 16)
    rig.put_address(OBAH + 8, MAPPINGS + 7 * 128)
    refusal(rig, address)
    assert rig.violation == (LIODN, OTV_NOT_IN_OMT | AV, address)


def test_entries_that_make_no_sense() -> None:
    rig = Rig()
    rig.start()
    good = secondary(LIODN, swse=size_code(PAGE))
    first, second = PRIMARY + LIODN * 64, SECONDARY
    two = primary(0, 2 * PAGE, count=2, swse=size_code(PAGE))
    cases = (
        (primary(0, 2 * KIB), good, first),
        (primary(0, 2, count=256), good, first),
        (primary(0, PAGE, count=2), good, first),
        (primary(0, PAGE, target=0, atm=2), good, first),
        (primary(0, PAGE, target=0, atm=3), good, first),
        (two[:15] + bytes([two[15] | 3]) + two[16:], good, first),
        (two, secondary(LIODN, swse=size_code(2 * KIB)), second),
        (two, secondary(LIODN, swse=size_code(PAGE), target=0, atm=2), second),
    )
    for number, (entry, other, where) in enumerate(cases):
        rig.entry(entry)
        rig.second(0, other)
        refusal(rig, 0 if where == first else PAGE)
        assert rig.get(POES1) == 1, f"case {number}"
        assert rig.get(POEAH) << 32 | rig.get(POEAL) == where, f"case {number}"
        rig.put(POES1, 1)
    assert rig.violation == (0, 0, 0)


def test_tables_that_memory_does_not_have() -> None:
    rig = Rig()
    rig.start()
    rig.subwindows(0, 2 * PAGE, {0: (0x10000, ALL), 1: (0x20000, ALL)}, 2)
    rig.dma.read(0, 2 * PAGE)
    for table, address in ((SECONDARY, PAGE), (PRIMARY + LIODN * 64, 0)):
        rig.memory.refused = [range(table, table + 64)]
        refusal(rig, address)
        assert (rig.get(POES1), rig.get(POEAH) << 32 | rig.get(POEAL)) == (1, table)
        rig.put(POES1, 1)
        rig.memory.refused = []
        rig.dma.read(0, 2 * PAGE)


def test_memory_that_refuses_is_the_bus_s_own_affair() -> None:
    rig = Rig()
    rig.start()
    rig.entry(primary(0, MIB, target=0x5_0000_0000))
    rig.memory.refused = [range(0x5_0000_2000, 0x5_0000_3000)]
    with pytest.raises(BusError):
        rig.dma.read(0x2000, 16)
    with pytest.raises(BusError):
        rig.dma.write(0x2000, b"x")
    assert (rig.violation, rig.get(POES1)) == ((0, 0, 0), 0)


def test_the_error_says_what_was_refused_and_why() -> None:
    rig = Rig()
    rig.start()
    rig.entry(primary(0, PAGE, ap=QUERY))
    error = refusal(rig, 0x10, write=True)
    assert error.status is Response.ADDRESS_ERROR
    assert str(error) == ("iommu: DMA write of LIODN 0x7f at 0x10 refused: AVS1.APV=2")


# Changes


def test_what_software_changes_counts_from_the_next_transfer_on() -> None:
    """Caches of a PAMU are coherent: no flush exists."""
    choice, rig = seeded(), Rig()
    rig.start()
    for _ in range(300):
        count = choice.choice((0, 2, 4))
        size = 64 * KIB
        page = choice.randrange(16) * PAGE
        target = choice.randrange(64) * size
        ap = choice.choice((DENIED, QUERY, UPDATE, ALL))
        fspi = choice.randrange(3)
        if count:
            part = size // count
            targets = {n: (target + n * part, ap) for n in range(count)}
            rig.subwindows(0, size, targets, count, fspi=fspi)
        else:
            rig.entry(primary(0, size, target=target, ap=ap))
        entries = choice.choice((LIODN, LIODN + 1, PRIMARY_ENTRIES, PRIMARY_ENTRIES))
        rig.put_address(PPLAH, PRIMARY + entries * 64)
        data = choice.randbytes(32)
        rig.memory.poke(target + page, data)
        if ap & QUERY and entries > LIODN:
            assert rig.dma.read(page, 32) == data
        else:
            refusal(rig, page)


def test_devices_do_not_see_each_other_s_windows() -> None:
    choice, rig = seeded(), Rig()
    rig.start()
    others = {liodn: rig.attach(liodn).dma for liodn in (0, LIODN - 1, LIODN + 1, 0x4FF)}
    for liodn, dma in [*others.items(), (LIODN, rig.dma)]:
        rig.entry(primary(0, MIB, target=liodn * MIB), liodn)
        data = choice.randbytes(64)
        dma.write(0x100, data)
        assert rig.memory.peek(liodn * MIB + 0x100, 64) == data


def test_entries_that_are_neighbours_are_read_as_one() -> None:
    """Also where memory refuses one of them, or what lies between them."""
    rig = Rig()
    rig.start()
    rig.subwindows(0, 16 * PAGE, {n: (n * PAGE, ALL) for n in range(16)}, 16, fspi=64)
    entries = SECONDARY + 64 * 64
    rig.dma.read(0, 16 * PAGE)
    rig.memory.log.clear()
    rig.dma.read_many([(n * PAGE, 8) for n in (0, 1, 2, 5, 15)])
    reads = [(address, size) for _, address, size in rig.memory.log]
    # The primary one first: software makes it valid when the others are as they should be.
    assert SECONDARY < PRIMARY
    assert reads[:3] == [
        (PRIMARY + LIODN * 64, 64),
        (entries, 5 * 64),
        (entries + 14 * 64, 64),
    ]
    rig.memory.refused = [range(entries + 2 * 64, entries + 4 * 64)]
    rig.dma.read_many([(n * PAGE, 8) for n in (0, 1, 2, 5, 15)])
    assert rig.get(POES1) == 0
    refusal(rig, 0, 4 * PAGE)
    assert rig.get(POEAH) << 32 | rig.get(POEAL) == entries + 2 * 64


def test_what_a_transfer_costs() -> None:
    """One wait for the tables, once they are known, however many pieces there are."""
    rig = Rig()
    rig.start()
    rig.subwindows(0, 256 * MIB, {n: (n * 4 * MIB, ALL) for n in range(64)}, 64)
    pieces = [(n * 8 * MIB, PAGE) for n in range(32)]
    for waits in (3, 2, 2):
        rig.memory.waits = 0
        rig.dma.read_many(pieces)
        assert rig.memory.waits == waits
    rig.memory.waits = 0
    rig.dma.write_many([(address, b"x") for address, _ in pieces])
    assert rig.memory.waits == 2
    # One piece in many subwindows, of which none is known.
    fresh = rig.attach(LIODN).dma
    for waits in (3, 2):
        rig.memory.waits = 0
        fresh.read(2 * MIB + 5, 100 * MIB)
        assert rig.memory.waits == waits
    rig.memory.waits = 0
    rig.entry(primary(0, MIB))
    rig.dma.read(0, PAGE)
    rig.dma.read(0, PAGE)
    assert rig.memory.waits == 4
