# SPDX-License-Identifier: MIT
"""The caam driver's skcipher jobs, against the `cryptography` package."""

from __future__ import annotations

import warnings

import pytest
from cryptography.hazmat.decrepit.ciphers.algorithms import TripleDES
from cryptography.hazmat.primitives.ciphers import Cipher, algorithms, modes
from sec_deco_driver_rig import AES_CBC, AES_CTR, skcipher, xts
from sec_deco_rig import (
    CBC,
    CHACHA,
    CONFIGS,
    DES,
    DES3,
    ECB,
    SEQ_IN,
    SEQ_OUT,
    XTS,
    Rig,
    Shared,
    seeded,
)

from models.sec.config import LS1028A


def crypt(rig: Rig, desc: Shared, data: bytes, iv: bytes, tail: int, **run: bool) -> bytes:
    """One job with the IV in front of the data, the new IV behind the result, both scattered."""
    source = rig.buffer(iv + data, scatter=True)
    result = rig.buffer(bytes(len(data) + tail), scatter=True)
    job = desc.job()
    job.seq_ptr(SEQ_IN, source.address, source.length, source.options)
    job.seq_ptr(SEQ_OUT, result.address, result.length, result.options)
    assert job.run(**run) == 0, rig.deco.fault
    return rig.content(result)


def reference(algorithm: object, mode: object, data: bytes, encrypt: bool) -> bytes:
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        cipher = Cipher(algorithm, mode)  # type: ignore[arg-type]
    context = cipher.encryptor() if encrypt else cipher.decryptor()
    return context.update(data) + context.finalize()


@pytest.mark.parametrize("encrypt", [True, False])
@pytest.mark.parametrize("name", CONFIGS)
def test_aes_cbc(name: str, encrypt: bool) -> None:
    rig = CONFIGS[name]()
    for size in (16, 24, 32):
        key, iv = rig.random.randbytes(size), rig.random.randbytes(16)
        data = rig.random.randbytes(16 * rig.random.randint(1, 60))
        desc = skcipher(rig, AES_CBC, key, 16, encrypt=encrypt)
        out = crypt(rig, desc, data, iv, 16)
        expected = reference(algorithms.AES(key), modes.CBC(iv), data, encrypt)
        assert out == expected + (expected if encrypt else data)[-16:]


@pytest.mark.parametrize("name", CONFIGS)
def test_a_second_job_shares_the_key_and_its_decryption_form(name: str) -> None:
    rig = CONFIGS[name]()
    key = rig.random.randbytes(16)
    desc = skcipher(rig, AES_CBC, key, 16, encrypt=False)
    for follows in (False, True, True, False):
        iv, data = rig.random.randbytes(16), rig.random.randbytes(64)
        out = crypt(rig, desc, data, iv, 16, follows=follows)
        assert rig.deco.machine.is_shared is follows
        assert out[:-16] == reference(algorithms.AES(key), modes.CBC(iv), data, False)


@pytest.mark.parametrize("name", CONFIGS)
def test_aes_ecb_has_no_iv(name: str) -> None:
    rig = CONFIGS[name]()
    key, data = rig.random.randbytes(32), rig.random.randbytes(160)
    out = crypt(rig, skcipher(rig, AES_CBC & ~0xFFF0 | ECB, key, 0, encrypt=True), data, b"", 0)
    assert out == reference(algorithms.AES(key), modes.ECB(), data, True)


