# SPDX-License-Identifier: MIT
"""The caam driver's ahash jobs: digests, HMAC with split and derived keys, running contexts, XCBC
and CMAC, and the digest of a long key."""

from __future__ import annotations

import pytest
from cryptography.hazmat.primitives.ciphers import Cipher, algorithms, modes
from cryptography.hazmat.primitives.cmac import CMAC as CmacReference
from sec_deco_driver_rig import (
    MAC_SIZES,
    ahash,
    auth_key,
    digest,
    hmac,
    sk_hash,
    split_key_length,
)
from sec_deco_rig import (
    CLASS2,
    CMAC,
    CONFIGS,
    CTX,
    ENCRYPT,
    FINAL,
    INIT,
    INITFINAL,
    LAST2,
    MD5,
    MSG,
    OP2,
    SEQ_FIFO_LOAD,
    SEQ_IN,
    SEQ_OUT,
    SEQ_STORE,
    SHA1,
    SHA224,
    SHA256,
    SHA384,
    SHA512,
    XCBC,
    Rig,
    Shared,
)

HASHES = [MD5, SHA1, SHA224, SHA256, SHA384, SHA512]
UPDATE = 0


def run(rig: Rig, desc: Shared, data: bytes, size: int, **arguments: bool) -> bytes:
    source = rig.buffer(data, scatter=len(data) > 1)
    target = rig.buffer(bytes(size))
    job = desc.job()
    job.seq_ptr(SEQ_IN, source.address, source.length, source.options)
    job.seq_ptr(SEQ_OUT, target.address, size)
    assert job.run(**arguments) == 0, rig.deco.fault
    return rig.content(target)


@pytest.mark.parametrize("name", CONFIGS)
@pytest.mark.parametrize("algorithm", HASHES)
def test_digest(name: str, algorithm: int) -> None:
    rig = CONFIGS[name]()
    for size in (0, 1, 63, 64, rig.random.randint(100, 3000)):
        data = rig.random.randbytes(size)
        expected = digest(algorithm, data)
        desc = ahash(rig, algorithm, INITFINAL, len(expected))
        assert run(rig, desc, data, len(expected)) == expected


@pytest.mark.parametrize("name", CONFIGS)
@pytest.mark.parametrize("algorithm", HASHES)
def test_running_context(name: str, algorithm: int) -> None:
    """update_first, update, finup: the context travels through memory."""
    rig = CONFIGS[name]()
    block = 128 if algorithm in (SHA384, SHA512) else 64
    length = MAC_SIZES[algorithm >> 16] + 8
    parts = [rig.random.randbytes(block * rig.random.randint(1, 5)) for _ in range(2)]
    parts.append(rig.random.randbytes(rig.random.randint(0, 200)))
    expected = digest(algorithm, b"".join(parts))
    context = run(rig, ahash(rig, algorithm, INIT, length), parts[0], length)
    desc = ahash(rig, algorithm, UPDATE, length, context=length)
    context = run(rig, desc, context + parts[1], length)
    desc = ahash(rig, algorithm, FINAL, len(expected), context=length)
    assert run(rig, desc, context + parts[2], len(expected)) == expected


@pytest.mark.parametrize("inline", [True, False])
@pytest.mark.parametrize("name", CONFIGS)
@pytest.mark.parametrize("algorithm", HASHES)
def test_hmac(name: str, algorithm: int, inline: bool) -> None:
    rig = CONFIGS[name]()
    block = 128 if algorithm in (SHA384, SHA512) else 64
    plain = rig.random.randbytes(rig.random.randint(1, block))
    key = auth_key(rig, algorithm, plain, inline)
    data = rig.random.randbytes(rig.random.randint(0, 500))
    expected = hmac(algorithm, plain, data)
    desc = ahash(rig, algorithm, INITFINAL, len(expected), key=key)
    for follows in (False, True, False):  # the second shares, the third finds the derived key
        assert run(rig, desc, data, len(expected), follows=follows) == expected
        assert rig.deco.machine.is_shared is follows


@pytest.mark.parametrize("name", ["big-40", "little-32"])
def test_derived_key_turns_its_operation_into_a_key_command_in_memory(name: str) -> None:
    rig = CONFIGS[name]()
    plain = rig.random.randbytes(64)
    desc = ahash(rig, SHA256, INITFINAL, 32, key=auth_key(rig, SHA256, plain))
    before = rig.unpack(rig.memory.peek(desc.address, 4 * len(desc)))
    run(rig, desc, b"one", 32)
    after = rig.unpack(rig.memory.peek(desc.address, 4 * len(desc)))
    size = split_key_length(SHA256)
    assert after[2] == 2 << 25 | 1 << 23 | 3 << 16 | size
    assert after[3:19] != before[3:19]
    assert after[19:] == before[19:]
    assert run(rig, desc, b"two", 32) == hmac(SHA256, plain, b"two")


