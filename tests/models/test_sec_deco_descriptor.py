# SPDX-License-Identifier: MIT
"""Descriptors as a whole: headers, order, sharing, round trips, tables, refused memory."""

from __future__ import annotations

import pytest
from sec_deco_driver_rig import AES_CBC, ahash, digest, skcipher
from sec_deco_rig import (
    ALWAYS,
    CLASS1,
    CLASS2,
    CTX,
    DECO,
    DEFER,
    DNR,
    FIFO_LOAD,
    FIFO_STORE,
    HEADER,
    IMM,
    INITFINAL,
    JUMP,
    KEY,
    LOAD,
    MOVE,
    MSG,
    NEVER,
    ONE,
    PAGE,
    PD,
    REO,
    SC,
    SEQ_FIFO_STORE,
    SEQ_IN,
    SEQ_LOAD,
    SEQ_OUT,
    SERIAL,
    SGF,
    SHA256,
    SHARED,
    SHR,
    SHRD,
    STORE,
    STORE_META,
    STORE_MSG,
    WAIT,
    Rig,
    Shared,
    seeded,
)

from models.sec.config import LS1021A, LS1028A, LS1046A
from models.sec.deco import Deco, disassemble

HALT_USER = 0xC << 20
EXTENSION, FINAL = 0x80000000, 0x40000000


@pytest.fixture(params=["big", "little"])
def rig(request: pytest.FixtureRequest) -> Rig:
    config = LS1046A if request.param == "big" else LS1028A
    return Rig(config, long_pointers=True, generator=seeded())


def run_words(rig: Rig, words: list[int]) -> int:
    return rig.deco.run(rig.memory.place(rig.pack(words)))


# Headers


@pytest.mark.parametrize(
    ("word", "status"),
    [
        (HEADER | ONE | 1, 0),
        (HEADER | 1, 0x40000013),
        (HEADER | ONE | 1 << 15 | 1, 0x40000013),
        (HEADER | ONE, 0x40000013),
        (HEADER | ONE | 65, 0x40000013),
        (HEADER | ONE | 2 << 16 | 1, 0x40000013),
        (SHARED | ONE | 1, 0x40000013),
        (HEADER | ONE | DNR | 1, 0x40000080),
        (HEADER | ONE | 1 << 14 | 1, 0x40000086),
        (HEADER | ONE | 1 << 13 | 1, 0x40000013),
        (HEADER | ONE | SHR | 2, 0x40000013),
    ],
)
def test_job_header(rig: Rig, word: int, status: int) -> None:
    assert run_words(rig, [word, 0, 0, 0]) == status


def test_other_byte_order_is_noticed(rig: Rig) -> None:
    job = rig.job()
    swapped = b"".join(job.finish()[at : at + 4][::-1] for at in range(0, 4 * len(job), 4))
    assert rig.deco.run(rig.memory.place(swapped)) == 0x40000013


@pytest.mark.parametrize(
    ("word", "length", "status"),
    [
        (SHARED | ONE | 1, 1, 0),
        (SHARED | 1, 1, 0x40000012),
        (HEADER | ONE | 1, 1, 0x40000012),
        (SHARED | ONE | 2, 1, 0x40000012),
        (SHARED | ONE | 2 << 16 | 1, 1, 0x40000012),
        (SHARED | ONE | DNR | 1, 1, 0x40000080),
        (SHARED | ONE | 62, 62, 0x40000013),
    ],
)
def test_shared_header(rig: Rig, word: int, length: int, status: int) -> None:
    address = rig.memory.place(rig.pack([word] + [0] * 63))
    job = rig.job()
    job.words = [HEADER | ONE | SHR | length << 16]
    job.pointer(address)
    assert job.run() == status


def test_words_in_front_of_the_start_index_are_data(rig: Rig) -> None:
    assert (
        run_words(rig, [HEADER | ONE | 2 << 16 | 3, 0xFFFFFFFF, JUMP | HALT_USER | 3]) & 0xFF == 3
    )


@pytest.mark.parametrize("reverse", [False, True])
def test_order_of_shared_and_job_descriptor(rig: Rig, reverse: bool) -> None:
    shared = Shared(rig)
    shared.math("add", "r0", "r0", "imm")
    shared.add(10)
    shared.math("add", "r1", "zero", "r0")
    shared.place()
    job = shared.job(DEFER | (REO if reverse else 0))
    job.math("add", "r0", "r0", "imm")
    job.add(1)
    job.math("add", "r2", "zero", "r0")
    assert job.run() == 0, rig.deco.fault
    assert rig.deco.machine.math[:3] == ([11, 11, 1] if reverse else [11, 10, 11])


