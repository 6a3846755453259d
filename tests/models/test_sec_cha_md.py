# SPDX-License-Identifier: MIT
"""MDHA: digests, HMAC, split keys, running contexts; the compression functions behind them."""

from __future__ import annotations

import hashlib
import hmac
import struct
import time
from collections.abc import Iterator

import pytest
from sec_cha_rig import (
    DECRYPT,
    ENCRYPT,
    FINALIZE,
    HASH,
    HMAC,
    ICV,
    ICV_DATA,
    INIT,
    INITFINAL,
    MD5,
    MESSAGE,
    PRECOMP,
    SHA1,
    SHA224,
    SHA256,
    SHA384,
    SHA512,
    SMAC,
    UPDATE,
    Bench,
    error_of,
    seeded,
    sizes,
    word,
)

from models.sec.cha import native, splitkey
from models.sec.cha.digest import ALGORITHMS, Hash
from models.sec.cha.unit import InputType
from models.sec.config import IMX8MM

NAMES = {
    MD5: "md5",
    SHA1: "sha1",
    SHA224: "sha224",
    SHA256: "sha256",
    SHA384: "sha384",
    SHA512: "sha512",
}
RUNNING = {MD5: 16, SHA1: 20, SHA224: 32, SHA256: 32, SHA384: 64, SHA512: 64}
"""runninglen of caam/caamhash.c without the eight bytes of length."""


def block(algorithm: int) -> int:
    return 128 if algorithm in (SHA384, SHA512) else 64


