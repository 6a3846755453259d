# SPDX-License-Identifier: MIT
"""Descriptors in the shape in which drivers/crypto/caam of Linux 6.12 builds them."""

from __future__ import annotations

import hashlib
import hmac as hmac_module
from dataclasses import dataclass

from sec_deco_rig import (
    AAD,
    AUTO_NFIFO,
    BOTH,
    CBC,
    CHACHA,
    CLASS1,
    CLASS2,
    CTR,
    CTX,
    DATASZ,
    DECRYPT_KEY,
    ENCRYPT,
    FIFO_LOAD,
    FIFO_STORE,
    FLUSH1,
    ICV,
    ICV_ON,
    IMM,
    INIT,
    INITFINAL,
    IV,
    JUMP,
    KEY,
    LAST1,
    LAST2,
    LASTBOTH,
    LOAD,
    MOVE,
    MOVE_LEN,
    MSG,
    MSG1OUT2,
    NFIFO,
    NFIFO_SZM,
    NIFP,
    NO_AUTO_NFIFO,
    NO_INFO,
    NOP,
    OFIFO,
    OP1,
    OP2,
    OPERATION,
    PRECOMP,
    SC,
    SEQ_FIFO_LOAD,
    SEQ_FIFO_STORE,
    SEQ_LOAD,
    SEQ_STORE,
    SERIAL,
    SHRD,
    STORE_KEY_KEK,
    STORE_META,
    STORE_MSG,
    STORE_SKIP,
    VLF,
    WC,
    XCBC,
    Assembler,
    Rig,
    Shared,
    Z,
)

AES_ALG = 0x10 << 16
SPLIT, ENC = 3 << 16, 1 << 22
MAC_SIZES = {0x40: 16, 0x41: 20, 0x42: 32, 0x43: 32, 0x44: 64, 0x45: 64}
HASHES = {
    0x40: "md5",
    0x41: "sha1",
    0x42: "sha224",
    0x43: "sha256",
    0x44: "sha384",
    0x45: "sha512",
}


def digest(algorithm: int, data: bytes) -> bytes:
    return hashlib.new(HASHES[algorithm >> 16], data).digest()


def hmac(algorithm: int, key: bytes, data: bytes) -> bytes:
    return hmac_module.new(key, data, HASHES[algorithm >> 16]).digest()


def split_key_length(algorithm: int) -> int:
    return 2 * MAC_SIZES[algorithm >> 16]


@dataclass
class AuthKey:
    """The authentication key as the driver hands it over: covered split key before era 6, plain
    key for the derived key protocol from then on; in the descriptor, or behind a pointer."""

    algorithm: int
    plain: bytes
    covered: bytes = b""
    inline: bool = True
    address: int = 0


def auth_key(rig: Rig, algorithm: int, plain: bytes, inline: bool = True) -> AuthKey:
    key = AuthKey(algorithm, plain, inline=inline)
    if rig.config.era < 6:
        key.covered = generate_split_key(rig, algorithm, plain)
        if not inline:
            key.address = rig.memory.place(key.covered)
    elif not inline or len(plain) > split_key_length(algorithm):
        room = max(len(plain), split_key_length(algorithm))
        key.address = rig.memory.place(plain.ljust(room, b"\0"))
    return key


def generate_split_key(rig: Rig, algorithm: int, plain: bytes) -> bytes:
    """The job of gen_split_key."""
    size = split_key_length(algorithm)
    padded = size + 15 & ~15
    address = rig.memory.place(plain.ljust(max(len(plain), padded), b"\0"))
    job = rig.job()
    job.with_pointer(KEY | CLASS2 | len(plain), address)
    job.add(OP2 | algorithm | 1 << 4 | INIT)
    job.add(FIFO_LOAD | CLASS2 | IMM | MSG | LAST2)
    job.with_pointer(FIFO_STORE | CLASS2 | 0x26 << 16 | size, address)
    status = job.run()
    assert status == 0, rig.deco.fault
    return rig.memory.peek(address, padded)


