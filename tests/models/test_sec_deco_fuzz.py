# SPDX-License-Identifier: MIT
"""Random descriptors on one DECO that keeps its state: no exception, no hang, bounded memory."""

from __future__ import annotations

import random
import time
from collections.abc import Callable

import pytest
from sec_deco_driver_rig import (
    AES_CBC,
    AES_CTR,
    Cipher,
    aead_null,
    ahash,
    append_authenc,
    append_chachapoly,
    append_gcm,
    auth_key,
    authenc,
    authenc_generate_iv,
    chachapoly,
    gcm,
    rfc4106,
    rfc4543,
    sk_hash,
    skcipher,
    xts,
)
from sec_deco_rig import (
    CMAC,
    CONFIGS,
    DES3,
    HEADER,
    INIT,
    INITFINAL,
    MD5,
    ONE,
    PAGE,
    REO,
    SEQ_IN,
    SEQ_OUT,
    SHA1,
    SHA256,
    SHARED,
    SHR,
    XCBC,
    XTS,
    Job,
    Rig,
    Shared,
)

from models.sec.deco import MAX_JOB_BYTES, disassemble
from models.sec.deco.tables import Command

SECONDS_PER_JOB = 20.0  # a bound on hangs, far above what any of them takes
ROUNDS = 60  # times the number of base descriptors


def job_of(rig: Rig, desc: Shared, append: Callable[[Job], None] | None = None) -> list[int]:
    """Words of a job that runs `desc` over 160 bytes."""
    source, target = rig.buffer(bytes(160), scatter=True), rig.buffer(bytes(200), scatter=True)
    job = desc.job()
    job.seq_ptr(SEQ_IN, source.address, 160, source.options)
    job.seq_ptr(SEQ_OUT, target.address, 176, target.options)
    if append is not None:
        append(job)
    return rig.unpack(job.finish())


def valid_jobs(rig: Rig) -> list[tuple[Shared, list[int]]]:
    """Descriptors of every family, with jobs for them."""
    key, iv = bytes(range(16)), bytes(16)
    cipher = Cipher(AES_CBC, key, 16)
    counter = Cipher(AES_CTR, key, 8, bytes(4))
    mac = auth_key(rig, SHA1, key)
    place = rig.memory.place(bytes(64))

    def authenc_job(job: Job) -> None:
        append_authenc(job, cipher, 16, iv)

    def gcm_job(job: Job) -> None:
        append_gcm(job, 16, bytes(12), last=False)

    def chacha_job(job: Job) -> None:
        append_chachapoly(job, 16, bytes(12))

    descs: list[tuple[Shared, Callable[[Job], None] | None]] = [
        (ahash(rig, MD5, INITFINAL, 16), None),
        (ahash(rig, SHA256, INIT, 40), None),
        (ahash(rig, SHA1, INITFINAL, 20, key=mac), None),
        (sk_hash(rig, XCBC, INIT, key, place, 48, 48), None),
        (sk_hash(rig, CMAC, INITFINAL, key, place, 16, 32), None),
        (skcipher(rig, AES_CBC, key, 16, encrypt=False), None),
        (skcipher(rig, AES_CTR, key, 8, encrypt=True, nonce=bytes(4), iv_offset=20), None),
        (skcipher(rig, DES3 | 0x10 << 4, key + key[:8], 8, encrypt=True), None),
        (xts(rig, AES_CBC & ~0xFFF0 | XTS, key * 2, encrypt=True), None),
        (aead_null(rig, auth_key(rig, SHA1, key), 12, encrypt=True), None),
        (authenc(rig, cipher, auth_key(rig, SHA1, key), 12, encrypt=False), authenc_job),
        (authenc(rig, cipher, auth_key(rig, SHA1, key), 12, encrypt=True), authenc_job),
        (authenc_generate_iv(rig, counter, auth_key(rig, SHA1, key), 12), authenc_job),
        (authenc_generate_iv(rig, cipher, auth_key(rig, SHA1, key), 12), authenc_job),
        (gcm(rig, key, 16, encrypt=True), gcm_job),
        (gcm(rig, key, 16, encrypt=False), gcm_job),
        (rfc4106(rig, key, 16, encrypt=True), gcm_job),
        (rfc4543(rig, key, encrypt=True), gcm_job),
        (chachapoly(rig, key * 2, b"", encrypt=True), chacha_job),
    ]
    return [(desc, job_of(rig, desc, append)) for desc, append in descs]