def test_index_counts_from_the_shared_descriptor_on(rig: Rig) -> None:
    shared = Shared(rig)
    shared.words += [JUMP | 1] * 4
    shared.place()
    job = shared.job()
    job.add(0x08 << 27)
    assert job.run() == 0x40000004 | (5 + 3) << 8
    shared = Shared(rig)
    shared.add(JUMP | 1)
    shared.add(0x08 << 27)
    assert shared.place().job().run() == 0x40000004 | 2 << 8


def test_too_long_together(rig: Rig) -> None:
    shared = Shared(rig)
    shared.words += [JUMP | 1] * 50
    shared.place()
    job = shared.job()
    job.words += [JUMP | 1] * 10
    assert job.run() == 0
    job.words += [JUMP | 1] * 2
    job.words[0] &= ~0x7F
    assert job.run() == 0x40000013


def test_command_cut_off_by_the_end(rig: Rig) -> None:
    assert run_words(rig, [HEADER | ONE | 2, KEY | CLASS1 | IMM | 16]) == 0x40000113
    assert run_words(rig, [HEADER | ONE | 3, FIFO_STORE | STORE_MSG | 4, 0]) == 0x40000113


def test_inline_and_replacement_descriptors(rig: Rig) -> None:
    for option in (1 << 25, 1 << 20):
        inner = rig.job()
        if option == 1 << 25:
            inner.math("add", "r1", "sil", "zero")
        inner.add(JUMP | HALT_USER | 5)
        place = rig.memory.place(inner.finish() + bytes(100))
        job = rig.job()
        job.seq_ptr(SEQ_IN, place, 100, option)
        job.add(JUMP | HALT_USER | 1)
        assert job.run() & 0xF00000FF == 0x30000005, rig.deco.fault
        if option == 1 << 25:
            assert rig.deco.machine.math[1] == 100 - 4 * len(inner)


# Sharing


def sharer(rig: Rig, share: int, options: int = 0) -> Shared:
    """Loads a key and a context unless it shares; ends with user status 1 when it did not load."""
    shared = Shared(rig, share | options)
    skip = shared.add(JUMP | SHRD)
    shared.key(bytes(range(16)), CLASS1)
    shared.immediate(LOAD | CLASS2 | CTX, b"contents")
    end = shared.add(JUMP)
    shared.jump_here(skip)
    shared.add(JUMP | HALT_USER | 1)
    shared.jump_here(end)
    return shared.place()


@pytest.mark.parametrize(
    ("header", "job", "shares"),
    [
        (NEVER, DEFER, False),
        (WAIT, DEFER, True),
        (SERIAL, DEFER, True),
        (ALWAYS, DEFER, True),
        (SERIAL, NEVER, False),
        (NEVER, ALWAYS, True),
    ],
)
def test_share_types(rig: Rig, header: int, job: int, shares: bool) -> None:
    shared = sharer(rig, header)
    assert shared.job(job).run() == 0
    assert bool(shared.job(job).run(follows=True)) is shares
    assert shared.job(job).run() == 0


def test_what_is_shared(rig: Rig) -> None:
    for options, context in ((SC, b"contents"), (0, bytes(8))):
        shared = sharer(rig, SERIAL, options)
        job = shared.job(DEFER)
        job.number(LOAD | CLASS1 | 3 << 16, 12)
        assert job.run() == 0
        assert shared.job(DEFER).run(follows=True) & 0xF00000FF == 0x30000001
        machine = rig.deco.machine
        assert machine.class1.key == bytes(range(16))
        assert bytes(machine.class2.context[:8]) == context
        assert machine.class1.icv_size == 0


def test_no_sharing_with_another_or_a_changed_descriptor(rig: Rig) -> None:
    one, two = sharer(rig, SERIAL), sharer(rig, SERIAL)
    assert one.job(DEFER).run() == 0
    assert two.job(DEFER).run(follows=True) == 0
    rig.memory.poke(two.address + 12, b"changed!")
    assert two.job(DEFER).run(follows=True) == 0
    assert rig.deco.machine.class1.key != bytes(range(16))
    rig.job().run()
    assert two.job(DEFER).run(follows=True) == 0
    assert two.job(DEFER).run(follows=True) != 0
    rig.deco.reset()
    assert two.job(DEFER).run(follows=True) == 0


