# SPDX-License-Identifier: MIT
"""Each command by itself: MATH, MOVE, JUMP, LOAD, STORE, the FIFOs and their information FIFO."""

from __future__ import annotations

import pytest
from sec_deco_rig import (
    AUTO_NFIFO,
    CLASS1,
    CLASS2,
    CTX,
    DECO,
    DECO_MATH0,
    DEST,
    EXT,
    FIFO_LOAD,
    FIFO_STORE,
    FUN,
    IMM,
    JUMP,
    KEY,
    LAST1,
    LOAD,
    MATH,
    MATHI,
    MOVE,
    MOVE_LEN,
    MSG,
    NCP,
    NFIFO,
    NIFP,
    NIP,
    NO_AUTO_NFIFO,
    NO_INFO,
    NOP,
    NV,
    OFIFO,
    SEQ_FIFO_LOAD,
    SEQ_FIFO_STORE,
    SEQ_IN,
    SEQ_LOAD,
    SEQ_OUT,
    SEQ_STORE,
    SGF,
    SHRD,
    SRC0,
    SRC1,
    STORE,
    STORE_META,
    STORE_MSG,
    STORE_SKIP,
    VLF,
    C,
    Job,
    N,
    Rig,
    Z,
    seeded,
)

from models.sec.config import LS1021A, LS1028A, LS1046A, P4080

MASK64 = (1 << 64) - 1
HALT_USER = 0xC << 20


@pytest.fixture(params=["big", "little"])
def rig(request: pytest.FixtureRequest) -> Rig:
    config = LS1046A if request.param == "big" else LS1028A
    return Rig(config, long_pointers=True, generator=seeded())


def load_math(job: Job, register: int, value: int) -> None:
    word = LOAD | DECO | DECO_MATH0 + (register << 16)
    job.immediate(word, value.to_bytes(8, job.rig.config.byteorder))


def done(job: Job) -> Rig:
    assert job.run() == 0, job.rig.deco.fault
    return job.rig


def error(job: Job, code: int) -> None:
    status = job.run()
    assert status & 0xF00000FF == 0x40000000 | code, f"{status:#x} {job.rig.deco.fault}"


# MATH


def expected(function: str, a: int, b: int, size: int, carry: int) -> tuple[int, int]:
    mask = (1 << 8 * size) - 1
    a, b = a & mask, b & mask
    table = {
        "add": a + b,
        "addc": a + b + carry,
        "sub": a - b,
        "subb": a - b - carry,
        "or": a | b,
        "and": a & b,
        "xor": a ^ b,
        "lshift": a << min(b, 100),
        "rshift": a >> min(b, 100),
    }
    value = table[function]
    out = int(value < 0 or value > mask) if function[:3] in ("add", "sub") else -1
    return value & mask, out


@pytest.mark.parametrize("size", [1, 2, 4, 8])
@pytest.mark.parametrize(
    "function", ["add", "addc", "sub", "subb", "or", "and", "xor", "lshift", "rshift"]
)
def test_math(rig: Rig, function: str, size: int) -> None:
    for _ in range(20):
        a, b = rig.random.getrandbits(64), rig.random.getrandbits(64)
        if "shift" in function:
            b = rig.random.randint(0, 8 * size + 2)
        job = rig.job()
        load_math(job, 0, a)
        load_math(job, 1, b)
        job.math("add", "r3", "r0", "r0", 8)  # some carry
        job.math(function, "r2", "r0", "r1", size)
        done(job)
        carry = a >> 63
        value, out = expected(function, a, b, size, carry)
        machine = rig.deco.machine
        assert machine.math[2] == value
        assert machine.zero == (value == 0)
        assert machine.negative == bool(value >> 8 * size - 1)
        if out >= 0:
            assert machine.carry == out


