# SPDX-License-Identifier: MIT
"""The algorithms that the Linux drivers `caam_jr` register for a SEC, by its accelerators.

Source: the tables `driver_algs` and `driver_aeads` of drivers/crypto/caam/caamalg.c, `driver_hash`
of caamhash.c, and the registration rules of these, caampkc.c and caamprng.c, in Linux 6.12. The
hardware generator of caamrng.c is not among them, as it is no algorithm of /proc/crypto.
"""

from __future__ import annotations

from models.sec.config import SecConfig

__all__ = ["expected_algorithms"]

_DIGESTS = {"md5": 16, "sha1": 20, "sha224": 28, "sha256": 32, "sha384": 48, "sha512": 64}

_SKCIPHERS = {
    "aes": {
        "cbc(aes)": "cbc-aes-caam",
        "ctr(aes)": "ctr-aes-caam",
        "rfc3686(ctr(aes))": "rfc3686-ctr-aes-caam",
        "ecb(aes)": "ecb-aes-caam",
    },
    "xts": {"xts(aes)": "xts-aes-caam"},
    "des": {
        "cbc(des3_ede)": "cbc-3des-caam",
        "cbc(des)": "cbc-des-caam",
        "ecb(des)": "ecb-des-caam",
        "ecb(des3_ede)": "ecb-des3-caam",
    },
}

_GCM = {
    "rfc4106(gcm(aes))": "rfc4106-gcm-aes-caam",
    "rfc4543(gcm(aes))": "rfc4543-gcm-aes-caam",
    "gcm(aes)": "gcm-aes-caam",
}

_CHACHA_POLY = {
    "rfc7539(chacha20,poly1305)": "rfc7539-chacha20-poly1305-caam",
    "rfc7539esp(chacha20,poly1305)": "rfc7539esp-chacha20-poly1305-caam",
}

# Cipher of an authenc pair: name, driver's name, template that makes its IVs.
_AUTHENC = {
    "any": (("ecb(cipher_null)", "ecb-cipher_null", ""),),
    "aes": (
        ("cbc(aes)", "cbc-aes", "echainiv"),
        ("rfc3686(ctr(aes))", "rfc3686-ctr-aes", "seqiv"),
    ),
    "des": (
        ("cbc(des3_ede)", "cbc-des3_ede", "echainiv"),
        ("cbc(des)", "cbc-des", "echainiv"),
    ),
}

_AES_HASHES = {"xcbc(aes)": "xcbc-aes-caam", "cmac(aes)": "cmac-aes-caam"}


def expected_algorithms(config: SecConfig) -> dict[str, str]:
    """Names in the driver's own terms (`driver` of /proc/crypto) to the algorithm's (`name`)."""
    names: dict[str, str] = {}
    groups = {"any": True, "aes": bool(config.aes), "des": bool(config.des)}

    for group in ("aes", "des"):
        if groups[group]:
            names |= _SKCIPHERS[group]
    if config.has_xts:
        names |= _SKCIPHERS["xts"]
    if config.has_gcm:
        names |= _GCM
    if config.ccha and config.ptha:
        names |= _CHACHA_POLY

    digests = [digest for digest, size in _DIGESTS.items() if size <= config.digest_limit]
    for group, ciphers in _AUTHENC.items():
        if groups[group]:
            for digest in digests:
                for cipher, driver, template in ciphers:
                    names |= _authenc(digest, cipher, driver, template)
    for digest in digests:
        names |= {digest: f"{digest}-caam", f"hmac({digest})": f"hmac-{digest}-caam"}
    if config.md:
        # The driver asks for the message digest unit only.
        names |= _AES_HASHES
    if config.has_public_key_encryption:
        names["rsa"] = "rsa-caam"
    if config.rng:
        names["stdrng"] = "prng-caam"
    return {driver: name for name, driver in names.items()}


def _authenc(digest: str, cipher: str, driver: str, template: str) -> dict[str, str]:
    name = f"authenc(hmac({digest}),{cipher})"
    driver = f"authenc-hmac-{digest}-{driver}-caam"
    names = {name: driver}
    if template:
        names[f"{template}({name})"] = f"{template}-{driver}"
    return names
