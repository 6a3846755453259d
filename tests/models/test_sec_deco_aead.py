# SPDX-License-Identifier: MIT
"""The caam driver's AEAD jobs, against the `cryptography` package and the standard library."""

from __future__ import annotations

from collections.abc import Callable

import pytest
from cryptography.hazmat.decrepit.ciphers.algorithms import TripleDES
from cryptography.hazmat.primitives.ciphers import Cipher as Reference
from cryptography.hazmat.primitives.ciphers import algorithms, modes
from cryptography.hazmat.primitives.ciphers.aead import AESGCM, ChaCha20Poly1305
from sec_deco_driver_rig import (
    AES_CBC,
    AES_CTR,
    Cipher,
    aead_null,
    append_authenc,
    append_chachapoly,
    append_gcm,
    auth_key,
    authenc,
    authenc_generate_iv,
    chachapoly,
    digest,
    gcm,
    hmac,
    rfc4106,
    rfc4543,
)
from sec_deco_rig import (
    BOTH,
    CBC,
    CLASS1,
    CLASS2,
    CONFIGS,
    CTX,
    DES3,
    ENCRYPT,
    FIFO_STORE,
    INITFINAL,
    LAST1,
    LAST2,
    LOAD,
    MD5,
    MSG,
    MSG1OUT2,
    OP1,
    OP2,
    SEQ_FIFO_LOAD,
    SEQ_IN,
    SEQ_OUT,
    SHA1,
    SHA224,
    SHA256,
    SHA384,
    SHA512,
    STORE,
    STORE_MSG,
    Job,
    Rig,
    Shared,
)

HASHES = {"md5": MD5, "sha1": SHA1, "sha224": SHA224, "sha256": SHA256, "sha384": SHA384,
          "sha512": SHA512}  # fmt: skip
ICV_FAILED = 0x2000000A


def run(
    rig: Rig,
    desc: Shared,
    source: bytes,
    size: int,
    append: Callable[[Job], None] | None = None,
    *,
    in_place: bool = False,
    follows: bool = False,
) -> tuple[int, bytes]:
    """A job of init_aead_job from `source` to `size` bytes; its status and what it wrote."""
    room = max(size, len(source))
    scatter = bool(rig.random.randint(0, 1))
    src = rig.buffer(source.ljust(room, b"\0") if in_place else source, scatter=scatter)
    dst = src if in_place else rig.buffer(bytes(size), scatter=bool(rig.random.randint(0, 1)))
    job = desc.job()
    job.seq_ptr(SEQ_IN, src.address, len(source), src.options)
    job.seq_ptr(SEQ_OUT, dst.address, size, dst.options)
    if append is not None:
        append(job)
    status = job.run(follows=follows)
    return status, rig.content(dst)[:size]


def check_decryption(
    rig: Rig,
    desc: Shared,
    sealed: bytes,
    opened: bytes,
    assoc: int,
    append: Callable[[Job], None] | None,
) -> None:
    """`sealed` opens; with any bit of it changed it does not. What lies before `assoc` in the
    output is not written by every descriptor."""
    status, out = run(rig, desc, sealed, len(opened), append)
    assert status == 0, rig.deco.fault
    assert out[assoc:] == opened[assoc:]
    place = rig.random.randrange(len(sealed))
    wrong = bytearray(sealed)
    wrong[place] ^= 1 << rig.random.randrange(8)
    status, _ = run(rig, desc, bytes(wrong), len(opened), append)
    assert status & 0xF000000F == ICV_FAILED, f"{status:#x}, byte {place}"