def test_math_shifts_double_swaps_and_finds(rig: Rig) -> None:
    a, b = 0x0011223344556600, 0x8899AABBCCDDEEFF
    job = rig.job()
    load_math(job, 0, a)
    load_math(job, 1, b)
    job.math("shld", "r2", "r0", "r1", 8)
    job.math("bswap", "r3", "r1", "r0", 8)
    done(job)
    assert rig.deco.machine.math[2] == 0x445566008899AABB
    assert rig.deco.machine.math[3] == 0xFFEEDDCCBBAA9988
    assert (rig.deco.machine.negative, rig.deco.machine.carry) == (True, False)
    job = rig.job()
    load_math(job, 0, a)
    job.math("sub", "none", "zero", "one")
    job.math("shld", "r2", "r0", "r0", 8)
    done(job)
    machine = rig.deco.machine
    flags = (machine.negative, machine.carry, machine.overflow, machine.zero)
    assert not any(flags)
    job = rig.job()
    load_math(job, 0, a)
    job.math("zbyt", "r1", "r0", "r0", 8)
    job.add(MATHI | FUN["zbyt"] << 20 | SRC0["r0"] << 16 | DEST["r2"] << 12 | 0x33 << 4 | 8)
    done(job)
    assert rig.deco.machine.math[1:3] == [0xFF000000000000FF, 0x000000FF00000000]


def test_math_immediates(rig: Rig) -> None:
    wide = rig.random.getrandbits(63) | 1 << 63
    halves = [wide & 0xFFFFFFFF, wide >> 32]
    job = rig.job()
    job.math("add", "r0", "zero", "imm", 8)
    job.words += halves if rig.config.byteorder == "little" else halves[::-1]
    job.add(MATH | 1 << 26 | SRC0["imm"] << 16 | SRC1["zero"] << 12 | DEST["r1"] << 8 | 8)
    job.add(0x89ABCDEF)
    job.math("sub", "r2", "imm", "imm", 4)
    job.words += [100, 58]
    done(job)
    assert rig.deco.machine.math[:3] == [wide, 0x89ABCDEF, 42]


def test_math_on_sequence_lengths_and_flags_kept(rig: Rig) -> None:
    job = rig.job()
    job.seq_ptr(SEQ_IN, rig.memory.base, 100)
    job.seq_ptr(SEQ_OUT, rig.memory.base, 60)
    job.math("sub", "r0", "sil", "zero")
    job.math("sub", "vsol", "sol", "one")
    job.math("add", "vsil", "vsol", "one")
    job.math("add", "sil", "zero", "one")
    job.math("sub", "dpovrd", "zero", "one")
    job.add(MATH | 1 << 25 | FUN["add"] << 20 | SRC0["zero"] << 16 | SRC1["zero"] << 12 | 0xF04)
    done(job)
    machine = rig.deco.machine
    assert machine.math[0] == 100
    assert (machine.output.variable, machine.input.variable, machine.input.length) == (59, 60, 1)
    assert machine.override == 0xFFFFFFFF
    assert machine.negative  # of the last one but one
    assert not machine.zero


@pytest.mark.parametrize(
    "word", [MATH | 3, MATH | 0xC << 20 | 4, MATH | 6 << 16 | 4, MATH | 4 << 8 | 4]
)
def test_math_refuses(rig: Rig, word: int) -> None:
    job = rig.job()
    job.add(word)
    error(job, 0x0E)


def test_mathi_is_there_from_era_5_on() -> None:
    for config, status in ((P4080, 0x04), (LS1046A, 0)):
        rig = Rig(config, generator=seeded())
        job = rig.job()
        job.add(MATHI | FUN["add"] << 20 | SRC0["one"] << 16 | DEST["r3"] << 12 | 0xFE << 4 | 4)
        if status:
            error(job, status)
        else:
            done(job)
            assert rig.deco.machine.math[3] == 0xFF


# MOVE


