# SPDX-License-Identifier: MIT
"""AES in every mode of the SEC, against the standards' vectors and the library."""

from __future__ import annotations

import pytest
import sec_cha_rig as rig
from cryptography.hazmat.decrepit.ciphers import modes as old_modes
from cryptography.hazmat.primitives.ciphers import Cipher, modes
from cryptography.hazmat.primitives.ciphers.aead import AESCCM, AESGCM
from cryptography.hazmat.primitives.ciphers.algorithms import AES as LibraryAes
from cryptography.hazmat.primitives.cmac import CMAC as LibraryCmac
from sec_cha_rig import (
    AAD,
    AES,
    DECRYPT,
    ENCRYPT,
    FINALIZE,
    ICV,
    ICV_DATA,
    INIT,
    INITFINAL,
    IV,
    MESSAGE,
    UPDATE,
    Bench,
    error_of,
    seeded,
    sizes,
    word,
)

from models.sec.config import IMX8MM, LS1046A

KEYS = (16, 24, 32)
CHAINED = {
    rig.ECB: lambda iv: modes.ECB(),
    rig.CBC: modes.CBC,
    rig.CFB: old_modes.CFB,
    rig.OFB: old_modes.OFB,
    rig.CTR: modes.CTR,
}


def library(key: bytes, mode: object, data: bytes, encrypt: bool) -> bytes:
    cipher = Cipher(LibraryAes(key), mode)
    return (cipher.encryptor() if encrypt else cipher.decryptor()).update(data)


@pytest.mark.parametrize(
    ("key", "text", "cipher"),
    [
        (  # FIPS 197, appendix C.1
            "000102030405060708090a0b0c0d0e0f",
            "00112233445566778899aabbccddeeff",
            "69c4e0d86a7b0430d8cdb78070b4c55a",
        ),
        (  # C.3
            "000102030405060708090a0b0c0d0e0f101112131415161718191a1b1c1d1e1f",
            "00112233445566778899aabbccddeeff",
            "8ea2b7ca516745bfeafc49904b496089",
        ),
    ],
)
def test_block_of_the_standard(key: str, text: str, cipher: str) -> None:
    bench = Bench()
    bench.key(bytes.fromhex(key))
    output = bench.run(word(AES, rig.ECB, INITFINAL, ENCRYPT), (MESSAGE, bytes.fromhex(text)))
    assert output.hex() == cipher


@pytest.mark.parametrize("mode", CHAINED)
@pytest.mark.parametrize("direction", [ENCRYPT, DECRYPT])
def test_chained_modes_agree_with_the_library(mode: int, direction: int) -> None:
    dice = seeded()
    unit = 16 if mode in (rig.ECB, rig.CBC) else 1
    offset = 16 if mode == rig.CTR else 0
    for size in sizes(dice, 12, unit):
        bench = Bench(seed=dice.getrandbits(32))
        key, iv, data = dice.randbytes(dice.choice(KEYS)), dice.randbytes(16), dice.randbytes(size)
        bench.key(key)
        bench.context(iv, offset)
        state = dice.choice((INIT, INITFINAL, UPDATE, FINALIZE))
        output = bench.run(word(AES, mode, state, direction), (MESSAGE, data))
        assert output == library(key, CHAINED[mode](iv), data, bool(direction)), size


@pytest.mark.parametrize("mode", CHAINED)
@pytest.mark.parametrize("direction", [ENCRYPT, DECRYPT])
def test_the_context_carries_a_message_from_job_to_job(mode: int, direction: int) -> None:
    dice = seeded()
    offset = 16 if mode == rig.CTR else 0
    key, iv = dice.randbytes(16), b"\xff" * 15 + b"\xfe"
    data = dice.randbytes(16 * 40)
    output, context, place = b"", bytearray(128), 0
    context[offset : offset + 16] = iv
    while place < len(data):
        bench = Bench(seed=dice.getrandbits(32))
        bench.key(key)
        bench.context(bytes(context))
        part = data[place : place + 16 * dice.randint(1, 9)]
        output += bench.run(word(AES, mode, UPDATE, direction), (MESSAGE, part))
        context = bench.class1.context
        place += len(part)
    assert output == library(key, CHAINED[mode](iv), data, bool(direction))


def test_a_part_of_a_block_counts_as_a_block_of_counter() -> None:
    bench = Bench()
    bench.key(bytes(16))
    bench.context(bytes(15) + b"\x05", 16)
    bench.run(word(AES, rig.CTR, INIT, ENCRYPT), (MESSAGE, bytes(33)))
    assert bench.class1.context[16:32] == bytes(15) + b"\x08"