@pytest.mark.parametrize(
    ("change", "propagate", "status"),
    [(0, 0, 0), (3, 0, 0x30000001), (1, 0, 0), (0, PD, 0x40000080)],
)
def test_sharing_after_an_error(rig: Rig, change: int, propagate: int, status: int) -> None:
    shared = sharer(rig, SERIAL, propagate)
    job = shared.job(DEFER)
    job.add(LOAD | IMM | DECO | 6 << 16 | change << 8)
    job.add(0x08 << 27)
    assert job.run() & 0xF00000FF == 0x40000004
    assert shared.job(DEFER).run(follows=True) & 0xF00000FF == status


def test_a_descriptor_can_forbid_to_share_it(rig: Rig) -> None:
    shared = sharer(rig, SERIAL)
    job = shared.job(DEFER)
    job.add(LOAD | IMM | DECO | 6 << 16 | 1 << 8)
    assert job.run() == 0
    assert shared.job(DEFER).run(follows=True) == 0


def test_nothing_of_a_job_is_left_for_the_next(rig: Rig) -> None:
    job = rig.job()
    job.key(bytes(16), CLASS1)
    job.immediate(LOAD | CLASS2 | CTX, b"contents")
    job.math("add", "r3", "zero", "one")
    job.seq_ptr(SEQ_IN, rig.memory.base, 8)
    assert job.run() == 0
    job = rig.job()
    assert job.run(follows=True) == 0
    machine = rig.deco.machine
    assert machine.class1.key == b""
    assert not any(machine.class2.context)
    assert (machine.math[3], machine.input.length) == (0, 0)


# Round trips


def test_round_trips_of_the_drivers_jobs() -> None:
    # Always cut into the same pieces: a table of more than 16 would be read in two parts.
    rig = Rig(LS1021A, long_pointers=False)
    data = rig.random.randbytes(300)
    desc = ahash(rig, SHA256, INITFINAL, 32)
    target = rig.buffer(bytes(32))
    for scatter, trips in ((False, 3), (True, 4)):
        source = rig.buffer(data, scatter=scatter)
        job = desc.job()
        job.seq_ptr(SEQ_IN, source.address, 300, source.options)
        job.seq_ptr(SEQ_OUT, target.address, 32)
        address = rig.memory.place(job.finish())
        rig.memory.allocate(256)
        rig.memory.trips = 0
        assert rig.deco.run(address) == 0
        assert rig.content(target) == digest(SHA256, data)
        assert rig.memory.trips == trips
    key, iv = rig.random.randbytes(16), rig.random.randbytes(16)
    cipher = skcipher(rig, AES_CBC, key, 16, encrypt=True)
    source, target = rig.buffer(iv + data[:288], scatter=True), rig.buffer(bytes(304), scatter=True)
    job = cipher.job()
    job.seq_ptr(SEQ_IN, source.address, 304, SGF)
    job.seq_ptr(SEQ_OUT, target.address, 304, SGF)
    address = rig.memory.place(job.finish())
    rig.memory.trips = 0
    assert rig.deco.run(address) == 0
    assert rig.memory.trips == 4  # job; shared descriptor and tables; data; results