def test_move_between_contexts_math_and_keys(rig: Rig) -> None:
    data = rig.random.randbytes(64)
    job = rig.job()
    job.immediate(LOAD | CLASS1 | CTX | 16 << 8, data)
    job.add(MOVE | 0 << 20 | 1 << 16 | 16 << 8 | 64)  # context 1 + 16 -> context 2
    job.add(MOVE | 0 << 20 | 5 << 16 | 20 << 8 | 8)  # -> MATH1
    job.add(MOVE | 0 << 20 | 6 << 16 | 16 << 8 | 1 << 25 | 4)  # -> MATH2, its last four bytes
    job.add(MOVE | 5 << 20 | 0 << 16 | 100 << 8 | 8)  # MATH1 -> context 1 + 100
    job.add(MOVE | 1 << 20 | 13 << 16 | 4 << 8 | 32)  # context 2 + 4 -> key 1
    job.add(MOVE | 1 << 20 | 14 << 16 | 1 << 25 | 4 << 8 | 8)  # context 2 -> key 2 + 4
    done(job)
    machine = rig.deco.machine
    assert bytes(machine.class2.context[:64]) == data
    assert machine.math[1] == int.from_bytes(data[4:12], "big")
    assert machine.math[2] == int.from_bytes(data[:4], "big")
    assert bytes(machine.class1.context[100:108]) == data[4:12]
    assert machine.class1.key[:32] == data[4:36]
    assert machine.class2.key == bytes(4) + data[:8]


def test_move_into_the_descriptor_patches_a_command(rig: Rig) -> None:
    job = rig.job()
    load_math(job, 0, (JUMP | HALT_USER | 0x5A) << 32)
    move = job.add(MOVE | 4 << 20 | 3 << 16 | 1 << 24 | 4)
    job.add(JUMP | 1)
    job.move_here(move)
    job.add(JUMP | HALT_USER | 1)
    assert job.run() & 0xF00000FF == 0x3000005A


def test_move_len_and_fifos(rig: Rig) -> None:
    data = rig.random.randbytes(40)
    place = rig.memory.place(bytes(40))
    job = rig.job()
    load_math(job, 2, 24)
    job.immediate(LOAD | CLASS1 | CTX, data)
    job.add(MOVE_LEN | 0 << 20 | 2 << 16 | 2)  # context 1 -> output FIFO
    job.add(MOVE | 0 << 20 | 10 << 16 | 24 << 8 | 16)  # -> input FIFO, without an entry
    job.add(MOVE | 8 << 20 | 2 << 16 | 16)  # input FIFO -> output FIFO
    job.with_pointer(FIFO_STORE | STORE_MSG | 40, place)
    done(job)
    assert rig.memory.peek(place, 40) == data


def test_move_waits_for_nothing_that_cannot_come(rig: Rig) -> None:
    for word in (2 << 20 | 4 << 16 | 8, 8 << 20 | 4 << 16 | 8, 9 << 20 | 4 << 16 | 8):
        job = rig.job()
        job.add(MOVE | word)
        error(job, 0x1C)


@pytest.mark.parametrize(
    ("word", "code"),
    [
        (0 << 20 | 1 << 16 | 120 << 8 | 9, 0x15),
        (4 << 20 | 0 << 16 | 120 << 8 | 9, 0x15),
        (7 << 20 | 0 << 16 | 9, 0x0C),
        (3 << 20 | 3 << 16 | 4, 0x0C),
        (2 << 20 | 2 << 16 | 4, 0x0C),
        (3 << 20 | 4 << 16 | 250 << 8 | 8, 0x0C),
        (8 << 20 | 8 << 16 | 4, 0x0C),
        (11 << 20 | 4, 0x0C),
        (0 << 20 | 11 << 16, 0x0C),
    ],
)
def test_move_refuses(rig: Rig, word: int, code: int) -> None:
    job = rig.job()
    job.add(MOVE | word)
    error(job, code)


# JUMP


def user(job: Job, value: int) -> None:
    job.add(JUMP | HALT_USER | value)


@pytest.mark.parametrize(
    ("a", "b", "true"),
    [(5, 5, Z), (3, 5, N | C | NV), (5, 3, 0), (1 << 31, 1, NV)],
)
def test_jump_tests_math_conditions(rig: Rig, a: int, b: int, true: int) -> None:
    for asked in (Z, N, C, NV, Z | N, N | C, C | NV):
        for test, taken in (
            (0, true & asked == asked),
            (1, not true & asked),
            (2, bool(true & asked)),
            (3, true & asked != asked),
        ):
            job = rig.job()
            job.math("sub", "none", "imm", "imm")
            job.words += [a, b]
            job.add(JUMP | test << 16 | asked | 2)
            user(job, 1)
            user(job, 2)
            assert job.run() & 0xFF == (2 if taken else 1)


