# SPDX-License-Identifier: MIT
"""The driver's other jobs: RSA, random numbers, RNG instantiation through the DECO, blobs."""

from __future__ import annotations

import pytest
from cryptography.hazmat.primitives.asymmetric import rsa
from sec_deco_rig import (
    CLASS1,
    CLASS2,
    CLRW,
    CONFIGS,
    FIFO_STORE,
    INIT,
    INITFINAL,
    JUMP,
    KEY,
    LOAD,
    OP1,
    OPERATION,
    RNG,
    SEQ_IN,
    SEQ_OUT,
    STORE_RNG,
    Job,
    Rig,
)

RNG4_PARTS = [name for name in CONFIGS if name != "era-2"]  # its RNG has no state handles
HALT = 8 << 20
HALTED = 0x70000000
RNG_ERROR = 0x20000050


def rsa_job(rig: Rig, words: list[int], pointers: list[int], tail: list[int], info: int) -> int:
    """init_job_desc_pdb, the PDB, one OPERATION."""
    job = rig.job()
    job.words += words
    for address in pointers:
        job.pointer(address)
    job.words += tail
    job.words[0] |= len(job) << 16
    job.add(OPERATION | info)
    return job.run()


@pytest.mark.parametrize("name", CONFIGS)
def test_rsa(name: str) -> None:
    rig = CONFIGS[name]()
    key = rsa.generate_private_key(public_exponent=65537, key_size=1024)
    numbers = key.private_numbers()
    public = numbers.public_numbers
    size = 128
    message = rig.random.randrange(public.n)
    secret = pow(message, public.e, public.n)

    def place(value: int, length: int) -> int:
        return rig.memory.place(value.to_bytes(length, "big"))

    modulus = place(public.n, size)
    exponent = place(public.e, 3)
    source = rig.buffer(message.to_bytes(size, "big"), scatter=True)
    target = rig.buffer(bytes(size), scatter=True)
    flags = 8 << 28 | 4 << 28 | 3 << 12 | size
    status = rsa_job(
        rig,
        [flags],
        [source.address, target.address, modulus, exponent],
        [size],
        0x18 << 16,
    )
    assert status == 0, rig.deco.fault
    assert int.from_bytes(rig.content(target), "big") == secret

    half = 64
    d = place(numbers.d, size)
    p, q = place(numbers.p, half), place(numbers.q, half)
    dp, dq, c = place(numbers.dmp1, half), place(numbers.dmq1, half), place(numbers.iqmp, half)
    one, two = rig.memory.allocate(half), rig.memory.allocate(half)
    forms = {
        0: ([modulus, d], [], size << 12 | size),
        1: ([d, p, q, one, two], [half << 12 | half], size << 12 | size),
        2: ([c, p, q, dp, dq, one, two], [half << 12 | half], size),
    }
    for form, (pointers, tail, sizes) in forms.items():
        coded = rig.memory.place(secret.to_bytes(size, "big"))
        plain = rig.memory.allocate(size)
        status = rsa_job(rig, [sizes], [coded, plain, *pointers], tail, 0x19 << 16 | form)
        assert status == 0, f"form {form + 1}: {rig.deco.fault}"
        assert int.from_bytes(rig.memory.peek(plain, size), "big") == message


@pytest.mark.parametrize("name", RNG4_PARTS)
def test_random_bytes(name: str) -> None:
    rig = CONFIGS[name]()
    place = rig.memory.place(bytes(64))

    def job(word: int) -> int:
        job = rig.job()
        job.add(OP1 | RNG | word)
        job.with_pointer(FIFO_STORE | STORE_RNG | 60, place)
        return job.run()

    assert job(0) & 0xF00000FF == RNG_ERROR | 4  # not instantiated
    rig.services.instantiate(0, prediction_resistance=True)
    seen = set()
    for word in (0, 2, 0):
        assert job(word) == 0, rig.deco.fault
        seen.add(rig.memory.peek(place, 60))
    assert len(seen) == 3
    assert rig.memory.peek(place + 60, 4) == bytes(4)