def test_nothing_is_read_beyond_the_page_of_a_descriptor(rig: Rig) -> None:
    base = rig.memory.allocate(2 * PAGE, PAGE)
    rig.memory.refused = {base // PAGE + 1}
    job = rig.job()
    job.math("add", "r0", "zero", "one")
    raw = job.finish()
    address = base + PAGE - len(raw)
    rig.memory.poke(address, raw)
    assert rig.deco.run(address) == 0
    assert rig.deco.machine.math[0] == 1


def test_a_descriptor_across_pages_is_read_whole(rig: Rig) -> None:
    base = rig.memory.allocate(2 * PAGE, PAGE)
    job = rig.job()
    job.words += [JUMP | 1] * 40
    job.math("add", "r0", "zero", "one")
    raw = job.finish()
    for before in (2, 4, 8, 100, 164):
        rig.memory.poke(base + PAGE - before, raw)
        assert rig.deco.run(base + PAGE - before) == 0, before
        assert rig.deco.machine.math[0] == 1


def test_a_read_sees_what_the_job_wrote_before(rig: Rig) -> None:
    data = rig.random.randbytes(8)
    source, middle, target = (rig.memory.place(data), rig.memory.place(bytes(8)),
                              rig.memory.place(bytes(8)))  # fmt: skip
    job = rig.job()
    job.with_pointer(LOAD | CLASS1 | CTX | 8, source)
    job.with_pointer(STORE | CLASS1 | CTX | 8, middle)
    job.with_pointer(LOAD | CLASS2 | CTX | 4, middle + 4)
    job.with_pointer(STORE | CLASS2 | CTX | 4, target)
    assert job.run() == 0, rig.deco.fault
    assert rig.memory.peek(target, 4) == data[4:]


def test_what_was_fetched_ahead_is_not_older_than_a_write(rig: Rig) -> None:
    """The job's own descriptor is prefetched with what lies behind it, which the job changes."""
    job = rig.job()
    job.immediate(LOAD | CLASS1 | CTX, b"new data")
    place = rig.memory._next + 200
    job.with_pointer(STORE | CLASS1 | CTX | 8, place)
    job.with_pointer(LOAD | CLASS2 | CTX | 8, place)
    address = rig.memory.place(job.finish())
    assert address < place < address + 256
    rig.memory.poke(place, b"old data")
    assert rig.deco.run(address) == 0, rig.deco.fault
    assert bytes(rig.deco.machine.class2.context[:8]) == b"new data"


def test_a_sequence_is_not_read_beyond_its_end(rig: Rig) -> None:
    base = rig.memory.allocate(2 * PAGE, PAGE)
    data = rig.random.randbytes(100)
    rig.memory.poke(base + PAGE - 100, data)
    rig.memory.refused = {base // PAGE + 1}
    job = rig.job()
    job.seq_ptr(SEQ_IN, base + PAGE - 100, 60)
    job.add(SEQ_LOAD | CLASS1 | CTX | 10)
    job.add(SEQ_IN | 1 << 23 | 40)  # 40 more
    job.add(SEQ_LOAD | CLASS2 | CTX | 80)
    job.add(SEQ_LOAD | CLASS1 | CTX | 10)
    rig.memory.log.clear()
    assert job.run() == 0, rig.deco.fault
    assert bytes(rig.deco.machine.class2.context[:80]) == data[10:90]
    assert bytes(rig.deco.machine.class1.context[:10]) == data[90:]
    reads = [(at, size) for _, at, size in rig.memory.log if base <= at < base + 2 * PAGE]
    assert reads
    assert all(at + size <= base + PAGE for at, size in reads)


# Scatter/gather tables


def copy_job(rig: Rig, source: int, target: int, size: int, options: int = SGF) -> int:
    job = rig.job()
    job.seq_ptr(SEQ_IN, source, size, options)
    job.seq_ptr(SEQ_OUT, target, size, options)
    job.add(SEQ_FIFO_STORE | STORE_META | min(size, 0xFFFF))
    return job.run()


def test_long_and_chained_tables(rig: Rig) -> None:
    data = rig.random.randbytes(3000)
    pieces = []
    at = 0
    while at < len(data):
        size = min(rig.random.randint(1, 9), len(data) - at)
        pieces.append(rig.entry(rig.memory.place(data[at : at + size], align=1), size))
        at += size
    cuts = sorted(rig.random.sample(range(1, len(pieces)), 3))
    parts = [pieces[a:b] for a, b in zip([0, *cuts], [*cuts, len(pieces)], strict=True)]
    table = rig.memory.place(b"".join(parts[-1][:-1]) + final(rig, parts[-1][-1]), align=16)
    for part in parts[-2::-1]:
        table = rig.memory.place(b"".join(part) + rig.entry(table, 0, EXTENSION), align=16)
    target = rig.buffer(bytes(3000), scatter=True)
    assert copy_job(rig, table, target.address, 3000) == 0, rig.deco.fault
    assert rig.content(target) == data


def final(rig: Rig, entry: bytes) -> bytes:
    words = rig.unpack(entry)
    return rig.pack([words[0], words[1], words[2] | FINAL, words[3]])


def test_offsets_and_empty_entries(rig: Rig) -> None:
    data = rig.random.randbytes(100)
    place = rig.memory.place(data)
    table = rig.memory.place(
        rig.entry(place, 20, offset=30)
        + rig.entry(place, 0)
        + rig.entry(place, 10, FINAL, offset=0x5_0000 | 80),
        align=16,
    )
    target = rig.buffer(bytes(30), scatter=True)
    assert copy_job(rig, table, target.address, 30) == 0, rig.deco.fault
    assert rig.content(target) == data[30:50] + data[80:90]


def test_tables_that_end_or_lead_nowhere(rig: Rig) -> None:
    place = rig.memory.place(bytes(64))
    short = rig.memory.place(rig.entry(place, 10, FINAL), align=16)
    null = rig.memory.place(rig.entry(place, 10) + rig.entry(0, 0), align=16)
    nowhere = rig.memory.place(rig.entry(0, 0, EXTENSION), align=16)
    loop = rig.memory.allocate(32, 16)
    rig.memory.poke(loop, rig.entry(loop, 0, EXTENSION))
    for table, code in ((short, 0x01), (null, 0x02), (nowhere, 0x02), (loop, 0x1C)):
        rig.memory.trips = 0
        assert copy_job(rig, table, table, 20) & 0xF00000FF == 0x40000000 | code
        assert rig.memory.trips < 10000


def test_a_table_that_leads_back_to_itself_ends_soon(
    rig: Rig, monkeypatch: pytest.MonkeyPatch
) -> None:
    tables = rig.deco.machine.tables
    decode = tables.decode
    decoded = []

    def count(raw: bytes) -> object:
        decoded.append(1)
        return decode(raw)

    monkeypatch.setattr(tables, "decode", count)
    loop = rig.memory.allocate(2 * PAGE, PAGE) + PAGE - 16
    rig.memory.poke(loop, rig.entry(loop, 0, EXTENSION))
    assert copy_job(rig, loop, loop, 20) & 0xF00000FF == 0x4000001C
    assert 0 < len(decoded) < 10000


def test_nothing_is_read_beyond_the_page_of_a_table(rig: Rig) -> None:
    data = rig.random.randbytes(20)
    place = rig.memory.place(data)
    base = rig.memory.allocate(2 * PAGE, PAGE)
    table = base + PAGE - 32
    rig.memory.poke(table, rig.entry(place, 5) + rig.entry(place + 5, 15, FINAL))
    target = rig.buffer(bytes(20), scatter=True)
    rig.memory.refused = {base // PAGE + 1}
    job = rig.job()
    job.add(JUMP | 1)
    job.seq_ptr(SEQ_IN, table, 20, SGF)
    job.seq_ptr(SEQ_OUT, target.address, 20, SGF)
    job.add(SEQ_FIFO_STORE | STORE_META | 20)
    assert job.run() == 0, rig.deco.fault
    assert rig.content(target) == data


def test_table_layout_under_a_management_complex() -> None:
    rig = Rig(LS1028A, long_pointers=True, generator=seeded())
    rig.deco = Deco(rig.config, rig.memory, rig.services, layout="dpaa2")
    data = rig.random.randbytes(64)
    place = rig.memory.place(data)

    def entry(address: int, length: int, offset: int) -> bytes:
        return (
            address.to_bytes(8, "little")
            + length.to_bytes(4, "little")
            + bytes(2)
            + (offset.to_bytes(2, "little"))
        )

    table = rig.memory.place(entry(place, 10, 4) + entry(place, 20, 0x8000 | 30), align=16)
    target = rig.memory.place(entry(rig.memory.place(bytes(64)), 30, 0x8000), align=16)
    assert copy_job(rig, table, target, 30) == 0, rig.deco.fault
    out = int.from_bytes(rig.memory.peek(target, 8), "little")
    assert rig.memory.peek(out, 30) == data[4:14] + data[30:50]


# Refused memory and limits


def test_refused_memory_is_a_dma_error_of_the_command(rig: Rig) -> None:
    missing = 0xDEAD0000
    assert rig.deco.run(missing) == 0x40000016
    job = rig.job()
    job.words = [HEADER | ONE | SHR | 4 << 16]
    job.pointer(missing)
    assert job.run() == 0x40000016
    for word in (KEY | CLASS1 | 16, LOAD | CLASS1 | CTX | 16, FIFO_LOAD | CLASS1 | MSG | 16):
        job = rig.job()
        job.add(JUMP | 1)
        job.with_pointer(word, missing)
        assert job.run() == 0x40000216
    # Writes are sent at the end, but the error is that of the command.
    good = rig.memory.allocate(16)
    job = rig.job()
    job.immediate(LOAD | CLASS1 | CTX, b"12345678")
    job.with_pointer(STORE | CLASS1 | CTX | 8, good)
    place = job.add(STORE | CLASS1 | CTX | 8)
    job.pointer(missing)
    job.with_pointer(STORE | CLASS1 | CTX | 8, good + 8)
    assert job.run() == 0x40000016 | place << 8
    assert rig.memory.peek(good, 16) == b"12345678" * 2
    # A FIFO STORE is at fault for its place, though the data come later.
    job = rig.job()
    place = job.add(FIFO_STORE | STORE_MSG | 8)
    job.pointer(missing)
    job.add(MOVE | 2 << 16 | 8)
    assert job.run() == 0x40000016 | place << 8


def test_results_before_an_error_are_written(rig: Rig) -> None:
    good = rig.memory.allocate(8)
    job = rig.job()
    job.immediate(LOAD | CLASS1 | CTX, b"12345678")
    job.with_pointer(STORE | CLASS1 | CTX | 8, good)
    job.add(0x08 << 27)
    assert job.run() & 0xF00000FF == 0x40000004
    assert rig.memory.peek(good, 8) == b"12345678"


def test_an_operation_that_gets_no_end_is_stopped(rig: Rig) -> None:
    job = rig.job()
    job.add(0x10 << 27 | 4 << 24 | SHA256 | INITFINAL)
    job.immediate(FIFO_LOAD | CLASS2 | MSG, b"data")
    assert job.run() & 0xF00000FF == 0x4000001C
    job.words[0] &= ~0x7F
    place = job.add(STORE | CLASS2 | CTX | 32)
    job.pointer(rig.memory.base)
    job.add(JUMP | 1)
    assert job.run() == 0x4000001C | place << 8
    job = rig.job()
    job.with_pointer(FIFO_STORE | STORE_MSG | 4, rig.memory.base)
    assert job.run() == 0x4000011C


def test_more_data_than_a_job_may_have(rig: Rig) -> None:
    for word, length in (
        (FIFO_LOAD | CLASS1 | MSG, 0xFFFFFFFF),
        (FIFO_LOAD | CLASS2 | MSG, 1 << 25),
    ):
        job = rig.job()
        job.with_pointer(word | 1 << 22, rig.memory.base)
        job.add(length)
        trips = rig.memory.trips
        assert job.run() == 0x4000011C
        assert rig.memory.trips == trips + 1  # nothing but the descriptor was read


def test_addresses_have_the_bits_that_the_part_has() -> None:
    rig = Rig(LS1028A, long_pointers=True, generator=seeded())
    data = rig.memory.place(b"12345678")
    job = rig.job()
    job.with_pointer(LOAD | CLASS1 | CTX | 8, data | 0xABCD << 48)
    assert job.run() == 0, rig.deco.fault
    assert bytes(rig.deco.machine.class1.context[:8]) == b"12345678"


# For people


def test_fault_and_trace_are_readable(rig: Rig) -> None:
    lines: list[str] = []
    rig.deco = Deco(rig.config, rig.memory, rig.services, trace=lines.append)
    job = rig.job()
    job.math("add", "r0", "sil", "one")
    job.add(0x13 << 27)
    job.run()
    assert lines == ["[01] math math0 = sil add one length=4", "[02] command 0x13 (98000000)"]
    assert "DECO error COMMAND (0x04) at word 2: command 0x13" in rig.deco.fault
    rig.job().run()
    assert rig.deco.fault == ""


def test_disassembly_covers_the_whole_descriptor(rig: Rig) -> None:
    desc = skcipher(rig, AES_CBC, bytes(16), 16, encrypt=False)
    lines = disassemble(desc.words, pointer_size=8)
    assert lines[0] == "[00] shared-header length=17 share=serial sc"
    assert lines[1] == "[01] jump local +6 if all of shrd"
    assert lines[2].startswith("[02] key class1 register length=16 =00000000")
    assert "seq-load ctx1 length=16" in lines[3]
    assert any("operation class1 aes aai=0x110 init" in line for line in lines)
    assert lines[-1].endswith("seq-store ctx1 length=16")
    for word in range(0, 1 << 32, 0x00FF_1357):
        assert disassemble([word, 1, 2, 3], pointer_size=8)