def test_jump_sees_that_everything_is_settled(rig: Rig) -> None:
    job = rig.job()
    job.add(JUMP | NIP | NIFP | NOP | NCP | 2)
    user(job, 1)
    job.add(JUMP | SHRD | 2)
    user(job, 2)
    assert job.run() & 0xFF == 2
    for word, condition in (
        (FIFO_LOAD | IMM | CLASS1 | NO_INFO | 4, NIP),
        (LOAD | IMM | NFIFO | 4, NIFP),
    ):
        job = rig.job()
        job.add(word)
        job.add(0x40F00000 | 9)
        job.add(JUMP | condition | 2)
        user(job, 1)
        user(job, 2)
        assert job.run() & 0xFF == 1
    job = rig.job()
    job.with_pointer(FIFO_STORE | STORE_MSG | 4, rig.memory.base)
    job.add(JUMP | NOP | 2)
    user(job, 1)
    user(job, 2)
    assert job.run() & 0xFF == 1


def test_jump_back_loops_and_the_watchdog_ends_it(rig: Rig) -> None:
    job = rig.job()
    job.math("add", "r0", "r0", "one")
    job.math("sub", "none", "r0", "imm")
    job.add(10)
    job.add(JUMP | 1 << 16 | Z | 0xFD)
    done(job)
    assert rig.deco.machine.math[0] == 10
    job = rig.job()
    job.add(JUMP)
    error(job, 0x1C)


def test_jump_counts_registers(rig: Rig) -> None:
    job = rig.job()
    load_math(job, 1, 5)
    job.math("add", "r0", "r0", "one")
    job.add(JUMP | 3 << 20 | 1 << 16 | 1 << 12 | Z | 0xFF)  # MATH1 - 1, back unless zero
    job.math("add", "vsil", "zero", "one")
    job.add(JUMP | 1 << 20 | 10 << 12 | 2)  # VSIL + 1
    job.add(0)
    done(job)
    assert rig.deco.machine.math[:2] == [5, 0]
    assert rig.deco.machine.input.variable == 2


def test_gosub_and_return(rig: Rig) -> None:
    job = rig.job()
    job.add(JUMP | 2 << 20 | 3)
    job.math("add", "r1", "r0", "one")
    user(job, 7)
    job.math("add", "r0", "zero", "one")
    job.add(JUMP | 6 << 20)
    assert job.run() & 0xF00000FF == 0x30000007
    assert rig.deco.machine.math[:2] == [1, 2]
    for word in (JUMP | 6 << 20, JUMP | 2 << 20):
        job = rig.job()
        job.add(word)
        error(job, 0x0D)


def test_four_bit_jump_types_are_there_from_era_4_on() -> None:
    rig = Rig(P4080, generator=seeded())
    job = rig.job()
    job.add(JUMP | 2 << 20 | 1)
    error(job, 0x0D)


def test_jump_out_of_the_descriptor(rig: Rig) -> None:
    for offset in (3, 0x80):
        job = rig.job()
        job.add(JUMP | offset)
        error(job, 0x0D)
    job = rig.job()
    job.add(JUMP | 2)
    job.add(JUMP | HALT_USER)
    done(job)  # the end itself


def test_halt_tells_conditions_and_index(rig: Rig) -> None:
    job = rig.job()
    job.math("add", "none", "zero", "zero")
    job.add(JUMP | 8 << 20)
    assert job.run() == 0x70000000 | 2 << 8 | 0x04