@pytest.mark.parametrize("name", CONFIGS)
@pytest.mark.parametrize("algorithm", HASHES)
def test_hmac_with_a_null_cipher(name: str, algorithm: str) -> None:
    rig = CONFIGS[name]()
    kind = HASHES[algorithm]
    plain = rig.random.randbytes(rig.random.randint(1, 60))
    key = auth_key(rig, kind, plain)
    icv = rig.random.choice((12, 16))
    data = rig.random.randbytes(rig.random.randint(1, 400))
    tag = hmac(kind, plain, data)[:icv]
    status, out = run(rig, aead_null(rig, key, icv, encrypt=True), data, len(data) + icv)
    assert status == 0, rig.deco.fault
    assert out == data + tag
    check_decryption(
        rig,
        aead_null(rig, auth_key(rig, kind, plain), icv, encrypt=False),
        data + tag,
        data,
        0,
        None,
    )


def encrypt_block(cipher: Cipher, iv: bytes, data: bytes) -> bytes:
    algorithm = (
        TripleDES(cipher.key) if cipher.kind & 0xFF << 16 == DES3 else algorithms.AES(cipher.key)
    )
    mode: modes.Mode = modes.CBC(iv)
    if cipher.iv_offset:
        mode = modes.CTR(cipher.nonce + iv + bytes((0, 0, 0, 1)) if cipher.nonce else iv)
    context = Reference(algorithm, mode).encryptor()
    return context.update(data) + context.finalize()


def some_cipher(rig: Rig, name: str) -> Cipher:
    size = rig.random.choice((16, 24, 32))
    return {
        "cbc-aes": Cipher(AES_CBC, rig.random.randbytes(size), 16),
        "ctr-aes": Cipher(AES_CTR, rig.random.randbytes(size), 16),
        "rfc3686": Cipher(AES_CTR, rig.random.randbytes(size), 8, rig.random.randbytes(4)),
        "cbc-3des": Cipher(DES3 | CBC, rig.random.randbytes(24), 8),
    }[name]


CIPHERS = ("cbc-aes", "ctr-aes", "rfc3686", "cbc-3des")


@pytest.mark.parametrize("cipher_name", CIPHERS)
@pytest.mark.parametrize("name", CONFIGS)
def test_authenc(name: str, cipher_name: str) -> None:
    rig = CONFIGS[name]()
    for kind in HASHES.values():
        cipher = some_cipher(rig, cipher_name)
        plain_key = rig.random.randbytes(rig.random.randint(1, 64))
        # The driver puts keys behind pointers where the descriptor gets too long.
        inline = kind not in (SHA384, SHA512) and len(cipher.key) == 16
        iv = rig.random.randbytes(cipher.iv_size)
        assoc = rig.random.randbytes(rig.random.randint(0, 40))
        plain = rig.random.randbytes(16 * rig.random.randint(0, 20))
        secret = encrypt_block(cipher, iv, plain)
        icv = 12
        tag = hmac(kind, plain_key, assoc + secret)[:icv]

        def append(
            job: Job, cipher: Cipher = cipher, size: int = len(assoc), iv: bytes = iv
        ) -> None:
            append_authenc(job, cipher, size, iv)

        key = auth_key(rig, kind, plain_key, inline)
        desc = authenc(rig, cipher, key, icv, encrypt=True)
        for follows in (False, True):
            status, out = run(
                rig, desc, assoc + plain, len(assoc + plain) + icv, append, follows=follows
            )
            assert status == 0, rig.deco.fault
            assert rig.deco.machine.is_shared is follows
            assert out[len(assoc) :] == secret + tag
        key = auth_key(rig, kind, plain_key, inline)
        desc = authenc(rig, cipher, key, icv, encrypt=False)
        check_decryption(rig, desc, assoc + secret + tag, assoc + plain, len(assoc), append)


