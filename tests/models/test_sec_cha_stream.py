# SPDX-License-Identifier: MIT
"""DES, ARC4, ChaCha20, Poly1305, their AEAD, CRC and the RNG."""

from __future__ import annotations

import itertools
import zlib

import pytest
import sec_cha_rig as rig
from cryptography.hazmat.decrepit.ciphers import algorithms as old
from cryptography.hazmat.decrepit.ciphers import modes as old_modes
from cryptography.hazmat.primitives.ciphers import Cipher, modes
from cryptography.hazmat.primitives.ciphers.aead import ChaCha20Poly1305
from cryptography.hazmat.primitives.ciphers.algorithms import ChaCha20
from cryptography.hazmat.primitives.poly1305 import Poly1305
from sec_cha_rig import (
    AEAD,
    ARC4,
    CHACHA20,
    CRC,
    DECRYPT,
    DES,
    DES3,
    ENCRYPT,
    FINALIZE,
    ICV,
    ICV_DATA,
    INIT,
    INITFINAL,
    MESSAGE,
    POLY,
    POLY1305,
    RNG,
    UPDATE,
    Bench,
    error_of,
    seeded,
    sizes,
    with_chas,
    word,
)

from models.sec.cha.rng import GENERATE_LIMIT
from models.sec.cha.unit import InputType
from models.sec.config import LS1021A, LS1028A, Cha

DES_MODES = {
    rig.ECB: lambda iv: modes.ECB(),
    rig.CBC: modes.CBC,
    rig.CFB: old_modes.CFB,
    rig.OFB: old_modes.OFB,
}


# DES


def test_des_vector_of_fips_81() -> None:
    bench = Bench()
    bench.key(bytes.fromhex("0123456789abcdef"))
    bench.context(bytes.fromhex("1234567890abcdef"))
    output = bench.run(word(DES, rig.CBC, INIT, ENCRYPT), (MESSAGE, b"Now is the time for all "))
    assert output.hex() == "e5c7cdde872bf27c43e934008c389c0f683788499a7c05f6"
    assert bench.class1.context[:8] == output[-8:]


@pytest.mark.parametrize("mode", DES_MODES)
@pytest.mark.parametrize("direction", [ENCRYPT, DECRYPT])
def test_des_modes_agree_with_the_library(mode: int, direction: int) -> None:
    dice = seeded()
    unit = 8 if mode in (rig.ECB, rig.CBC) else 1
    for size in sizes(dice, 8, unit):
        length = dice.choice((8, 16, 24))
        key, iv, data = dice.randbytes(length), dice.randbytes(8), dice.randbytes(size)
        bench = Bench(seed=dice.getrandbits(32))
        bench.key(key)
        bench.context(iv)
        operation = word(DES if length == 8 else DES3, mode, INITFINAL, direction)
        output = bench.run(operation, (MESSAGE, data))
        whole = key * 3 if length == 8 else (key + key[:8])[:24]
        cipher = Cipher(old.TripleDES(whole), DES_MODES[mode](iv))
        maker = cipher.encryptor() if direction else cipher.decryptor()
        assert output == maker.update(data)
        if mode == rig.CBC and size:
            assert bench.class1.context[:8] == (output if direction else data)[-8:]


def test_des_keys_and_their_parity() -> None:
    bench = Bench()
    bench.key(bytes(16))
    assert error_of(bench.run, word(DES, rig.ECB, INIT, 1), (MESSAGE, bytes(8))) == (2, 3)
    bench.key(bytes(8))
    assert error_of(bench.run, word(DES3, rig.ECB, INIT, 1), (MESSAGE, bytes(8))) == (2, 3)
    bench.run(word(DES, rig.ECB, INIT, 1), (MESSAGE, bytes(8)))
    check = word(DES, rig.ECB | 0x80, INIT, 1)
    assert error_of(bench.run, check, (MESSAGE, bytes(8))) == (2, 9)
    bench.key(b"\x01" * 8)
    bench.run(check, (MESSAGE, bytes(8)))
    assert error_of(bench.run, check, (MESSAGE, bytes(7))) == (2, 2)
    assert error_of(bench.unit, word(DES, 0x50, INIT, 1)) == (2, 1)
    assert error_of(bench.unit, word(0x22, rig.ECB, INIT, 1)) == (2, 1)