def test_nonlocal_jump_goes_on_in_another_descriptor(rig: Rig) -> None:
    other = rig.job()
    other.math("add", "r1", "r0", "one")
    other.add(JUMP | HALT_USER | 9)
    address = rig.memory.place(other.finish())
    job = rig.job()
    job.math("add", "r0", "zero", "one")
    job.with_pointer(JUMP | 4 << 20, address)
    job.add(0)
    assert job.run() == 0x38000209
    assert rig.deco.machine.math[1] == 2
    job = rig.job()
    job.with_pointer(JUMP | 4 << 20, rig.memory.place(bytes(64)))
    error(job, 0x13)
    wrong = rig.memory.place(rig.pack([0xBA800001]))  # a shared descriptor
    job = rig.job()
    job.with_pointer(JUMP | 4 << 20, wrong)
    error(job, 0x0D)


# LOAD and STORE


def test_load_and_store_of_numbers_follow_the_byte_order(rig: Rig) -> None:
    value = rig.random.getrandbits(64)
    raw = value.to_bytes(8, rig.config.byteorder)
    source, target = rig.memory.place(raw * 2), rig.memory.place(bytes(64))
    job = rig.job()
    job.with_pointer(LOAD | DECO | DECO_MATH0 | 16, source)
    job.with_pointer(LOAD | DECO | DECO_MATH0 + (3 << 16) | 4 << 8 | 4, source)
    job.with_pointer(STORE | DECO | DECO_MATH0 | 32, target)
    job.with_pointer(STORE | DECO | DECO_MATH0 | 4 << 8 | 4, target + 32)
    done(job)
    half = int.from_bytes(raw[:4], rig.config.byteorder)
    assert rig.deco.machine.math == [value, value, 0, half]
    stored = rig.memory.peek(target, 36)
    assert stored[:16] == raw * 2
    assert stored[24:32] == half.to_bytes(8, rig.config.byteorder)
    assert stored[32:] == (value & 0xFFFFFFFF).to_bytes(4, rig.config.byteorder)


def test_load_and_store_of_bytes_do_not(rig: Rig) -> None:
    data = rig.random.randbytes(100)
    source = rig.buffer(data, scatter=True)
    target = rig.buffer(bytes(100), scatter=True)
    job = rig.job()
    job.with_pointer(LOAD | CLASS2 | CTX | 28 << 8 | SGF | 100, source.address)
    job.with_pointer(STORE | CLASS2 | CTX | 28 << 8 | SGF | 100, target.address)
    done(job)
    assert rig.content(target) == data


def test_registers_can_be_read_back(rig: Rig) -> None:
    target = rig.memory.place(bytes(64))
    numbers = {CLASS1 | 3 << 16: 12, CLASS2 | 3 << 16: 13, CLASS1 | 0xB << 16: 14,
               CLASS1 | 0xC << 16: 15, CLASS1 | 0x11 << 16: 16, DECO | 7 << 16: 17,
               CLASS1 | 1 << 16: 18, CLASS2 | 1 << 16: 19}  # fmt: skip
    job = rig.job()
    for place, value in numbers.items():
        job.number(LOAD | place, value)
    for index, place in enumerate(numbers):
        job.with_pointer(STORE | place | 4, target + 4 * index)
    done(job)
    assert rig.unpack(rig.memory.peek(target, 4 * len(numbers))) == list(numbers.values())


def test_clear_written_clears_what_it_names(rig: Rig) -> None:
    job = rig.job()
    job.key(bytes([1] * 16), CLASS1)
    job.key(bytes([2] * 16), CLASS2)
    job.immediate(LOAD | CLASS1 | CTX, bytes([3] * 16))
    job.immediate(LOAD | CLASS2 | CTX, bytes([4] * 16))
    job.number(LOAD | 8 << 16, 1 << 6 | 1 << 21)
    done(job)
    machine = rig.deco.machine
    assert (machine.class1.key, machine.class2.key) == (b"", bytes([2] * 16))
    assert machine.class1.context[:16] == bytes([3] * 16)
    assert not any(machine.class2.context)