@pytest.mark.parametrize("bits", range(8, 121, 8))
def test_narrow_counters_wrap(bits: int) -> None:
    dice = seeded()
    key, blocks = dice.randbytes(16), 600 if bits == 8 else 5
    start = int.from_bytes(dice.randbytes(16), "big") | (1 << bits) - 3
    start -= 0 if start & 2 else 1
    bench = Bench(seed=dice.getrandbits(32))
    bench.key(key)
    bench.context(start.to_bytes(16, "big"), 16)
    output = bench.run(word(AES, bits // 8, INIT, ENCRYPT), (MESSAGE, bytes(16 * blocks)))
    mask = (1 << bits) - 1
    counters = [start & ~mask | start + n & mask for n in range(blocks + 1)]
    stream = b"".join(counter.to_bytes(16, "big") for counter in counters)
    assert output == library(key, modes.ECB(), stream, True)[:-16]
    assert bench.class1.context[16:32] == stream[-16:]


def test_decrypt_keys_are_made_once_and_used_again() -> None:
    dice = seeded()
    for mode in (rig.ECB, rig.CBC):
        for size in KEYS:
            key, data = dice.randbytes(size), dice.randbytes(64)
            bench = Bench()
            bench.key(key)
            first = bench.run(word(AES, mode, INIT, DECRYPT), (MESSAGE, data))
            assert bench.class1.key != key
            bench.class1.clear_context()
            assert bench.run(word(AES, mode | rig.DK, INIT, DECRYPT), (MESSAGE, data)) == first
            assert bench.run(word(AES, mode | rig.DK, INIT, DECRYPT), (MESSAGE, data)) != bytes(64)


@pytest.mark.parametrize(
    ("key", "end"),
    [  # FIPS 197, appendix A.1 and A.3
        ("2b7e151628aed2a6abf7158809cf4f3c", "d014f9a8c9ee2589e13f0cc8b6630ca6"),
        (
            "603deb1015ca71be2b73aef0857d77811f352c073b6108d72d9810a30914dff4",
            "cafaaae3e4d59b349adf6acebd10190dfe4890d1e6188d0b046df344706c631e",
        ),
    ],
)
def test_decrypt_form_is_the_end_of_the_key_schedule(key: str, end: str) -> None:
    bench = Bench()
    bench.key(bytes.fromhex(key))
    bench.run(word(AES, rig.ECB, INIT, DECRYPT), (MESSAGE, bytes(16)))
    assert bench.class1.key.hex() == end


# XTS


def xts_bench(key: bytes, index: bytes, sector: int, **keywords: object) -> Bench:
    bench = Bench(**keywords)
    bench.key(key)
    bench.context(index[:8], 0x20)
    bench.context(sector.to_bytes(8, "big"), 0x28)
    bench.context(index[8:], 0x30)
    return bench


def test_xts_vectors_of_ieee_1619() -> None:
    bench = xts_bench(bytes(32), bytes(16), 1 << 15)  # vector 1, both keys equal
    output = bench.run(word(AES, rig.XTS, INITFINAL, ENCRYPT), (MESSAGE, bytes(32)))
    assert output.hex() == ("917cf69ebd68b2ec9b9fe9a3eadda692cd43d2f59598ed858c02c2652fbf922e")
    key = bytes.fromhex("fffefdfcfbfaf9f8f7f6f5f4f3f2f1f0bfbebdbcbbbab9b8b7b6b5b4b3b2b1b0")
    bench = xts_bench(key, bytes.fromhex("9a78563412").ljust(16, b"\0"), 1 << 15)  # vector 15
    output = bench.run(word(AES, rig.XTS, INITFINAL, ENCRYPT), (MESSAGE, bytes(range(17))))
    assert output.hex() == "6c1625db4671522d3d7599601de7ca09ed"


@pytest.mark.parametrize("direction", [ENCRYPT, DECRYPT])
def test_xts_agrees_with_the_library_sector_by_sector(direction: int) -> None:
    dice = seeded()
    for _ in range(12):
        key, index = dice.randbytes(dice.choice((32, 64))), dice.randbytes(8) + bytes(8)
        sector = dice.choice((512, 520, 4096, 1 << 15))
        data = dice.randbytes(dice.randint(16, 3 * sector))
        if 0 < len(data) % sector < 16:
            data = data[: -(len(data) % sector)] or dice.randbytes(sector)
        bench = xts_bench(key, index, sector, seed=dice.getrandbits(32))
        output = bench.run(word(AES, rig.XTS, INITFINAL, direction), (MESSAGE, data))
        expected, number = b"", int.from_bytes(index, "little")
        for place in range(0, len(data), sector):
            tweak = (number + place // sector).to_bytes(16, "little")
            part = data[place : place + sector]
            expected += library(key, modes.XTS(tweak), part, bool(direction))
        assert output == expected
        after = number + len(data) // sector
        assert bench.class1.context[0x20:0x28] == after.to_bytes(16, "little")[:8]


@pytest.mark.parametrize("size", [16, 17, 31, 32, 47, 100])
def test_xts_with_equal_keys_goes_there_and_back(size: int) -> None:
    dice = seeded()
    half, data = dice.randbytes(16), dice.randbytes(size)
    there = xts_bench(half * 2, bytes(16), 0).run(
        word(AES, rig.XTS, INITFINAL, ENCRYPT), (MESSAGE, data)
    )
    bench = xts_bench(half * 2, bytes(16), 0)
    assert bench.run(word(AES, rig.XTS, INIT, DECRYPT), (MESSAGE, there)) == data
    bench.context(bytes(8), 0x20)
    operation = word(AES, rig.XTS | rig.DK, INIT, DECRYPT)
    assert bench.run(operation, (MESSAGE, there)) == data


def test_xts_index_has_16_bytes_from_era_9_on() -> None:
    dice = seeded()
    key, index, data = dice.randbytes(32), dice.randbytes(16), dice.randbytes(64)
    operation = word(AES, rig.XTS, INITFINAL, ENCRYPT)
    wide = xts_bench(key, index, 512).run(operation, (MESSAGE, data))
    assert wide == library(key, modes.XTS(index), data, True)
    narrow = xts_bench(key, index, 512, config=LS1046A).run(operation, (MESSAGE, data))
    assert narrow == library(key, modes.XTS(index[:8] + bytes(8)), data, True)
    assert error_of(Bench(IMX8MM).unit, operation) == (1, 1)


# MACs


def cmac(key: bytes, data: bytes) -> bytes:
    mac = LibraryCmac(LibraryAes(key))
    mac.update(data)
    return mac.finalize()


def xcbc(key: bytes, data: bytes) -> bytes:
    """RFC 3566, section 4, word for word."""
    keys = [library(key, modes.ECB(), bytes([n]) * 16, True) for n in (1, 2, 3)]
    blocks = [data[i : i + 16] for i in range(0, len(data), 16)] or [b""]
    state = bytes(16)
    for block in blocks[:-1]:
        mixed = bytes(a ^ b for a, b in zip(state, block, strict=True))
        state = library(keys[0], modes.ECB(), mixed, True)
    whole = len(blocks[-1]) == 16
    block = blocks[-1] if whole else (blocks[-1] + b"\x80").ljust(16, b"\0")
    mask = keys[1 if whole else 2]
    mixed = bytes(a ^ b ^ c for a, b, c in zip(state, block, mask, strict=True))
    return library(keys[0], modes.ECB(), mixed, True)


def test_xcbc_vector_of_rfc_3566() -> None:
    bench = Bench()
    bench.key(bytes(range(16)))
    bench.run(word(AES, rig.XCBC, INITFINAL, ENCRYPT), (MESSAGE, bytes(range(20))))
    assert bench.class1.context[:16].hex() == "47f51b4564966215b8985c63055ed308"


@pytest.mark.parametrize(("mode", "expected"), [(rig.CMAC, cmac), (rig.XCBC, xcbc)])
def test_macs_in_one_piece_and_in_many(mode: int, expected: object) -> None:
    dice = seeded()
    for size in sizes(dice, 10, most=2000):
        key = dice.randbytes(dice.choice(KEYS) if mode == rig.CMAC else 16)
        data = dice.randbytes(size)
        bench = Bench(seed=dice.getrandbits(32))
        bench.key(key)
        bench.run(word(AES, mode, INITFINAL, ENCRYPT), (MESSAGE, data))
        assert bench.class1.context[:16] == expected(key, data)  # type: ignore[operator]
        if size <= 16:
            continue
        context, place, state = bytes(128), 0, INIT
        chain_key = key
        while place < size:
            blocks = 16 * dice.randint(0, 9)
            left = size - place
            if blocks >= left:
                blocks, state = left, FINALIZE if state == UPDATE else INITFINAL
            bench = Bench(seed=dice.getrandbits(32))
            bench.key(chain_key)
            bench.context(context)
            bench.run(word(AES, mode, state, ENCRYPT), (MESSAGE, data[place : place + blocks]))
            # what the driver saves: 32 bytes for CMAC, 48 and the key for XCBC
            saved = 32 if mode == rig.CMAC else 48
            context = bytes(bench.class1.context[:saved]).ljust(128, b"\xee")
            chain_key = bench.class1.key
            place += blocks
            state = UPDATE
        assert context[:16] == expected(key, data)  # type: ignore[operator]


def test_macs_check_an_icv() -> None:
    bench = Bench()
    bench.key(bytes(16))
    tag = cmac(bytes(16), b"data")
    operation = word(AES, rig.CMAC, INITFINAL, ICV)
    bench.run(operation, (MESSAGE, b"data"), (ICV_DATA, tag[:12]))
    wrong = tag[:11] + bytes([tag[11] ^ 1])
    assert error_of(bench.run, operation, (MESSAGE, b"data"), (ICV_DATA, wrong)) == (1, 0xA)


# GCM


def gcm(key: bytes, iv: bytes, aad: bytes, data: bytes) -> tuple[bytes, bytes]:
    """Ciphertext and tag by the library; its IVs have at least 8 bytes."""
    sealed = AESGCM(key).encrypt(iv, data, aad)
    return sealed[:-16], sealed[-16:]


def test_gcm_vector_of_its_specification() -> None:
    bench = Bench()
    bench.key(bytes.fromhex("feffe9928665731c6d6a8f9467308308"))  # test case 5: IV of 8 bytes
    data = bytes.fromhex(
        "d9313225f88406e5a55909c5aff5269a86a7a9531534f7da2e4c303d8a318a72"
        "1c3c0c95956809532fcf0e2449a6b525b16aedf5aa0de657ba637b39"
    )
    aad = bytes.fromhex("feedfacedeadbeeffeedfacedeadbeefabaddad2")
    iv = bytes.fromhex("cafebabefacedbad")
    operation = word(AES, rig.GCM, INITFINAL, ENCRYPT)
    output = bench.run(operation, (IV, iv), (AAD, aad), (MESSAGE, data))
    assert output[:16].hex() == "61353b4c2806934a777ff51fa22a4755"
    assert bench.class1.context[:16].hex() == "3612d2e79e3b0785561be14aaca2fccb"


@pytest.mark.parametrize("iv_size", [12, 8, 16, 60, 128])
def test_gcm_both_ways(iv_size: int) -> None:
    dice = seeded()
    for size in sizes(dice, 6):
        key, iv = dice.randbytes(dice.choice(KEYS)), dice.randbytes(iv_size)
        aad, data = dice.randbytes(dice.choice((0, 1, 16, 20, 500))), dice.randbytes(size)
        cipher, tag = gcm(key, iv, aad, data)
        bench = Bench(seed=dice.getrandbits(32))
        bench.key(key)
        operation = word(AES, rig.GCM, INITFINAL, ENCRYPT)
        assert bench.run(operation, (IV, iv), (AAD, aad), (MESSAGE, data)) == cipher
        assert bench.class1.context[:16] == tag
        operation = word(AES, rig.GCM, INITFINAL, ICV)
        parts = [(IV, iv), (AAD, aad), (MESSAGE, cipher), (ICV_DATA, tag[: dice.choice((8, 16))])]
        assert bench.run(operation, *parts) == data
        parts[-1] = (ICV_DATA, bytes([tag[0] ^ 0x80]) + tag[1:])
        assert error_of(bench.run, operation, *parts) == (1, 0xA)


def test_gcm_without_message_or_without_anything_ends_with_what_is_last() -> None:
    dice = seeded()
    key, iv, aad = dice.randbytes(16), dice.randbytes(12), dice.randbytes(20)
    operation = word(AES, rig.GCM, INITFINAL, ENCRYPT)
    for text in (aad, b""):
        bench = Bench()
        bench.key(key)
        bench.run(operation, (IV, iv), *([(AAD, text)] if text else []))
        assert bench.class1.context[:16] == gcm(key, iv, text, b"")[1]


@pytest.mark.parametrize("direction", [ENCRYPT, DECRYPT])
@pytest.mark.parametrize("iv_size", [12, 8, 16])
def test_gcm_running_context(direction: int, iv_size: int) -> None:
    dice = seeded()
    key, iv = dice.randbytes(32), dice.randbytes(iv_size)
    aad, data = dice.randbytes(45), dice.randbytes(16 * 60 + dice.randint(0, 15))
    cipher, tag = gcm(key, iv, aad, data)
    source, target = (data, cipher) if direction else (cipher, data)
    bench = Bench(seed=dice.getrandbits(32))
    bench.key(key)
    bench.run(word(AES, rig.GCM, INIT, direction), (IV, iv), (AAD, aad[:32]))
    output, place = b"", 0
    first = True
    while place < len(source):
        context = bytes(bench.class1.context[:64])  # what OP-TEE saves: 8 double words
        bench = Bench(seed=dice.getrandbits(32))
        bench.key(key)
        bench.context(context)
        if first:
            bench.run(word(AES, rig.GCM, UPDATE, direction), (AAD, aad[32:]))
            first = False
            continue
        size = 16 * dice.randint(1, 20)
        state = FINALIZE if place + size >= len(source) else UPDATE
        part = source[place : place + size]
        output += bench.run(word(AES, rig.GCM, state, direction), (MESSAGE, part))
        place += size
    assert output == target
    assert bench.class1.context[:16] == tag


def test_gcm_counter_rolls_over() -> None:
    """A running context whose counter is about to wrap its 32 bits."""
    dice = seeded()
    key, y0, data = dice.randbytes(16), dice.randbytes(12) + b"\xff\xff\xff\xfd", bytes(16 * 6)
    bench = Bench(seed=dice.getrandbits(32))
    bench.key(key)
    bench.context(bytes(16) + y0 + y0 + bytes(16))
    output = bench.run(word(AES, rig.GCM, UPDATE, ENCRYPT), (MESSAGE, data))
    counters = [y0[:12] + (0xFFFFFFFE + n & 0xFFFFFFFF).to_bytes(4, "big") for n in range(6)]
    assert output == library(key, modes.ECB(), b"".join(counters), True)
    assert bench.class1.context[16:32] == counters[-1]


def test_gcm_refuses_what_is_out_of_order() -> None:
    bench = Bench()
    bench.key(bytes(16))
    operation = word(AES, rig.GCM, INITFINAL, ENCRYPT)
    assert error_of(bench.run, operation, (MESSAGE, b"x")) == (1, 2)  # no IV
    parts = ((IV, bytes(12)), (MESSAGE, b"x"), (AAD, b"y"))
    assert error_of(bench.run, operation, *parts) == (1, 6)
    unit = bench.unit(operation)
    unit.feed(IV, bytes(12), True)
    assert error_of(unit.feed, AAD, b"late") == (1, 6)
    assert error_of(Bench().unit(word(AES, rig.GCM, INITFINAL, ENCRYPT)).finish) == (1, 3)
    missing = bench.unit(word(AES, rig.GCM, INITFINAL, ICV))
    missing.feed(IV, bytes(12), True)
    assert missing.wants_icv
    assert error_of(missing.finish) == (1, 0xA)


# CCM


def ccm_blocks(nonce: bytes, tag: int, aad: bytes, size: int) -> tuple[bytes, bytes, bytes]:
    """B0, CTR0 and the encoded AAD (SP 800-38C, A.2)."""
    q = 15 - len(nonce)
    flags = (0x40 if aad else 0) | (tag - 2) // 2 << 3 | q - 1
    head = len(aad).to_bytes(2, "big") if 0 < len(aad) < 0xFF00 else b""
    b0 = bytes([flags]) + nonce + size.to_bytes(q, "big")
    return b0, bytes([q - 1]) + nonce + bytes(q), head + aad


def test_ccm_example_1_of_sp_800_38c() -> None:
    bench = Bench()
    bench.key(bytes(range(0x40, 0x50)))
    b0, ctr0, aad = ccm_blocks(bytes(range(0x10, 0x17)), 4, bytes(range(8)), 4)
    bench.context(b0 + ctr0)
    operation = word(AES, rig.CCM, INITFINAL, ENCRYPT)
    output = bench.run(operation, (AAD, aad), (MESSAGE, bytes(range(0x20, 0x24))))
    assert (output + bench.class1.context[32:36]).hex() == "7162015b4dac255d"


def test_ccm_both_ways_and_in_pieces() -> None:
    dice = seeded()
    for size in sizes(dice, 6):
        key, nonce = dice.randbytes(dice.choice(KEYS)), dice.randbytes(dice.randint(7, 12))
        tag_size = dice.choice((4, 8, 12, 16))
        aad, data = dice.randbytes(dice.choice((0, 1, 14, 200))), dice.randbytes(size)
        sealed = AESCCM(key, tag_size).encrypt(nonce, data, aad) if size < 1 << 16 else b""
        b0, ctr0, encoded = ccm_blocks(nonce, tag_size, aad, size)
        if not sealed:
            sealed = AESCCM(key, tag_size).encrypt(nonce, data, aad)
        cipher, tag = sealed[:size], sealed[size:]
        bench = Bench(seed=dice.getrandbits(32))
        bench.key(key)
        bench.context(b0 + ctr0)
        operation = word(AES, rig.CCM, INITFINAL, ENCRYPT)
        assert bench.run(operation, (AAD, encoded), (MESSAGE, data)) == cipher
        assert bench.class1.context[32 : 32 + tag_size] == tag
        bench.context(b0 + ctr0)
        operation = word(AES, rig.CCM, INITFINAL, ICV)
        parts = [(AAD, encoded), (MESSAGE, cipher), (ICV_DATA, tag)]
        assert bench.run(operation, *parts) == data
        bench.context(b0 + ctr0)
        parts[-1] = (ICV_DATA, bytes([tag[0] ^ 1]) + tag[1:])
        assert error_of(bench.run, operation, *parts) == (1, 0xA)
        # INIT with the AAD, UPDATEs, FINALIZE
        bench.context(b0 + ctr0)
        bench.run(word(AES, rig.CCM, INIT, ENCRYPT), (AAD, encoded))
        cut = dice.randint(0, size // 16) * 16
        output = bench.run(word(AES, rig.CCM, UPDATE, ENCRYPT), (MESSAGE, data[:cut]))
        context = bytes(bench.class1.context[:56])  # 7 double words
        bench.class1.clear_context()
        bench.context(context)
        output += bench.run(word(AES, rig.CCM, FINALIZE, ENCRYPT), (MESSAGE, data[cut:]))
        assert output == cipher
        assert bench.class1.context[32 : 32 + tag_size] == tag


def test_ccm_decryption_leaves_mac_and_mask_for_software() -> None:
    dice = seeded()
    key, nonce, data = dice.randbytes(16), dice.randbytes(12), dice.randbytes(50)
    sealed = AESCCM(key, 16).encrypt(nonce, data, None)
    b0, ctr0, _ = ccm_blocks(nonce, 16, b"", 50)
    bench = Bench()
    bench.key(key)
    bench.context(b0 + ctr0)
    bench.run(word(AES, rig.CCM, INITFINAL, DECRYPT), (MESSAGE, sealed[:50]))
    context = bench.class1.context
    assert bytes(a ^ b for a, b in zip(context[:16], context[32:48], strict=True)) == sealed[50:]


# Errors


@pytest.mark.parametrize("mode", [rig.ECB, rig.CBC, rig.CTR, rig.CFB, rig.OFB, rig.CMAC, rig.GCM])
def test_key_sizes(mode: int) -> None:
    for size in (0, 15, 17, 31, 33, 64):
        bench = Bench()
        bench.key(bytes(size))
        assert error_of(bench.unit(word(AES, mode, INITFINAL, ENCRYPT)).finish) == (1, 3)


def test_parts_of_blocks() -> None:
    for mode, size in ((rig.ECB, 17), (rig.CBC, 15)):
        bench = Bench()
        bench.key(bytes(16))
        operation = word(AES, mode, INITFINAL, ENCRYPT)
        assert error_of(bench.run, operation, (MESSAGE, bytes(size))) == (1, 2)
    bench = Bench()
    bench.key(bytes(16))
    assert error_of(bench.run, word(AES, rig.CMAC, INIT, ENCRYPT), (MESSAGE, bytes(15))) == (1, 2)
    bench = xts_bench(bytes(32), bytes(16), 512)
    assert error_of(bench.run, word(AES, rig.XTS, INIT, ENCRYPT), (MESSAGE, bytes(15))) == (1, 2)


@pytest.mark.parametrize("aai", [0x11, 0x51, 0xA0, 0xB0, 0xF0, 0x110 | 1, 0x190, 0x100])
def test_modes_there_are_not(aai: int) -> None:
    assert error_of(Bench().unit, word(AES, aai, INIT, DECRYPT)) == (1, 1)


def test_decrypt_key_is_for_decryption() -> None:
    assert error_of(Bench().unit, word(AES, rig.CBC | rig.DK, INIT, ENCRYPT)) == (1, 1)