def instantiation(rig: Rig, handle: int, keys: bool) -> Job:
    """build_instantiation_desc."""
    job = rig.job()
    job.add(OP1 | RNG | handle << 4 | INIT | 2)
    if not handle and keys:
        job.jump_here(job.add(JUMP | CLASS1))
        job.number(LOAD | CLRW, 1)
        job.add(OP1 | RNG | 0x100 << 4)
    job.add(JUMP | CLASS1 | HALT)
    return job


@pytest.mark.parametrize("name", RNG4_PARTS)
def test_instantiation_through_the_descriptor_buffer(name: str) -> None:
    rig = CONFIGS[name]()

    def run(job: Job) -> int:
        words = rig.unpack(job.finish())
        return rig.deco.run_buffer(words) & 0xF00000FF

    assert run(instantiation(rig, 0, True)) == HALTED
    assert rig.services.instantiated == [True, False]
    assert rig.services.prediction_resistance[0]
    assert rig.services.secure_keys_valid
    assert rig.services.jdkek != bytes(32)
    assert run(instantiation(rig, 1, True)) == HALTED
    assert rig.services.instantiated == [True, True]
    assert run(instantiation(rig, 0, False)) == RNG_ERROR | 3
    for handle in (0, 1):
        job = rig.job()
        job.add(OP1 | RNG | handle << 4 | INITFINAL)
        job.add(JUMP | CLASS1 | HALT)
        assert run(job) == HALTED
    assert rig.services.instantiated == [False, False]
    assert rig.memory.trips == 0


@pytest.mark.parametrize("name", CONFIGS)
def test_blob_there_and_back(name: str) -> None:
    rig = CONFIGS[name]()
    modifier = rig.random.randbytes(16)
    data = rig.random.randbytes(rig.random.randint(1, 200))

    def blob(kind: int, source: bytes, size: int) -> tuple[int, bytes]:
        place, target = rig.memory.place(source), rig.memory.place(bytes(size))
        job = rig.job()
        job.key(modifier, CLASS2)
        job.with_pointer(SEQ_IN | len(source), place)
        job.with_pointer(SEQ_OUT | size, target)
        job.add(OPERATION | kind << 24 | 0x0D << 16)
        return job.run(), rig.memory.peek(target, size)

    status, sealed = blob(7, data, len(data) + 48)
    assert status == 0, rig.deco.fault
    assert len(data) < 16 or data not in sealed
    status, opened = blob(6, sealed, len(data))
    assert status == 0, rig.deco.fault
    assert opened == data
    wrong = bytes(one ^ 0x10 for one in sealed)
    assert blob(6, wrong, len(data))[0] & 0xF000000F == 0x2000000A


def test_black_key_is_bound_to_the_secure_keys() -> None:
    rig = CONFIGS["big-40"]()
    rig.services.instantiate(0, prediction_resistance=False)
    rig.services.generate_secure_keys()
    key, place = rig.random.randbytes(24), rig.memory.place(bytes(64))
    for covering, load in ((0x24, 1 << 22), (0x14, 1 << 22 | 1 << 20)):
        job = rig.job()
        job.key(key, CLASS1)
        job.with_pointer(FIFO_STORE | CLASS1 | covering << 16 | 24, place)
        assert job.run() == 0, rig.deco.fault
        assert key not in rig.memory.peek(place, 64)
        job = rig.job()
        job.with_pointer(KEY | CLASS2 | load | 24, place)
        assert job.run() == 0, rig.deco.fault
        assert rig.deco.machine.class2.key == key
    job = rig.job()
    job.key(key, CLASS1 | 1 << 21)  # no write back
    job.with_pointer(FIFO_STORE | CLASS1 | 0x24 << 16 | 24, place)
    assert job.run() & 0xF00000FF == 0x4000000B
    job = rig.job()
    job.with_pointer(KEY | CLASS2 | 1 << 22 | 1 << 15 | 24, place)  # trusted key
    assert job.run() & 0xF00000FF == 0x40000006