def test_descriptor_buffer_is_loaded_and_stored_by_words(rig: Rig) -> None:
    replacement = rig.memory.place(rig.pack([JUMP | HALT_USER | 0x66]))
    copy = rig.memory.place(bytes(64))
    job = rig.job()
    job.with_pointer(LOAD | DECO | 0x40 << 16 | 8 << 8 | 1, replacement)  # word 8
    job.with_pointer(STORE | DECO | 0x40 << 16 | 1 << 8 | 8, copy)
    job.add(JUMP | 1)
    job.add(JUMP | HALT_USER | 1)
    assert job.run() & 0xFF == 0x66
    assert rig.unpack(rig.memory.peek(copy, 32)) == [*job.words[1:8], JUMP | HALT_USER | 0x66]


def test_job_descriptor_goes_back_to_its_place(rig: Rig) -> None:
    job = rig.job()
    load_math(job, 0, 0x1234567800000000)
    job.add(MOVE | 4 << 20 | 3 << 16 | 28 << 8 | 4)  # into word 7
    job.add(STORE | DECO | 0x41 << 16 | 7 << 8 | 1)
    job.add(JUMP | 2)
    job.add(0)
    address = rig.memory.place(job.finish())
    assert rig.deco.run(address) == 0, rig.deco.fault
    assert rig.unpack(rig.memory.peek(address + 28, 4)) == [0x12345678]
    assert rig.deco.run_buffer(job.words) & 0xF00000FF == 0x40000008  # it came from nowhere


def test_store_immediate(rig: Rig) -> None:
    target = rig.memory.place(bytes(16))
    job = rig.job()
    job.with_pointer(STORE | IMM | 6, target)
    job.data(b"sextet")
    job.seq_ptr(SEQ_OUT, target + 8, 8)
    job.add(SEQ_STORE | IMM | 8)
    job.data(b"octobyte")
    done(job)
    assert rig.memory.peek(target, 16) == b"sextet\0\0octobyte"


@pytest.mark.parametrize(
    ("word", "code"),
    [
        (LOAD | CLASS1 | CTX | 100 << 8 | 40, 0x15),
        (LOAD | CLASS1 | 0x7F << 16 | 4, 0x07),
        (LOAD | DECO | 1 << 16 | 4, 0x07),
        (LOAD | DECO | DECO_MATH0 + (3 << 16) | 9, 0x07),
        (STORE | CLASS2 | CTX | 100 << 8 | 40, 0x15),
        (STORE | CLASS1 | 0x40 << 16 | 4, 0x08),
        (STORE | OFIFO | 4, 0x08),
        (KEY | CLASS1 | 129, 0x06),
        (KEY | 16, 0x06),
        (KEY | CLASS1 | 3 << 16 | 16, 0x06),
        (KEY | CLASS2 | 1 << 16 | 16, 0x06),
        (FIFO_LOAD | MSG | 4, 0x0A),
        (FIFO_LOAD | CLASS2 | 4, 0x0A),
        (FIFO_LOAD | CLASS1 | 0x18 << 16 | 4, 0x0A),
        (FIFO_LOAD | CLASS1 | MSG | IMM | EXT | 4, 0x0A),
        (FIFO_STORE | 0x0A << 16 | 4, 0x0B),
        (FIFO_STORE | STORE_SKIP | 4, 0x0B),
        (FIFO_STORE | CLASS1 | 0x24 << 16 | 4, 0x0B),
        (SEQ_LOAD | CLASS1 | CTX | 4, 0x10),
        (SEQ_STORE | CLASS1 | CTX | 4, 0x10),
        (SEQ_FIFO_LOAD | CLASS1 | MSG | 4, 0x10),
        (SEQ_FIFO_STORE | STORE_MSG | 4, 0x10),
        (0x12 << 27, 0x0F),
        (0x08 << 27, 0x04),
        (0x16 << 27, 0x04),
    ],
)
def test_commands_that_are_refused(rig: Rig, word: int, code: int) -> None:
    job = rig.job()
    job.with_pointer(word, rig.memory.base)
    job.words += [0] * 12
    error(job, code)


# FIFOs