@pytest.mark.parametrize("cipher_name", CIPHERS)
@pytest.mark.parametrize("name", CONFIGS)
def test_authenc_that_makes_its_iv(name: str, cipher_name: str) -> None:
    """echainiv and seqiv: the IV's place is the first thing in the data."""
    rig = CONFIGS[name]()
    cipher = some_cipher(rig, cipher_name)
    plain_key = rig.random.randbytes(20)
    assoc = rig.random.randbytes(rig.random.randint(1, 30))
    plain = rig.random.randbytes(16 * rig.random.randint(1, 10))
    given = rig.random.randbytes(cipher.iv_size)
    key = auth_key(rig, SHA1, plain_key, len(cipher.key) == 16)
    desc = authenc_generate_iv(rig, cipher, key, 12)
    place = bytes(cipher.iv_size)
    source = assoc + place + plain

    def append(job: Job) -> None:
        append_authenc(job, cipher, len(assoc), given if cipher.nonce else b"")

    status, out = run(rig, desc, source, len(source) + 12, append, in_place=True)
    assert status == 0, rig.deco.fault
    sealed = out[len(assoc) :]
    iv, secret, tag = sealed[: cipher.iv_size], sealed[cipher.iv_size : -12], sealed[-12:]
    if cipher.nonce:
        assert iv == given
    else:
        assert iv != place
    assert secret == encrypt_block(cipher, iv, plain)
    assert tag == hmac(SHA1, plain_key, assoc + iv + secret)[:12]

    key = auth_key(rig, SHA1, plain_key, len(cipher.key) == 16)
    desc = authenc(rig, cipher, key, 12, encrypt=False, geniv=True)

    def append_open(job: Job) -> None:
        append_authenc(job, cipher, len(assoc), b"")

    opened = assoc + iv + plain
    check_decryption(
        rig, desc, assoc + iv + secret + tag, opened, len(assoc) + len(iv), append_open
    )


@pytest.mark.parametrize("name", CONFIGS)
def test_gcm(name: str) -> None:
    rig = CONFIGS[name]()
    for assoc_size, size in ((0, 0), (0, 33), (20, 0), (13, 64), (7, 1000)):
        key, iv = rig.random.randbytes(16), rig.random.randbytes(12)
        assoc, plain = rig.random.randbytes(assoc_size), rig.random.randbytes(size)
        sealed = AESGCM(key).encrypt(iv, plain, assoc)

        def append_encrypt(
            job: Job, iv: bytes = iv, size: int = size, assoc: int = assoc_size
        ) -> None:
            append_gcm(job, assoc, iv, last=not size and not assoc)

        def append_decrypt(job: Job, iv: bytes = iv, assoc: int = assoc_size) -> None:
            append_gcm(job, assoc, iv, last=False)

        desc = gcm(rig, key, 16, encrypt=True)
        total = assoc_size + size + 16
        status, out = run(rig, desc, assoc + plain, total, append_encrypt)
        assert status == 0, rig.deco.fault
        assert out[assoc_size:] == sealed
        desc = gcm(rig, key, 16, encrypt=False)
        check_decryption(rig, desc, assoc + sealed, assoc + plain, assoc_size, append_decrypt)


@pytest.mark.parametrize("name", CONFIGS)
def test_rfc4106(name: str) -> None:
    rig = CONFIGS[name]()
    for size in (0, 1, 64, 777):
        key, salt, iv = (rig.random.randbytes(count) for count in (32, 4, 8))
        assoc = rig.random.randbytes(rig.random.choice((8, 12)))
        plain = rig.random.randbytes(size)
        sealed = AESGCM(key).encrypt(salt + iv, plain, assoc)
        head = assoc + iv

        def append(job: Job, iv: bytes = salt + iv, size: int = len(head)) -> None:
            append_gcm(job, size, iv, last=False)

        desc = rfc4106(rig, key, 16, encrypt=True)
        status, out = run(rig, desc, head + plain, len(head) + size + 16, append)
        assert status == 0, rig.deco.fault
        assert out[len(head) :] == sealed
        desc = rfc4106(rig, key, 16, encrypt=False)
        status, out = run(rig, desc, head + sealed, len(head) + size, append)
        assert status == 0, rig.deco.fault
        assert out[len(head) :] == plain
        wrong = head + bytes(one ^ 1 for one in sealed)
        assert run(rig, desc, wrong, len(head) + size, append)[0] & 0xF000000F == ICV_FAILED