def mutate(generator: random.Random, words: list[int]) -> list[int]:
    out = list(words)
    for _ in range(generator.randint(1, 4)):
        at = generator.randrange(len(out))
        how = generator.randrange(5)
        if how == 0:
            out[at] ^= 1 << generator.randrange(32)
        elif how == 1:
            out[at] = generator.getrandbits(32)
        elif how == 2:
            out[at] = out[generator.randrange(len(out))]
        elif how == 3 and len(out) > 2:
            del out[at]
        else:
            out.insert(at, command(generator))
    return out[:64]


def command(generator: random.Random) -> int:
    kind = generator.choice(list(Command)) if generator.randrange(8) else generator.randrange(32)
    rest = generator.getrandbits(27)
    if generator.randrange(2):
        rest &= ~0xFFC0  # short lengths get further
    return kind << 27 | rest


def random_words(generator: random.Random, rig: Rig) -> list[int]:
    """A header, commands, and pointers into memory here and there."""
    words = [command(generator) for _ in range(generator.randint(0, 40))]
    for _ in range(len(words) // 3):
        at = generator.randrange(len(words))
        words[at] = rig.memory.base + generator.randrange(len(rig.memory.data))
    options = REO if generator.randrange(4) == 0 else 0
    return [HEADER | ONE | options | len(words) + 1, *words]


class Runner:
    """Feeds one DECO and watches its limits."""

    def __init__(self, rig: Rig) -> None:
        self.rig = rig
        self.count = 0
        self.statuses: set[int] = set()
        self.slowest = 0.0
        self._job = rig.memory.allocate(512)

    def run(self, words: list[int]) -> None:
        rig, generator = self.rig, self.rig.random
        rig.memory.poke(self._job, rig.pack(words))
        if generator.randrange(10) == 0:
            pages = range(rig.memory.base // PAGE, (rig.memory.base + len(rig.memory.data)) // PAGE)
            rig.memory.refused = set(generator.sample(pages, 100)) - {self._job // PAGE}
        start = time.monotonic()
        if generator.randrange(8):
            status = rig.deco.run(self._job, follows=bool(generator.randrange(2)))
        else:
            status = rig.deco.run_buffer(words)
        took = time.monotonic() - start
        rig.memory.refused = set()
        rig.memory.log.clear()
        assert took < SECONDS_PER_JOB, f"{took:.1f} s: " + " / ".join(disassemble(words))
        assert 0 <= status <= 0xFFFFFFFF
        assert status == 0 or status >> 28 in (2, 3, 4, 7), f"{status:#x}"
        machine = rig.deco.machine
        held = machine.ccb.output.size + machine.ccb.input.size + machine.ccb.block.size
        assert held <= 2 * MAX_JOB_BYTES
        assert len(machine.words) <= 2 * 64
        self.slowest = max(self.slowest, took)
        self.statuses.add(status & 0xF00000FF)
        self.count += 1

    def report(self, what: str) -> None:
        print(
            f"{self.count} {what}, {len(self.statuses)} different ends,"
            f" slowest {self.slowest:.3f} s"
        )


@pytest.mark.parametrize("name", CONFIGS)
def test_mutated_descriptors_of_the_driver(name: str) -> None:
    rig = CONFIGS[name]()
    rig.services.instantiated = [True, True]
    jobs = valid_jobs(rig)
    images = {desc.address: rig.memory.peek(desc.address, 256) for desc, _ in jobs}
    runner = Runner(rig)
    content = bytes(rig.memory.data)
    for _ in range(ROUNDS):
        for desc, job in jobs:
            words = mutate(rig.random, job) if rig.random.randrange(3) else list(job)
            shared = rig.unpack(images[desc.address])[: len(desc)]
            if rig.random.randrange(3):
                shared = mutate(rig.random, shared)
            if rig.random.randrange(4):  # headers that fit get further than those that do not
                shared[0] = SHARED | ONE | shared[0] & 0x3F00 | len(shared)
                words[0] = HEADER | ONE | SHR | len(shared) << 16 | words[0] & 0xF00 | len(words)
            rig.memory.poke(desc.address, rig.pack(shared))
            runner.run(words)
        rig.memory.data[:] = content
    runner.report("mutated descriptors")
    assert len(runner.statuses) > 15


@pytest.mark.parametrize("name", CONFIGS)
def test_random_descriptors(name: str) -> None:
    rig = CONFIGS[name]()
    rig.memory.data[:] = rig.random.randbytes(len(rig.memory.data))
    rig.services.instantiated = [True, True]
    runner = Runner(rig)
    for _ in range(1500):
        runner.run(random_words(rig.random, rig))
    for _ in range(300):
        runner.run([rig.random.getrandbits(32) for _ in range(rig.random.randint(1, 64))])
    runner.report("random descriptors")
    assert len(runner.statuses) > 10