def test_sequence_moves_skips_and_metadata(rig: Rig) -> None:
    data = rig.random.randbytes(200)
    source, target = rig.buffer(data, scatter=True), rig.buffer(bytes(200), scatter=True)
    job = rig.job()
    job.seq_ptr(SEQ_IN, source.address, 200, SGF)
    job.seq_ptr(SEQ_OUT, target.address, 200, SGF)
    job.add(SEQ_FIFO_LOAD | 30)  # skip
    job.add(SEQ_FIFO_STORE | STORE_SKIP | 10)
    job.add(SEQ_FIFO_STORE | STORE_META | 50)
    job.math_imm("add", "vsil", "zero", "imm", 60)
    job.math("add", "vsol", "vsil", "zero")
    job.add(SEQ_FIFO_STORE | STORE_MSG | VLF)
    job.add(SEQ_FIFO_LOAD | CLASS1 | NO_INFO | VLF)
    job.add(MOVE | 8 << 20 | 2 << 16 | 60)
    done(job)
    assert rig.content(target) == bytes(10) + data[30:140] + bytes(80)
    machine = rig.deco.machine
    assert (machine.input.length, machine.output.length) == (60, 80)


def test_sequences_extend_and_restart(rig: Rig) -> None:
    data = rig.random.randbytes(40)
    source, target = rig.buffer(data), rig.buffer(bytes(40))
    job = rig.job()
    job.seq_ptr(SEQ_IN, source.address, 10)
    job.seq_ptr(SEQ_OUT, target.address, 10)
    job.add(SEQ_IN | 1 << 23 | 15)  # PRE
    job.add(SEQ_OUT | 1 << 23 | EXT)
    job.add(15)
    job.add(SEQ_FIFO_STORE | STORE_META | 25)
    job.add(SEQ_IN | 1 << 21 | 8)  # RTO
    job.add(SEQ_OUT | 1 << 21 | 1 << 20)  # RTO, RST
    job.add(SEQ_FIFO_LOAD | 2)
    job.add(SEQ_FIFO_STORE | STORE_META | 6)
    job.add(SEQ_IN | 1 << 19 | 4)  # SOP: what was just written
    job.add(SEQ_LOAD | CLASS1 | CTX | 4)
    done(job)
    assert rig.content(target) == data[2:8] + data[6:25] + bytes(15)
    assert rig.deco.machine.output.length == 19
    assert rig.deco.machine.class1.context[:4] == data[2:6]


def test_information_fifo_by_hand(rig: Rig) -> None:
    """Data first or entry first, to the DECO's own block and dropped."""
    for early in (False, True):
        job = rig.job()
        job.add(NO_AUTO_NFIFO)
        if early:
            job.number(LOAD | NFIFO, 0xE << 20 | 3)
            job.number(LOAD | NFIFO, 0xF << 20 | 5)
        job.immediate(LOAD | 0x7C << 16, b"abcdefgh")
        if not early:
            job.number(LOAD | NFIFO, 0xE << 20 | 3)
            job.number(LOAD | NFIFO, 0xF << 20 | 5)
        job.add(MOVE | 8 << 20 | 4 << 16 | 5)
        job.add(AUTO_NFIFO)
        done(job)
        assert rig.deco.machine.math_bytes()[:5] == b"defgh"
    job = rig.job()
    job.number(LOAD | NFIFO, 0x1 << 20 | 3)
    error(job, 0x11)


def test_cha_pointer_reads_the_output_fifo_without_taking(rig: Rig) -> None:
    data = rig.random.randbytes(16)
    entry = 1 << 24 | 0xF << 20 | 8  # output FIFO -> the DECO's block
    job = rig.job()
    job.immediate(LOAD | CLASS1 | CTX, data)
    job.add(MOVE | 2 << 16 | 8)
    job.number(LOAD | NFIFO, entry)
    job.add(MOVE | 2 << 20 | 4 << 16 | 8)  # -> MATH0
    job.number(LOAD | NFIFO, entry)  # waits for what comes
    job.add(MOVE | 2 << 16 | 8 << 8 | 8)
    job.add(MOVE | 10 << 20 | 5 << 16 | 16)  # the block -> MATH1, MATH2
    job.add(MOVE | 2 << 20 | 7 << 16 | 8)
    done(job)
    assert rig.deco.machine.math_bytes() == data[:8] + data + data[8:]