def append_auth_key(desc: Assembler, key: AuthKey) -> None:
    size = split_key_length(key.algorithm)
    if desc.rig.config.era < 6:
        word = KEY | CLASS2 | SPLIT | ENC
        if key.inline:
            desc.immediate(word, key.covered, size)
        else:
            desc.with_pointer(word | size, key.address)
        return
    word = OPERATION | (0x20 | key.algorithm >> 16 & 0xF) << 16 | len(key.plain)
    if key.address:
        desc.add(word | 2 << 14 | (0 if key.inline else 2 << 12))
        start = len(desc)
        desc.pointer(key.address)
        if key.inline:
            room = size // 4 - (len(desc) - start)
            desc.words += [0] * room
        return
    desc.add(word)
    desc.data(key.plain)
    desc.words += [0] * (size // 4 - (len(key.plain) + 3) // 4)


# Hashes (caamhash_desc.c)


def ahash(
    rig: Rig,
    algorithm: int,
    state: int,
    size: int,
    *,
    key: AuthKey | None = None,
    context: int = 0,
) -> Shared:
    desc = Shared(rig)
    operation = algorithm
    if state and key is not None:
        skip = desc.add(JUMP | SHRD)
        append_auth_key(desc, key)
        desc.jump_here(skip)
        operation |= PRECOMP
    if context:
        desc.add(SEQ_LOAD | CLASS2 | CTX | context)
    desc.add(OP2 | operation | state | ENCRYPT)
    desc.math("add", "vsil", "sil", "r0")
    desc.add(SEQ_FIFO_LOAD | CLASS2 | LAST2 | MSG | VLF)
    desc.add(SEQ_STORE | CLASS2 | CTX | size)
    return desc.place()


def sk_hash(
    rig: Rig, mode: int, state: int, key: bytes, key_address: int, size: int, context: int
) -> Shared:
    desc = Shared(rig, SERIAL | SC)
    skip = desc.add(JUMP | SHRD)
    if state in (INIT, INITFINAL):
        desc.key(key, CLASS1)
    else:
        if mode == XCBC:
            desc.with_pointer(KEY | CLASS1 | ENC | len(key), key_address)
        else:
            desc.key(key, CLASS1)
        desc.add(SEQ_LOAD | CLASS1 | CTX | context)
    desc.jump_here(skip)
    desc.add(OP1 | AES_ALG | mode | state | ENCRYPT)
    desc.math("add", "vsil", "sil", "r0")
    desc.add(SEQ_FIFO_LOAD | CLASS1 | LAST1 | MSG | VLF)
    desc.add(SEQ_STORE | CLASS1 | CTX | size)
    if mode == XCBC and state == INIT:
        desc.with_pointer(FIFO_STORE | CLASS1 | STORE_KEY_KEK | len(key), key_address)
    return desc.place()


# Ciphers (caamalg_desc.c)


def _nonce(desc: Assembler, nonce: bytes, wait: bool) -> None:
    desc.immediate(LOAD | OFIFO, nonce)
    desc.add(MOVE | (WC if wait else 0) | 2 << 20 | 16 << 8 | len(nonce))


def _counter(desc: Assembler, offset: int) -> None:
    desc.immediate(LOAD | CLASS1 | CTX | offset + 8 << 8, (1).to_bytes(4, "big"))


def _decrypt_operation(desc: Assembler, kind: int) -> None:
    if kind >> 16 & 0xFF != 0x10:
        desc.add(OP1 | kind | INITFINAL)
        return
    shared = desc.add(JUMP | SHRD)
    desc.add(OP1 | kind | INIT)
    away = desc.add(JUMP)
    desc.jump_here(shared)
    desc.add(OP1 | kind | INIT | DECRYPT_KEY)
    desc.jump_here(away)


def _cipher_transfer(desc: Assembler) -> None:
    desc.math("add", "vsol", "sil", "r0")
    desc.math("add", "vsil", "sil", "r0")
    desc.add(SEQ_FIFO_LOAD | CLASS1 | VLF | MSG | LAST1)
    desc.add(SEQ_FIFO_STORE | STORE_MSG | VLF)


def skcipher(
    rig: Rig,
    kind: int,
    key: bytes,
    iv_size: int,
    *,
    encrypt: bool,
    nonce: bytes = b"",
    iv_offset: int = 0,
) -> Shared:
    desc = Shared(rig, SERIAL | SC)
    skip = desc.add(JUMP | SHRD)
    desc.key(key, CLASS1)
    if nonce:
        _nonce(desc, nonce, wait=True)
    desc.jump_here(skip)
    if iv_size:
        desc.add(SEQ_LOAD | CLASS1 | CTX | iv_offset << 8 | iv_size)
    if nonce:
        _counter(desc, iv_offset)
    stream = kind & 0xFF << 16 == CHACHA
    if encrypt:
        desc.add(OP1 | kind | (INITFINAL if stream else INIT) | ENCRYPT)
    elif iv_offset:
        desc.add(OP1 | kind | INIT)
    else:
        _decrypt_operation(desc, kind)
    _cipher_transfer(desc)
    if not stream and iv_size:
        desc.add(SEQ_STORE | CLASS1 | CTX | iv_offset << 8 | iv_size)
    return desc.place()


def xts(rig: Rig, kind: int, key: bytes, *, encrypt: bool) -> Shared:
    desc = Shared(rig, SERIAL | SC)
    skip = desc.add(JUMP | SHRD)
    desc.key(key, CLASS1)
    desc.immediate(LOAD | CLASS1 | CTX | 0x28 << 8, (1 << 15).to_bytes(8, "big"))
    desc.jump_here(skip)
    desc.add(SEQ_LOAD | CLASS1 | CTX | 0x20 << 8 | 8)
    desc.add(SEQ_LOAD | CLASS1 | CTX | 0x30 << 8 | 8)
    if encrypt:
        desc.add(OP1 | kind | INITFINAL | ENCRYPT)
    else:
        _decrypt_operation(desc, kind)
    _cipher_transfer(desc)
    desc.add(SEQ_STORE | CLASS1 | CTX | 0x20 << 8 | 8)
    desc.add(SEQ_STORE | CLASS1 | CTX | 0x30 << 8 | 8)
    return desc.place()


# AEAD without a cipher and GMAC: the descriptor patches its own MOVE with the length


def _transfer(desc: Assembler, message: int) -> None:
    desc.add(SEQ_FIFO_STORE | STORE_MSG | VLF)
    desc.add(SEQ_FIFO_LOAD | BOTH | VLF | message | LASTBOTH)


def _patched_move(desc: Assembler, register: int) -> tuple[int, int]:
    read = desc.add(MOVE | 3 << 20 | (4 + register) << 16 | 6)
    write = desc.add(MOVE | (4 + register) << 20 | 3 << 16 | WC | 8)
    return read, write


def aead_null(rig: Rig, key: AuthKey, icv: int, *, encrypt: bool) -> Shared:
    desc = Shared(rig)
    skip = desc.add(JUMP | SHRD)
    append_auth_key(desc, key)
    desc.jump_here(skip)
    kind = key.algorithm | PRECOMP
    if encrypt:
        desc.math("sub", "r3", "sil", "r0")
        desc.math("add", "vsil", "zero", "r3")
        desc.math("add", "vsol", "zero", "r3")
        moves = _patched_move(desc, 3)
        desc.add(OP2 | kind | INITFINAL | ENCRYPT)
    else:
        desc.add(OP2 | kind | INITFINAL | ICV_ON)
        desc.math("sub", "r2", "sol", "r0")
        desc.math("add", "vsil", "zero", "r2")
        desc.math("add", "vsol", "zero", "r2")
        moves = _patched_move(desc, 2)
    _transfer(desc, MSG | FLUSH1)
    if not encrypt:
        desc.jump_here(desc.add(JUMP))
    for move in moves:
        desc.move_here(move)
    desc.add(NO_AUTO_NFIFO)
    desc.add(MOVE | 9 << 20 | 2 << 16 | 1 << 25)
    if encrypt:
        desc.add(SEQ_STORE | CLASS2 | CTX | icv)
    else:
        desc.add(AUTO_NFIFO)
        desc.add(SEQ_FIFO_LOAD | CLASS2 | LAST2 | ICV | icv)
    return desc.place()


def rfc4543(rig: Rig, key: bytes, *, encrypt: bool) -> Shared:
    desc = Shared(rig)
    skip = desc.add(JUMP | SHRD)
    desc.key(key, CLASS1)
    desc.jump_here(skip)
    kind = AES_ALG | 0x90 << 4 | INITFINAL
    length = "sil" if encrypt else "sol"
    desc.add(OP1 | kind | (ENCRYPT if encrypt else ICV_ON))
    desc.math("sub", "r3", length, "r0")
    moves = _patched_move(desc, 3)
    desc.math("sub", "vsil", length, "r0")
    desc.math("sub", "vsol", length, "r0")
    if encrypt:
        _transfer(desc, AAD)
    else:
        desc.add(SEQ_FIFO_STORE | STORE_MSG | VLF)
        desc.add(SEQ_FIFO_LOAD | BOTH | VLF | AAD | LAST2 | FLUSH1)
    for move in moves:
        desc.move_here(move)
    desc.add(NO_AUTO_NFIFO)
    desc.add(MOVE | 9 << 20 | 2 << 16)
    if encrypt:
        desc.add(SEQ_STORE | CLASS1 | CTX | 16)
    else:
        desc.add(AUTO_NFIFO)
        desc.add(SEQ_FIFO_LOAD | CLASS1 | ICV | LAST1 | 16)
    return desc.place()


# authenc


@dataclass
class Cipher:
    """`kind`: algorithm and mode. CTR takes its IV at offset 16, with a nonce (rfc3686) at 20."""

    kind: int
    key: bytes
    iv_size: int
    nonce: bytes = b""

    @property
    def iv_offset(self) -> int:
        if self.nonce:
            return 20
        return 16 if self.kind & 0xFFF << 4 == CTR else 0


def _authenc_keys(rig: Rig, cipher: Cipher, key: AuthKey) -> Shared:
    desc = Shared(rig, SERIAL | SC)
    skip = desc.add(JUMP | SHRD)
    append_auth_key(desc, key)
    if key.inline:
        desc.key(cipher.key, CLASS1)
    else:
        desc.with_pointer(KEY | CLASS1 | len(cipher.key), rig.memory.place(cipher.key))
    if cipher.nonce:
        _nonce(desc, cipher.nonce, wait=False)
    desc.jump_here(skip)
    return desc


def _assoc(desc: Assembler, extra: int = 0) -> None:
    """Let the associated data through to class 2 only."""
    register = "r3" if desc.rig.config.era < 3 else "dpovrd"
    desc.math("add", "vsil", "zero", register)
    if extra:
        desc.math_imm("add", "vsol", register, "imm", extra)
    else:
        desc.math("add", "vsol", "zero", register)
    desc.add(SEQ_FIFO_STORE | STORE_SKIP | VLF)
    desc.add(SEQ_FIFO_LOAD | CLASS2 | MSG | VLF)


def authenc(
    rig: Rig, cipher: Cipher, key: AuthKey, icv: int, *, encrypt: bool, geniv: bool = False
) -> Shared:
    desc = _authenc_keys(rig, cipher, key)
    kind = key.algorithm | PRECOMP | INITFINAL
    offset, iv = cipher.iv_offset, cipher.iv_size
    if encrypt:
        desc.add(OP2 | kind | ENCRYPT)
        _assoc(desc)
    else:
        desc.add(OP2 | kind | ICV_ON)
        _assoc(desc, iv if geniv else 0)
        if geniv:
            desc.add(SEQ_LOAD | CLASS1 | CTX | offset << 8 | iv)
            desc.add(MOVE | 9 << 16 | offset << 8 | iv)
    if cipher.nonce:
        _counter(desc, offset)
    if encrypt or offset:
        desc.add(OP1 | cipher.kind | INITFINAL | (ENCRYPT if encrypt else 0))
    else:
        _decrypt_operation(desc, cipher.kind)
    length = "sil" if encrypt else "sol"
    desc.math("add", "vsil", length, "r0")
    desc.math("add", "vsol", length, "r0")
    _transfer(desc, MSG1OUT2 if encrypt else MSG)
    if encrypt:
        desc.add(SEQ_STORE | CLASS2 | CTX | icv)
    else:
        desc.add(SEQ_FIFO_LOAD | CLASS2 | LAST2 | ICV | icv)
    return desc.place()


def authenc_generate_iv(rig: Rig, cipher: Cipher, key: AuthKey, icv: int) -> Shared:
    desc = _authenc_keys(rig, cipher, key)
    offset, iv = cipher.iv_offset, cipher.iv_size
    if not cipher.nonce:
        desc.number(LOAD | NFIFO, 2 << 24 | 0xF << 20 | 1 << 28 | 3 << 16 | iv)
        desc.add(NO_AUTO_NFIFO)
        desc.add(MOVE | WC | 8 << 20 | offset << 8 | iv)
        desc.add(AUTO_NFIFO)
    desc.add(MOVE | 2 << 16 | offset << 8 | iv)
    desc.add(OP2 | key.algorithm | PRECOMP | INITFINAL | ENCRYPT)
    _assoc(desc)
    desc.number(LOAD | NFIFO, 1 << 24 | 2 << 30 | 0xF << 20 | iv)
    desc.number(LOAD | CLASS2 | DATASZ, iv)
    if cipher.nonce:
        _counter(desc, offset)
    desc.add(OP1 | cipher.kind | INITFINAL | ENCRYPT)
    desc.math("add", "vsol", "sil", "r0")
    desc.add(SEQ_FIFO_LOAD | iv)
    desc.math("add", "vsil", "sil", "r0")
    desc.jump_here(desc.add(JUMP | NIFP))
    desc.add(SEQ_FIFO_LOAD | BOTH | VLF | MSG1OUT2 | LASTBOTH)
    desc.add(SEQ_FIFO_STORE | STORE_MSG | VLF)
    desc.add(SEQ_STORE | CLASS2 | CTX | icv)
    return desc.place()


def append_authenc(job: Assembler, cipher: Cipher, assoc: int, iv: bytes) -> None:
    register = "r3" if job.rig.config.era < 3 else "dpovrd"
    job.math_imm("add", register, "zero", "imm", assoc)
    if iv:
        job.immediate(LOAD | CLASS1 | CTX | cipher.iv_offset << 8, iv)


# GCM


def gcm(rig: Rig, key: bytes, icv: int, *, encrypt: bool) -> Shared:
    desc = Shared(rig)
    skip = desc.add(JUMP | SHRD)
    desc.key(key, CLASS1)
    desc.jump_here(skip)
    kind = AES_ALG | 0x90 << 4 | INITFINAL
    desc.add(OP1 | kind | (ENCRYPT if encrypt else ICV_ON))
    if encrypt:
        desc.math("sub", "vsol", "sil", "r0")
        nothing = desc.add(JUMP | Z)
        desc.math("add", "vsil", "zero", "r3")
        no_assoc = desc.add(JUMP | Z)
        desc.math("add", "vsol", "zero", "r3")
        desc.add(SEQ_FIFO_STORE | STORE_SKIP | VLF)
        desc.math("sub", "vsol", "sil", "r3")
        no_payload = desc.add(JUMP | Z)
        desc.add(SEQ_FIFO_LOAD | CLASS1 | VLF | AAD | FLUSH1)
        desc.jump_here(no_assoc)
        desc.math("sub", "vsil", "sil", "r0")
        desc.add(SEQ_FIFO_STORE | STORE_MSG | VLF)
        desc.add(SEQ_FIFO_LOAD | CLASS1 | VLF | MSG | LAST1)
        desc.add(JUMP | 2)
        desc.jump_here(no_payload)
        desc.add(SEQ_FIFO_LOAD | CLASS1 | VLF | AAD | LAST1)
        desc.jump_here(nothing)
        desc.add(SEQ_STORE | CLASS1 | CTX | icv)
        return desc.place()
    desc.math("add", "vsil", "zero", "r3")
    no_assoc = desc.add(JUMP | Z)
    desc.math("add", "vsol", "zero", "r3")
    desc.add(SEQ_FIFO_STORE | STORE_SKIP | VLF)
    desc.add(SEQ_FIFO_LOAD | CLASS1 | VLF | AAD | FLUSH1)
    desc.jump_here(no_assoc)
    desc.math("sub", "vsil", "sol", "r0")
    no_payload = desc.add(JUMP | Z)
    desc.math("sub", "vsol", "sol", "r0")
    desc.add(SEQ_FIFO_STORE | STORE_MSG | VLF)
    desc.add(SEQ_FIFO_LOAD | CLASS1 | VLF | MSG | FLUSH1)
    desc.jump_here(no_payload)
    desc.add(SEQ_FIFO_LOAD | CLASS1 | ICV | LAST1 | icv)
    return desc.place()


def rfc4106(rig: Rig, key: bytes, icv: int, *, encrypt: bool) -> Shared:
    desc = Shared(rig)
    skip = desc.add(JUMP | SHRD)
    desc.key(key, CLASS1)
    desc.jump_here(skip)
    kind = AES_ALG | 0x90 << 4 | INITFINAL
    desc.add(OP1 | kind | (ENCRYPT if encrypt else ICV_ON))
    desc.math_imm("sub", "vsil", "r3", "imm", 8)
    desc.math("add", "vsol", "zero", "r3")
    if encrypt:
        desc.add(SEQ_FIFO_STORE | STORE_SKIP | VLF)
        desc.math("sub", "vsol", "sil", "r3")
        empty = desc.add(JUMP | Z)
        desc.add(SEQ_FIFO_LOAD | CLASS1 | VLF | AAD | FLUSH1)
        desc.add(SEQ_FIFO_STORE | STORE_MSG)
        desc.add(SEQ_FIFO_LOAD | 8)
        desc.math("add", "vsil", "vsol", "r0")
        desc.add(SEQ_FIFO_STORE | STORE_MSG | VLF)
        desc.add(SEQ_FIFO_LOAD | CLASS1 | VLF | MSG | LAST1)
        done = desc.add(JUMP)
        desc.jump_here(empty)
        desc.add(SEQ_FIFO_LOAD | CLASS1 | VLF | AAD | LAST1)
        desc.jump_here(done)
        desc.add(SEQ_STORE | CLASS1 | CTX | icv)
        return desc.place()
    desc.add(SEQ_FIFO_LOAD | CLASS1 | VLF | AAD | FLUSH1)
    desc.add(SEQ_FIFO_LOAD | 8)
    desc.math("sub", "vsil", "sol", "r3")
    desc.add(SEQ_FIFO_LOAD | CLASS1 | MSG)
    desc.add(SEQ_FIFO_STORE | STORE_SKIP | VLF)
    desc.math("sub", "vsol", "sol", "r0")
    desc.add(SEQ_FIFO_STORE | STORE_MSG | VLF)
    desc.add(SEQ_FIFO_LOAD | CLASS1 | VLF | MSG | FLUSH1)
    desc.add(SEQ_FIFO_LOAD | CLASS1 | ICV | LAST1 | icv)
    return desc.place()


def append_gcm(job: Assembler, assoc: int, iv: bytes, *, last: bool) -> None:
    """What init_gcm_job appends; `iv` with the salt in front of it."""
    job.math_imm("add", "r3", "zero", "imm", assoc)
    job.immediate(FIFO_LOAD | CLASS1 | IV | FLUSH1 | (LAST1 if last else 0), iv)


# ChaCha20-Poly1305


def chachapoly(rig: Rig, key: bytes, salt: bytes, *, encrypt: bool) -> Shared:
    desc = Shared(rig, SERIAL | SC)
    skip = desc.add(JUMP | SHRD)
    desc.key(key, CLASS1)
    if salt:
        desc.immediate(LOAD | CLASS1 | CTX | 4 << 8, salt)
    desc.jump_here(skip)
    mac = OP2 | 0xE0 << 16 | 2 << 4 | INITFINAL
    cipher = OP1 | CHACHA | 2 << 4 | INITFINAL
    desc.add(mac | (ENCRYPT if encrypt else ICV_ON))
    desc.add(cipher | (ENCRYPT if encrypt else 0))
    # To both classes, flush both, the type of Poly1305's AAD, up to a boundary; size in MATH3.
    desc.number(LOAD | NFIFO_SZM | 3, 3 << 30 | 1 << 26 | 1 << 27 | 0xB << 20 | 1 << 19)
    desc.math("add", "vsil", "zero", "r3")
    desc.math("add", "vsol", "zero", "r3")
    desc.add(SEQ_FIFO_LOAD | NO_INFO | CLASS1 | VLF)
    desc.add(MOVE_LEN | 1 << 25 | 10 << 20 | 2 << 16 | 3)
    desc.add(SEQ_FIFO_STORE | STORE_MSG | VLF)
    if salt:
        desc.add(SEQ_FIFO_STORE | STORE_META | 2 << 25 | 8)
    desc.jump_here(desc.add(JUMP | NOP))
    length = "sil" if encrypt else "sol"
    desc.math("add", "vsil", length, "r0")
    desc.math("add", "vsol", length, "r0")
    _transfer(desc, MSG1OUT2 if encrypt else MSG)
    if encrypt:
        desc.add(SEQ_STORE | CLASS2 | CTX | 16)
    else:
        desc.add(SEQ_FIFO_LOAD | CLASS2 | LAST2 | ICV | 16)
    return desc.place()


def append_chachapoly(job: Assembler, assoc: int, iv: bytes) -> None:
    """What init_chachapoly_job appends."""
    job.math_imm("add", "r3", "zero", "imm", assoc)
    job.immediate(LOAD | CLASS1 | CTX | (4 if len(iv) == 12 else 8) << 8, iv)


AES_CBC = AES_ALG | CBC
AES_CTR = AES_ALG | CTR