@pytest.mark.parametrize("name", CONFIGS)
def test_aes_ctr(name: str) -> None:
    rig = CONFIGS[name]()
    key, iv = rig.random.randbytes(24), rig.random.randbytes(16)
    data = rig.random.randbytes(rig.random.randint(1, 1000))
    desc = skcipher(rig, AES_CTR, key, 16, encrypt=True, iv_offset=16)
    out = crypt(rig, desc, data, iv, 16)
    assert out[:-16] == reference(algorithms.AES(key), modes.CTR(iv), data, True)
    blocks = -(-len(data) // 16)
    counter = (int.from_bytes(iv, "big") + blocks) % (1 << 128)
    assert out[-16:] == counter.to_bytes(16, "big")


@pytest.mark.parametrize("encrypt", [True, False])
@pytest.mark.parametrize("name", CONFIGS)
def test_rfc3686(name: str, encrypt: bool) -> None:
    rig = CONFIGS[name]()
    key, nonce, iv = (rig.random.randbytes(size) for size in (16, 4, 8))
    data = rig.random.randbytes(rig.random.randint(1, 300))
    desc = skcipher(rig, AES_CTR, key, 8, encrypt=encrypt, nonce=nonce, iv_offset=20)
    out = crypt(rig, desc, data, iv, 8)
    block = nonce + iv + bytes((0, 0, 0, 1))
    assert out[: len(data)] == reference(algorithms.AES(key), modes.CTR(block), data, encrypt)


@pytest.mark.parametrize("encrypt", [True, False])
@pytest.mark.parametrize("name", CONFIGS)
def test_xts(name: str, encrypt: bool) -> None:
    rig = CONFIGS[name]()
    key = rig.random.randbytes(32)
    tweak = rig.random.randbytes(8)
    tweak += rig.random.randbytes(8) if rig.config.has_xts_16_byte_iv else bytes(8)
    data = rig.random.randbytes(16 * rig.random.randint(1, 40))
    out = crypt(rig, xts(rig, AES_CBC & ~0xFFF0 | XTS, key, encrypt=encrypt), data, tweak, 16)
    expected = reference(algorithms.AES(key), modes.XTS(tweak), data, encrypt)
    assert out[: len(data)] == expected


@pytest.mark.parametrize("encrypt", [True, False])
@pytest.mark.parametrize(("kind", "size"), [(DES, 8), (DES3, 24)])
def test_des(kind: int, size: int, encrypt: bool) -> None:
    rig = CONFIGS["big-40"]()
    key, iv, data = (rig.random.randbytes(count) for count in (size, 8, 80))
    out = crypt(rig, skcipher(rig, kind | CBC, key, 8, encrypt=encrypt), data, iv, 8)
    full = key * 3 if size == 8 else key
    assert out[:80] == reference(TripleDES(full), modes.CBC(iv), data, encrypt)


def test_chacha20_is_its_own_inverse() -> None:
    rig = CONFIGS["little-40"]()
    key, iv = rig.random.randbytes(32), rig.random.randbytes(16)
    data = rig.random.randbytes(rig.random.randint(1, 500))
    for encrypt in (True, False):
        out = crypt(rig, skcipher(rig, CHACHA, key, 16, encrypt=encrypt), data, iv, 0)
        assert out == reference(algorithms.ChaCha20(key, iv), None, data, True)


def test_in_place_with_one_table_for_both_sequences() -> None:
    """As init_skcipher_job does for src == dst: the output's table is the input's, one entry on."""
    rig = Rig(LS1028A, long_pointers=True, generator=seeded())
    key, iv, data = (rig.random.randbytes(size) for size in (16, 16, 256))
    cut = rig.random.randint(1, 255)
    places = [rig.memory.place(part) for part in (iv, data[:cut], data[cut:])]
    table = rig.table(list(zip(places, (16, cut, 256 - cut), strict=True)))
    # The driver lets the last entry of the output be the IV's.
    entries = [
        rig.entry(places[0], 16),
        rig.entry(places[1], cut),
        rig.entry(places[2], 256 - cut),
        rig.entry(places[0], 16, 0x40000000),
    ]
    rig.memory.poke(table.address, b"".join(entries[:3]))
    address = rig.memory.place(b"".join(entries), align=16)
    desc = skcipher(rig, AES_CBC, key, 16, encrypt=True)
    job = desc.job()
    job.seq_ptr(SEQ_IN, address, 272, table.options)
    job.seq_ptr(SEQ_OUT, address + 16, 272, table.options)
    assert job.run() == 0, rig.deco.fault
    expected = reference(algorithms.AES(key), modes.CBC(iv), data, True)
    out = rig.memory.peek(places[1], cut) + rig.memory.peek(places[2], 256 - cut)
    assert out == expected
    assert rig.memory.peek(places[0], 16) == expected[-16:]