def test_data_for_poly1305_stay_in_the_block_of_class_1() -> None:
    """Also when they are there before the operations."""
    rig = Rig(LS1028A, long_pointers=True, generator=seeded())
    job = rig.job()
    job.key(bytes(32), CLASS1)
    job.number(LOAD | NFIFO, 3 << 30 | 0xB << 20 | 8)
    job.immediate(FIFO_LOAD | CLASS1 | NO_INFO, b"metadata")
    job.add(0x10 << 27 | 2 << 24 | 0xD0 << 16 | 2 << 4 | 0xD)
    job.immediate(FIFO_LOAD | CLASS1 | MSG | LAST1, b"message!")
    job.add(MOVE | 1 << 25 | 10 << 20 | 4 << 16 | 8)
    job.add(MOVE | 2 << 20 | 5 << 16 | 8)
    done(job)
    assert rig.deco.machine.math_bytes()[:8] == b"metadata"


@pytest.mark.parametrize("kind", range(8))
def test_padding(rig: Rig, kind: int) -> None:
    job = rig.job()
    job.number(LOAD | NFIFO, 2 << 24 | 0xF << 20 | kind << 16 | 200)
    job.add(NO_AUTO_NFIFO)
    job.add(MOVE | 8 << 20 | 2 << 16 | 200)
    target = rig.memory.place(bytes(200))
    job.with_pointer(FIFO_STORE | STORE_MSG | 200, target)
    done(job)
    out = rig.memory.peek(target, 200)
    fixed = {0: bytes(200), 2: bytes(range(1, 201)), 4: bytes(199) + b"\xc7", 6: b"\xc7" * 200}
    if kind in fixed:
        assert out == fixed[kind]
    else:
        assert len(set(out)) > 50
        assert out[-1] == {5: 0, 7: 199}.get(kind, out[-1])
        assert kind == 3 or 0 not in out[:-1]


def test_bit_data_and_extended_lengths() -> None:
    rig = Rig(LS1021A, generator=seeded())
    data = rig.random.randbytes(70000)
    place = rig.memory.place(data)
    target = rig.memory.allocate(70000)
    job = rig.job()
    job.with_pointer(FIFO_LOAD | CLASS1 | NO_INFO | EXT, place)
    job.add(70000)
    job.with_pointer(FIFO_STORE | STORE_MSG | EXT, target)
    job.add(70000)
    job.add(MOVE | 8 << 20 | 2 << 16 | 35000)
    job.add(MOVE | 8 << 20 | 2 << 16 | 35000)
    done(job)
    assert rig.memory.peek(target, 70000) == data
    job = rig.job()
    job.with_pointer(SEQ_IN | 100, place)
    job.add(SEQ_FIFO_LOAD | CLASS1 | 0x28 << 16 | 13)  # 13 bits: two bytes
    job.add(SEQ_FIFO_LOAD | CLASS1 | 0x28 << 16 | EXT | 3)  # 5 bytes and 3 bits
    job.add(5)
    done(job)
    assert rig.deco.machine.input.length == 92


def test_pkha_memories(rig: Rig) -> None:
    """(A * B) mod N by a PKHA operation, registers loaded and stored through the FIFOs."""
    n = rig.random.getrandbits(512) | 1 << 511 | 1
    a, b = rig.random.randrange(n), rig.random.randrange(n)
    target = rig.memory.place(bytes(64))
    job = rig.job()
    for value, kind in ((n, 8), (a, 0xC), (b, 0xD)):
        place = rig.memory.place(value.to_bytes(64, "big"))
        job.with_pointer(FIFO_LOAD | CLASS1 | kind << 16 | 64, place)
    job.add(0x10 << 27 | 1 << 24 | 0x800000 | 0x005)
    job.add(JUMP | 3 << 16 | 0x80 << 8 | 2)  # unless the result is zero
    user(job, 1)
    job.with_pointer(FIFO_STORE | 0xD << 16 | 64, target)
    done(job)
    assert int.from_bytes(rig.memory.peek(target, 64), "big") == a * b % n