@pytest.mark.parametrize("name", CONFIGS)
def test_rfc4543(name: str) -> None:
    rig = CONFIGS[name]()
    key, salt, iv = (rig.random.randbytes(count) for count in (16, 4, 8))
    data = rig.random.randbytes(rig.random.randint(24, 900))
    tag = AESGCM(key).encrypt(salt + iv, b"", data)

    def append(job: Job) -> None:
        append_gcm(job, 16, salt + iv, last=False)

    desc = rfc4543(rig, key, encrypt=True)
    status, out = run(rig, desc, data, len(data) + 16, append)
    assert status == 0, rig.deco.fault
    assert out == data + tag
    check_decryption(rig, rfc4543(rig, key, encrypt=False), data + tag, data, 0, append)


@pytest.mark.parametrize("esp", [False, True])
def test_chacha20_poly1305(esp: bool) -> None:
    rig = CONFIGS["little-40"]()
    for assoc_size, size in ((0, 0), (0, 70), (12, 0), (16, 64), (29, 555)):
        if esp and assoc_size not in (12, 16):
            continue
        key = rig.random.randbytes(32)
        salt = rig.random.randbytes(4) if esp else b""
        iv = rig.random.randbytes(8 if esp else 12)
        assoc, plain = rig.random.randbytes(assoc_size), rig.random.randbytes(size)
        sealed = ChaCha20Poly1305(key).encrypt(salt + iv, plain, assoc)
        head = assoc + iv if esp else assoc

        def append(job: Job, iv: bytes = iv, size: int = assoc_size) -> None:
            append_chachapoly(job, size, iv)

        desc = chachapoly(rig, key, salt, encrypt=True)
        status, out = run(rig, desc, head + plain, len(head) + size + 16, append)
        assert status == 0, rig.deco.fault
        assert out == head + sealed
        desc = chachapoly(rig, key, salt, encrypt=False)
        status, out = run(rig, desc, head + sealed, len(head) + size, append)
        assert status == 0, rig.deco.fault
        assert out == head + plain
        wrong = head + bytes(one ^ 1 for one in sealed)
        assert run(rig, desc, wrong, len(head) + size, append)[0] & 0xF000000F == ICV_FAILED


@pytest.mark.parametrize("name", CONFIGS)
def test_data_snooped_from_the_output_wait_for_the_cipher(name: str) -> None:
    """The data come before the cipher's operation, and more for the digest right behind them."""
    rig = CONFIGS[name]()
    key, iv, plain = (rig.random.randbytes(size) for size in (16, 16, 64))
    tail = rig.random.randbytes(20)
    out, tag = rig.memory.allocate(64), rig.memory.allocate(32)
    source = rig.buffer(plain + tail)
    job = rig.job()
    job.key(key, CLASS1)
    job.immediate(LOAD | CLASS1 | CTX, iv)
    job.seq_ptr(SEQ_IN, source.address, 84)
    job.with_pointer(FIFO_STORE | STORE_MSG | 64, out)
    job.add(OP2 | SHA256 | INITFINAL | ENCRYPT)
    job.add(SEQ_FIFO_LOAD | BOTH | MSG1OUT2 | LAST1 | 64)
    job.add(SEQ_FIFO_LOAD | CLASS2 | MSG | LAST2 | 20)
    job.add(OP1 | AES_CBC | INITFINAL | ENCRYPT)
    job.with_pointer(STORE | CLASS2 | CTX | 32, tag)
    assert job.run() == 0, rig.deco.fault
    secret = encrypt_block(Cipher(AES_CBC, key, 16), iv, plain)
    assert rig.memory.peek(out, 64) == secret
    assert rig.memory.peek(tag, 32) == digest(SHA256, secret + tail)