@pytest.mark.parametrize("name", CONFIGS)
def test_hmac_with_a_running_context(name: str) -> None:
    rig = CONFIGS[name]()
    plain, first = rig.random.randbytes(20), rig.random.randbytes(128)
    rest = rig.random.randbytes(rig.random.randint(1, 100))
    desc = ahash(rig, SHA1, INIT, 28, key=auth_key(rig, SHA1, plain))
    context = run(rig, desc, first, 28)
    desc = ahash(rig, SHA1, FINAL, 20, key=auth_key(rig, SHA1, plain), context=28)
    assert run(rig, desc, context + rest, 20) == hmac(SHA1, plain, first + rest)


def xcbc(key: bytes, data: bytes) -> bytes:
    """RFC 3566."""

    def encrypt(secret: bytes, block: bytes) -> bytes:
        return Cipher(algorithms.AES(secret), modes.ECB()).encryptor().update(block)

    one, two, three = (encrypt(key, bytes([number] * 16)) for number in (1, 2, 3))
    blocks = [data[at : at + 16] for at in range(0, len(data), 16)] or [b""]
    state = bytes(16)
    for block in blocks[:-1]:
        state = encrypt(one, bytes(a ^ b for a, b in zip(state, block, strict=True)))
    last, mask = blocks[-1], two
    if len(last) < 16:
        last, mask = (last + b"\x80").ljust(16, b"\0"), three
    return encrypt(one, bytes(a ^ b ^ c for a, b, c in zip(state, last, mask, strict=True)))


def cmac(key: bytes, data: bytes) -> bytes:
    reference = CmacReference(algorithms.AES(key))
    reference.update(data)
    return reference.finalize()


@pytest.mark.parametrize("mode", [XCBC, CMAC])
@pytest.mark.parametrize("name", CONFIGS)
def test_cipher_based_mac(name: str, mode: int) -> None:
    rig = CONFIGS[name]()
    key = rig.random.randbytes(16)
    place = rig.memory.place(bytes(16))
    expect = xcbc if mode == XCBC else cmac
    context = 48 if mode == XCBC else 32
    data = rig.random.randbytes(rig.random.randint(1, 300))
    desc = sk_hash(rig, mode, INITFINAL, key, place, 16, context)
    assert run(rig, desc, data, 16) == expect(key, data)

    parts = [rig.random.randbytes(16 * rig.random.randint(1, 4)) for _ in range(2)]
    parts.append(rig.random.randbytes(rig.random.randint(1, 50)))
    state = run(rig, sk_hash(rig, mode, INIT, key, place, context, context), parts[0], context)
    desc = sk_hash(rig, mode, UPDATE, key, place, context, context)
    state = run(rig, desc, state + parts[1], context)
    desc = sk_hash(rig, mode, FINAL, key, place, 16, context)
    assert run(rig, desc, state + parts[2], 16) == expect(key, b"".join(parts))
    if mode == XCBC:  # K1 lies in memory as a black key: covered, not as it is
        first = Cipher(algorithms.AES(key), modes.ECB()).encryptor().update(bytes([1] * 16))
        assert rig.memory.peek(place, 16) not in (first, key, bytes(16))


@pytest.mark.parametrize("name", CONFIGS)
def test_digest_of_a_long_key_in_place(name: str) -> None:
    """hash_digest_key: a job without a shared descriptor whose sequences come late."""
    rig = CONFIGS[name]()
    key = rig.random.randbytes(200)
    place = rig.memory.place(key)
    job = rig.job()
    job.add(OP2 | SHA256 | ENCRYPT | INITFINAL)
    job.seq_ptr(SEQ_IN, place, 200)
    job.add(SEQ_FIFO_LOAD | CLASS2 | LAST2 | MSG | 200)
    job.seq_ptr(SEQ_OUT, place, 32)
    job.add(SEQ_STORE | CLASS2 | CTX | 32)
    assert job.run() == 0, rig.deco.fault
    assert rig.memory.peek(place, 200) == digest(SHA256, key) + key[32:]
