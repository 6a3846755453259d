# SPDX-License-Identifier: MIT
"""Every class 1 and class 2 operation that drivers/crypto/caam of Linux 6.12 selects is there."""

from __future__ import annotations

import sec_cha_rig as rig
from sec_cha_rig import (
    AES,
    CHACHA20,
    DECRYPT,
    DES,
    DES3,
    ENCRYPT,
    FINALIZE,
    ICV,
    INIT,
    INITFINAL,
    POLY1305,
    RNG,
    UPDATE,
    Bench,
    word,
)

# caamalg.c's class 1 algorithms through the skcipher and aead constructors of caamalg_desc.c
CIPHERS = [
    (AES, rig.CBC),
    (AES, rig.CTR),
    (AES, rig.ECB),
    (DES, rig.CBC),
    (DES, rig.ECB),
    (DES3, rig.CBC),
    (DES3, rig.ECB),
    (CHACHA20, 0),
]
DIGESTS = range(0x40, 0x46)


def driver_operations() -> list[int]:
    words = []
    for algorithm, aai in CIPHERS:
        words += [word(algorithm, aai, INIT, ENCRYPT), word(algorithm, aai, INITFINAL, ENCRYPT)]
        words += [word(algorithm, aai, INIT, DECRYPT), word(algorithm, aai, INITFINAL, DECRYPT)]
    words += [word(AES, aai | rig.DK, INIT, DECRYPT) for aai in (rig.CBC, rig.ECB, rig.XTS)]
    words += [word(AES, rig.XTS, INITFINAL, ENCRYPT), word(AES, rig.XTS, INIT, DECRYPT)]
    words += [word(AES, rig.GCM, INITFINAL, flags) for flags in (ENCRYPT, ICV)]
    for algorithm in (CHACHA20, POLY1305):
        words += [word(algorithm, rig.AEAD, INITFINAL, flags) for flags in (ENCRYPT, DECRYPT, ICV)]
    for digest in DIGESTS:
        words += [word(digest, rig.PRECOMP, INITFINAL, flags) for flags in (ENCRYPT, ICV)]
        words += [word(digest, rig.HMAC, INIT, DECRYPT)]  # key_gen.c
        for state in (INIT, UPDATE, FINALIZE, INITFINAL):
            words += [word(digest, aai, state, ENCRYPT) for aai in (rig.HASH, rig.PRECOMP)]
    for aai in (rig.CMAC, rig.XCBC):
        words += [word(AES, aai, state, 1) for state in (INIT, UPDATE, FINALIZE, INITFINAL)]
    for handle in (0, 1):  # ctrl.c, caamrng.c, caamprng.c
        words += [word(RNG, handle, INIT, 2), word(RNG, handle, INITFINAL)]
    words += [word(RNG, 0x100, UPDATE), word(RNG, 0, UPDATE, 2), word(RNG, 0, UPDATE)]
    words += [word(RNG, 0, FINALIZE)]
    return words


def test_every_operation_of_the_driver_selects_a_unit() -> None:
    words = driver_operations()
    bench = Bench()
    for operation in words:
        bench.unit(operation)
    assert len(set(words)) > 90


def test_words_are_those_of_the_driver() -> None:
    """Three of them as key_gen.c, ctrl.c and caamalg_desc.c spell them out."""
    assert word(0x41, rig.HMAC, INIT, DECRYPT) == 0x84410014
    assert word(RNG, 0, INIT, 2) == 0x82500006
    assert word(AES, rig.GCM, INITFINAL, ENCRYPT) == 0x8210090D