# ARC4


def test_arc4_across_jobs() -> None:
    dice = seeded()
    key, data = dice.randbytes(16), dice.randbytes(5000)
    expected = Cipher(old.ARC4(key), None).encryptor().update(data)
    bench = Bench(seed=dice.getrandbits(32))
    bench.key(key)
    assert bench.run(word(ARC4, 0, INITFINAL, ENCRYPT), (MESSAGE, data)) == expected
    bench.key(key)
    output = bench.run(word(ARC4, 0, INIT, ENCRYPT), (MESSAGE, data[:777]))
    output += bench.run(word(ARC4, 0, UPDATE, ENCRYPT), (MESSAGE, data[777:4000]))
    saved, bench.class1.sbox = bench.class1.sbox, b""  # as FIFO STORE and FIFO LOAD carry it
    assert len(saved) == 258
    parts = ((InputType.SBOX, saved), (MESSAGE, data[4000:]))
    output += bench.run(word(ARC4, 0, FINALIZE, ENCRYPT), *parts)
    assert output == expected
    bench.class1.sbox = b""
    assert error_of(bench.run, word(ARC4, 0, UPDATE, 1), (MESSAGE, b"x")) == (3, 3)


# ChaCha20, Poly1305


@pytest.mark.parametrize("direction", [ENCRYPT, DECRYPT])
def test_chacha_as_the_driver_uses_it(direction: int) -> None:
    """IV of 16 bytes at offset 0: counter, nonce. AS is INIT with FINALIZE."""
    dice = seeded()
    for size in sizes(dice, 8):
        key, data = dice.randbytes(32), dice.randbytes(size)
        iv = dice.getrandbits(20).to_bytes(4, "little") + dice.randbytes(12)
        bench = Bench(seed=dice.getrandbits(32))
        bench.key(key)
        bench.context(iv)
        output = bench.run(word(CHACHA20, 0, INITFINAL, direction), (MESSAGE, data))
        assert output == Cipher(ChaCha20(key, iv), None).encryptor().update(data)
        after = int.from_bytes(iv[:4], "little") + -(-size // 64)
        assert bench.class1.context[:4] == after.to_bytes(4, "little")


def test_chacha_key_stream_and_counter_widths() -> None:
    """RFC 8439, 2.3.2, and the wrap of 32 bits, which carries with BC8 only."""
    dice = seeded()
    bench = Bench()
    bench.key(bytes(range(32)))
    bench.context(bytes.fromhex("01000000000000090000004a00000000"))
    stream = bench.run(word(CHACHA20, 1, INIT, ENCRYPT), (MESSAGE, dice.randbytes(64)))
    assert stream[:16].hex() == "10f1e7e4d13b5915500fdd1fa32071c4"
    key, nonce = dice.randbytes(32), dice.randbytes(8)
    for aai, middle in ((0, bytes(4)), (8, b"\1\0\0\0")):
        bench.key(key)
        bench.context(b"\xff\xff\xff\xff" + bytes(4) + nonce)
        output = bench.run(word(CHACHA20, aai, INIT, ENCRYPT), (MESSAGE, bytes(192)))
        wrapped = bytes(4) + middle + nonce
        assert output[64:] == Cipher(ChaCha20(key, wrapped), None).encryptor().update(bytes(128))
        assert bench.class1.context[:8] == b"\2\0\0\0" + middle


def aead_job(bench: Bench, encrypt: bool, aad: bytes, data: bytes, tag: bytes = b"") -> bytes:
    """cnstr_shdsc_chachapoly: class 2 operation, class 1 operation, AAD to both, data; encrypting,
    class 2 gets what class 1 put out."""
    flags = ENCRYPT if encrypt else ICV
    class2 = bench.unit(word(POLY1305, AEAD, INITFINAL, flags))
    class1 = bench.unit(word(CHACHA20, AEAD, INITFINAL, flags & ENCRYPT))
    for unit in (class1, class2):
        assert unit.feed(POLY, aad, flush=True) == b""
    output = b""
    pieces = rig.pieces_of(bench.dice, data)
    for index, piece in enumerate(pieces):
        last = index == len(pieces) - 1
        if not encrypt:
            class2.feed(MESSAGE, piece, last)
        part = class1.feed(MESSAGE, piece, last)
        if last:
            part += class1.finish()
        if encrypt:
            class2.feed(MESSAGE, part, last)
        output += part
    if tag:
        class2.feed(ICV_DATA, tag, True)
    class2.finish()
    return output


def test_chacha_poly_aead() -> None:
    dice = seeded()
    for size, aad_size in itertools.product(sizes(dice, 3), (0, 1, 16, 33)):
        key, nonce = dice.randbytes(32), dice.randbytes(12)
        aad, data = dice.randbytes(aad_size), dice.randbytes(size)
        sealed = ChaCha20Poly1305(key).encrypt(nonce, data, aad)
        cipher, tag = sealed[:-16], sealed[-16:]
        bench = Bench(seed=dice.getrandbits(32))
        bench.key(key)
        bench.context(dice.randbytes(4) + nonce)  # the counter of an earlier job stays there
        assert aead_job(bench, True, aad, data) == cipher
        assert bench.class2.context[:16] == tag
        assert aead_job(bench, False, aad, cipher, tag) == data
        with pytest.raises(rig.ChaError) as caught:
            aead_job(bench, False, aad, cipher, tag[:-1] + bytes([tag[-1] ^ 1]))
        assert (caught.value.cha_id, caught.value.err_id) == (0xE, 0xA)


def test_poly_alone_and_wrongly_paired() -> None:
    dice = seeded()
    key, data = dice.randbytes(32), dice.randbytes(100)
    bench = Bench(seed=dice.getrandbits(32))
    bench.key(key, 2)
    bench.run(word(POLY1305, 0, INITFINAL, ENCRYPT), (MESSAGE, data))
    assert bench.class2.context[:16] == Poly1305.generate_tag(key, data)
    unit = bench.unit(word(POLY1305, AEAD, INITFINAL, ENCRYPT))
    bench.unit(word(rig.AES, rig.CBC, INIT, ENCRYPT))
    assert error_of(unit.feed, POLY, b"") == (0xE, 0xE)
    assert error_of(bench.unit, word(POLY1305, AEAD, INIT, ENCRYPT)) == (0xE, 1)
    assert error_of(bench.unit, word(CHACHA20, 3, INIT, ENCRYPT)) == (0xD, 1)
    bench.key(bytes(16))
    assert error_of(bench.unit(word(CHACHA20, 0, INIT, ENCRYPT)).finish) == (0xD, 3)
    assert error_of(Bench(LS1021A).unit, word(CHACHA20, 0, INIT, ENCRYPT)) == (0xD, 0xF)


# CRC


def test_crcs() -> None:
    dice = seeded()
    for size in sizes(dice, 4, most=5000):
        data = dice.randbytes(size)
        bench = Bench(seed=dice.getrandbits(32))
        bench.run(word(CRC, 1, INITFINAL, ENCRYPT), (MESSAGE, data))
        assert bench.class2.context[:8] == zlib.crc32(data).to_bytes(4, "big") + bytes(4)
        bench.run(word(CRC, 1, INIT, ENCRYPT), (MESSAGE, data[: size // 2]))
        bench.run(word(CRC, 1, FINALIZE, ENCRYPT), (MESSAGE, data[size // 2 :]))
        assert bench.class2.context[:4] == zlib.crc32(data).to_bytes(4, "big")


@pytest.mark.parametrize(
    ("aai", "key", "check"),
    [  # the check values, of "123456789", of the catalogue of parametrised CRC algorithms
        (0x02, "", "e3069283"),  # CRC-32C
        (0x04, "04c11db7", "cbf43926"),  # CRC-32
        (0x34, "04c11db7", "fc891918"),  # CRC-32/BZIP2: not reflected
        (0x74, "04c11db7", "0376e6e7"),  # CRC-32/MPEG-2: not complemented either
        (0xF4, "814141ab", "3010bf7f"),  # CRC-32Q: from zero, too
    ],
)
def test_crc_check_values(aai: int, key: str, check: str) -> None:
    bench = Bench()
    bench.key(bytes.fromhex(key), 2)
    bench.run(word(CRC, aai, INITFINAL, ENCRYPT), (MESSAGE, b"123456789"))
    assert bench.class2.context[:4].hex() == check


# RNG


def rng(aai: int, state: int, flags: int = 0) -> int:
    return word(RNG, aai, state, flags)


def test_rng_handles_live_and_die() -> None:
    """As caam/ctrl.c instantiates both, makes the secure keys, and caamrng.c draws."""
    bench = Bench()
    bench.services.trng_ready = True
    generate = bench.unit(rng(0, UPDATE))
    assert error_of(generate.generate, 16) == (5, 4)
    bench.unit(rng(0, INIT, ICV)).finish()
    assert error_of(bench.unit(rng(0, INIT, ICV)).finish) == (5, 3)
    bench.unit(rng(0x100, UPDATE)).finish()
    assert bench.services.secure_keys_valid
    assert error_of(bench.unit(rng(0x100, UPDATE)).finish) == (5, 9)
    assert len(bench.unit(rng(0, UPDATE, ICV)).generate(100)) == 100
    bench.unit(rng(1, INIT)).finish()
    assert error_of(bench.unit(rng(1, UPDATE, ICV)).generate, 4) == (5, 6)
    bench.unit(rng(0, FINALIZE)).finish()
    bench.unit(rng(0, INITFINAL)).finish()
    assert error_of(bench.unit(rng(0, FINALIZE)).finish) == (5, 4)
    assert error_of(bench.unit(rng(0, INITFINAL)).finish) == (5, 8)
    assert len(bench.unit(rng(1, UPDATE)).generate(7)) == 7
    assert error_of(bench.unit(rng(2, UPDATE)).generate, 7) == (5, 4)


def test_rng_shapes_its_bytes() -> None:
    bench = Bench()
    bench.services.trng_ready = True
    bench.unit(rng(0, INIT)).finish()
    plain = bench.unit(rng(0, UPDATE)).generate(4096)
    assert 0 in plain
    nonzero = bench.unit(rng(0x10, UPDATE)).generate(4096)
    assert len(nonzero) == 4096
    assert 0 not in nonzero
    odd = bench.unit(rng(0x20, UPDATE)).generate(4096)
    assert all(byte.bit_count() % 2 for byte in odd)
    assert len(set(odd)) == 128


def test_rng_errors() -> None:
    bench = Bench()
    bench.services.trng_ready = True
    bench.unit(rng(0, INIT)).finish()
    unit = bench.unit(rng(0, UPDATE))
    assert error_of(unit.generate, GENERATE_LIMIT + 1) == (5, 2)
    assert error_of(unit.feed, MESSAGE, b"x") == (5, 6)
    assert error_of(bench.unit(rng(0, INITFINAL)).generate, 1) == (5, 1)
    assert error_of(bench.unit, rng(0x04, UPDATE)) == (5, 1)
    bench.services.generate = lambda handle, size, **_: bytes(size)  # type: ignore[method-assign]
    assert error_of(bench.unit(rng(0x10, UPDATE)).generate, 8) == (5, 0xC)


# What a part lacks


@pytest.mark.parametrize("algorithm", [0x60, 0x70, 0xA0, 0xB0, 0xC0, 0x80, 0xF0, 0x00])
def test_absent_units(algorithm: int) -> None:
    for cls in (1, 2):
        cha, error = error_of(Bench().unit, word(algorithm, 0, INIT, 1, cls))
        assert error == 0xF
        assert cha == (algorithm >> 4 if algorithm != 0xF0 else 0)


@pytest.mark.parametrize(
    ("name", "algorithm"),
    [("aes", 0x10), ("des", 0x20), ("arc4", 0x30), ("md", 0x43), ("rng", 0x50), ("crc", 0x90)],
)
def test_a_unit_with_no_instance_is_absent(name: str, algorithm: int) -> None:
    aai = 1 if algorithm == CRC else 0x20 if algorithm < 0x30 else 0
    operation = word(algorithm, aai, INIT, 1)
    Bench(LS1028A).unit(operation)
    poor = with_chas(LS1028A, **{name: Cha()})
    assert error_of(Bench(poor).unit, operation) == (algorithm >> 4, 0xF)