@pytest.fixture(params=["library", "python"])
def engine(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> Iterator[str]:
    """Both ways to compress a block; the split key memo is empty at first."""
    splitkey.forget()
    if request.param == "python":
        real = native.compression

        def python(name: str, python_only: bool = False) -> native.Compression:
            return real(name, True)

        monkeypatch.setattr("models.sec.cha.digest.compression", python)
    yield request.param
    splitkey.forget()


@pytest.mark.parametrize(
    ("algorithm", "digest"),
    [  # "abc": RFC 1321, FIPS 180-4 examples
        (MD5, "900150983cd24fb0d6963f7d28e17f72"),
        (SHA1, "a9993e364706816aba3e25717850c26c9cd0d89d"),
        (SHA224, "23097d223405d8228642a477bda255b32aadbce4bda0b3f7e36c9da7"),
        (SHA256, "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad"),
        (
            SHA384,
            "cb00753f45a35e8bb5a03d699ac65007272c32ab0eded1631a8b605a43ff5bed"
            "8086072ba1e7cc2358baeca134c825a7",
        ),
    ],
)
def test_abc_in_one_and_in_two_jobs(algorithm: int, digest: str, engine: str) -> None:
    bench = Bench()
    size = len(digest) // 2
    bench.run(word(algorithm, HASH, INITFINAL, ENCRYPT), (MESSAGE, b"abc"))
    assert bench.class2.context[:size].hex() == digest
    assert not any(bench.class2.context[size : RUNNING[algorithm] + 8])
    bench.run(word(algorithm, HASH, INIT, ENCRYPT), (MESSAGE, b""))
    bench.run(word(algorithm, HASH, FINALIZE, ENCRYPT), (MESSAGE, b"abc"))
    assert bench.class2.context[:size].hex() == digest


def test_running_context_is_state_then_length() -> None:
    """SHA-256 of one block: the digest state after it, big-endian, and 64."""
    data = bytes(range(64))
    bench = Bench()
    bench.run(word(SHA256, HASH, INIT, ENCRYPT), (MESSAGE, data))
    state = native.compression("sha256", True)(ALGORITHMS[SHA256].initial, data)
    assert bench.class2.context[:40] == struct.pack(">8IQ", *state, 64)
    bench.run(word(MD5, HASH, INIT, ENCRYPT), (MESSAGE, data))
    assert bench.class2.context[16:24] == (64).to_bytes(8, "big")


@pytest.mark.parametrize("algorithm", NAMES)
def test_digests_and_contexts_across_jobs(algorithm: int, engine: str) -> None:
    dice = seeded()
    most = 65536 if engine == "library" else 9000
    for size in sizes(dice, 5, most=most):
        data = dice.randbytes(size)
        expected = hashlib.new(NAMES[algorithm], data).digest()
        bench = Bench(seed=dice.getrandbits(32))
        bench.run(word(algorithm, HASH, INITFINAL, ENCRYPT), (MESSAGE, data))
        assert bench.class2.context[: len(expected)] == expected
        assert across_jobs(dice, algorithm, HASH, data, b"")[: len(expected)] == expected


def across_jobs(dice, algorithm: int, aai: int, data: bytes, key: bytes) -> bytes:  # type: ignore[no-untyped-def]
    """The driver's way: first, updates with the context loaded and stored, final."""
    width = RUNNING[algorithm] + 8
    unit, place, context, state = block(algorithm), 0, b"", INIT
    while True:
        size = unit * dice.randint(0, 1 + len(data) // unit)
        if place + size > len(data) or dice.random() < 0.2:
            size, state = len(data) - place, FINALIZE if state == UPDATE else INITFINAL
        bench = Bench(seed=dice.getrandbits(32))
        bench.context(dice.randbytes(128), cls=2)
        bench.context(context, cls=2)
        if aai and state != UPDATE:  # the driver loads no key for an update
            bench.key(key, 2, split=True)
        operation = word(algorithm, aai, state, ENCRYPT)
        bench.run(operation, (MESSAGE, data[place : place + size]))
        context = bytes(bench.class2.context[:width])
        place += size
        if state in (FINALIZE, INITFINAL):
            return context
        state = UPDATE


@pytest.mark.parametrize("algorithm", NAMES)
def test_hmac_with_split_keys_however_they_came(algorithm: int, engine: str) -> None:
    dice = seeded()
    name = NAMES[algorithm]
    for size in sizes(dice, 4, most=20000 if engine == "library" else 3000):
        key, data = dice.randbytes(dice.randint(0, block(algorithm))), dice.randbytes(size)
        expected = hmac.digest(key, data, name)
        bench = Bench(seed=dice.getrandbits(32))
        # key_gen.c: HMAC INIT in the decrypt direction, no data, then the split key is stored
        bench.key(key, 2)
        bench.run(word(algorithm, HMAC, INIT, DECRYPT), (MESSAGE, b""))
        split = bytes(bench.class2.key[: bench.class2.key_size])
        assert bench.class2.split_key
        assert len(split) == 2 * RUNNING[algorithm]
        for _ in range(2):
            bench.key(split, 2, split=True)
            bench.class2.clear_context()
            bench.run(word(algorithm, PRECOMP, INITFINAL, ENCRYPT), (MESSAGE, data))
            assert bench.class2.context[: len(expected)] == expected
            assert across_jobs(dice, algorithm, PRECOMP, data, split)[: len(expected)] == expected
            splitkey.forget()  # now as after a restore: nothing remembered


@pytest.mark.parametrize("algorithm", NAMES)
def test_hmac_with_a_plain_key(algorithm: int) -> None:
    dice = seeded()
    key, data = dice.randbytes(block(algorithm)), dice.randbytes(300)
    expected = hmac.digest(key, data, NAMES[algorithm])
    bench = Bench(seed=dice.getrandbits(32))
    bench.key(key, 2)
    bench.run(word(algorithm, HMAC, INITFINAL, ENCRYPT), (MESSAGE, data))
    assert bench.class2.context[: len(expected)] == expected
    assert bench.class2.split_key
    bench.run(word(algorithm, HMAC, INITFINAL, ENCRYPT), (MESSAGE, data))  # with the split key
    assert bench.class2.context[: len(expected)] == expected


def test_split_key_is_the_two_states() -> None:
    key = b"Jefe"  # RFC 2202's second key
    split = splitkey.make_split_key(ALGORITHMS[SHA1], key)
    for half, pad in ((split[:20], 0x36), (split[20:], 0x5C)):
        padded = bytes(byte ^ pad for byte in key.ljust(64, b"\0"))
        after = Hash(ALGORITHMS[SHA1], half, 64)
        after.update(b"what do ya want for nothing?")
        assert after.digest() == hashlib.sha1(padded + b"what do ya want for nothing?").digest()


def test_icv_of_an_hmac_may_be_truncated() -> None:
    dice = seeded()
    key, data = dice.randbytes(20), dice.randbytes(100)
    tag = hmac.digest(key, data, "sha1")
    split = splitkey.make_split_key(ALGORITHMS[SHA1], key)
    operation = word(SHA1, PRECOMP, INITFINAL, ICV)
    for size in (1, 12, 20):
        bench = Bench(seed=dice.getrandbits(32))
        bench.key(split, 2, split=True)
        bench.run(operation, (MESSAGE, data), (ICV_DATA, tag[:size]))
        wrong = tag[: size - 1] + bytes([tag[size - 1] ^ 1])
        assert error_of(bench.run, operation, (MESSAGE, data), (ICV_DATA, wrong)) == (4, 0xA)
    # the driver marks the message as last and the ICV again
    unit = bench.unit(operation)
    unit.feed(MESSAGE, data, True)
    assert unit.wants_icv
    unit.feed(ICV_DATA, tag[:12], True)
    assert not unit.wants_icv
    unit.finish()


@pytest.mark.parametrize("algorithm", [MD5, SHA1])
def test_smac_is_the_mac_of_ssl_3(algorithm: int) -> None:
    dice = seeded()
    name, pad = NAMES[algorithm], 48 if algorithm == MD5 else 40
    key, data = dice.randbytes(hashlib.new(name).digest_size), dice.randbytes(77)
    inner = hashlib.new(name, key + b"\x36" * pad + data).digest()
    expected = hashlib.new(name, key + b"\x5c" * pad + inner).digest()
    bench = Bench(seed=dice.getrandbits(32))
    bench.key(key, 2)
    bench.run(word(algorithm, SMAC, INITFINAL, ENCRYPT), (MESSAGE, data))
    assert bench.class2.context[: len(expected)] == expected


def test_errors() -> None:
    bench = Bench()
    for state in (INIT, UPDATE):
        assert error_of(bench.run, word(SHA256, HASH, state, 1), (MESSAGE, bytes(65))) == (4, 2)
    assert error_of(bench.unit, word(SHA256, 3, INIT, 1)) == (4, 1)
    assert error_of(bench.unit, word(SHA256, 8, INIT, 1)) == (4, 1)
    assert error_of(bench.unit, word(SHA256, SMAC, INITFINAL, 1)) == (4, 1)
    assert error_of(bench.unit, word(MD5, SMAC, INIT, 1)) == (4, 1)
    assert error_of(bench.unit, word(0x48, HASH, INIT, 1)) == (4, 1)
    assert error_of(bench.unit, word(SHA256, HASH, INIT, 1, cls=1)) == (4, 0xF)
    bench.key(bytes(65), 2)
    assert error_of(bench.run, word(SHA256, HMAC, INIT, 1), (MESSAGE, b"")) == (4, 3)
    bench.key(bytes(63), 2, split=True)
    assert error_of(bench.run, word(SHA256, PRECOMP, INIT, 1), (MESSAGE, b"")) == (4, 3)
    unit = bench.unit(word(SHA256, HASH, INIT, 1))
    assert error_of(unit.feed, InputType.AAD, b"") == (4, 6)
    assert error_of(unit.generate, 4) == (4, 1)
    assert error_of(Bench(IMX8MM).unit, word(SHA512, HASH, INIT, 1)) == (4, 1)


def test_memo_is_bounded() -> None:
    splitkey.forget()
    for number in range(splitkey.MEMO_LIMIT + 20):
        splitkey.make_split_key(ALGORITHMS[MD5], number.to_bytes(4, "big"))
    assert len(splitkey._memo) == splitkey.MEMO_LIMIT
    splitkey.forget()


@pytest.mark.parametrize("core", ["md5", "sha1", "sha256", "sha512"])
def test_both_compressions_agree_on_any_state(core: str) -> None:
    dice = seeded()
    words, bits = {"md5": 4, "sha1": 5}.get(core, 8), 64 if core == "sha512" else 32
    for blocks in (0, 1, 2, 17):
        state = tuple(dice.getrandbits(bits) for _ in range(words))
        data = dice.randbytes(blocks * (128 if core == "sha512" else 64))
        python, other = native.compression(core, True), native.compression(core)
        assert python(state, data) == other(state, data)
    for name, function in (("python", python), ("library", other)):
        data = bytes(1 << 18)
        begin = time.perf_counter()
        function(state, data)
        print(f"{core} by {name}: {len(data) / (time.perf_counter() - begin) / 1e6:.1f} MB/s")


def test_a_library_that_computes_otherwise_is_not_used(monkeypatch: pytest.MonkeyPatch) -> None:
    python = native.compression("sha256", True)
    native.compression.cache_clear()
    monkeypatch.setattr(native, "_from_library", lambda *_: lambda state, data: state)
    assert native.compression("sha256") is python
    monkeypatch.setattr(native, "_from_library", lambda *_: None)
    native.compression.cache_clear()
    assert native.compression("sha256") is python
    native.compression.cache_clear()
