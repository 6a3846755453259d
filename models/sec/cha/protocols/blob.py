# SPDX-License-Identifier: MIT
"""BLOB: data kept beyond power-off, under a key derived from the part's master key.

A blob is a covered blob key (32 bytes), the data encrypted under it with AES-CCM, and the MAC (16).
The class 2 key register holds the key modifier (up to 16 bytes); from it and the master key comes
the blob key encryption key. Red blobs of general memory, encapsulated and decapsulated, and the
master key verification blob (32 bytes out, nothing in). Source: caam_process_blob of
caam/blob_gen.c, Linux 6.12.

How the key encryption key derives, and the nonce, are the model's own: silicon does not tell. In
the non-secure state the master key is a fixed test key there as here.
"""

from __future__ import annotations

import hashlib
import hmac

from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.ciphers.aead import AESCCM

from models.sec.cha.ciphers import cipher_pass
from models.sec.cha.protocols.host import ProtocolHost
from models.sec.cha.unit import ChaError, ChaId, ErrorId, ProtocolError

__all__ = ["OVERHEAD", "decapsulate", "encapsulate"]

BLOB_KEY, MAC, MODIFIER = 32, 16, 16
OVERHEAD = BLOB_KEY + MAC
LIMIT = 1 << 20
UNDEFINED_PROTOCOL = 0x81
UNDEFINED_MODE, SECURE_MEMORY, SIZE, KEY_DESTINATION = 0xC1, 0xC2, 0xC4, 0xC5
_FORMAT_MASK, _MASTER, _BLACK, _SECURE, _REGISTER_MASK = 0x3, 0x2, 0x4, 0x8, 0xF0
_NONCE = bytes(11)


def _mode(word: int, host: ProtocolHost) -> int:
    """The blob format; ProtocolError for what there is not."""
    if not host.services.config.blob:
        raise ProtocolError(UNDEFINED_PROTOCOL)
    if word & _SECURE:
        raise ProtocolError(SECURE_MEMORY)
    if word & _REGISTER_MASK:
        raise ProtocolError(KEY_DESTINATION)
    form = word & _FORMAT_MASK
    if form not in (0, _MASTER) or word & _BLACK:
        raise ProtocolError(UNDEFINED_MODE)
    return form


def _key_encryption_key(host: ProtocolHost) -> bytes:
    modifier = bytes(host.class2.key[:MODIFIER]).ljust(MODIFIER, b"\0")
    return hmac.digest(host.services.blob_master_key, modifier, hashlib.sha256)


def encapsulate(word: int, host: ProtocolHost) -> None:
    """The input sequence becomes a blob in the output sequence."""
    kek = _key_encryption_key(host)
    if _mode(word, host) == _MASTER:
        host.write_sequence(hashlib.sha256(kek).digest())
        return
    if host.sequence_in_length > LIMIT:
        raise ProtocolError(SIZE)
    data = host.read_sequence(host.sequence_in_length)
    blob_key = host.services.random(BLOB_KEY)
    covered = cipher_pass("aes", kek, "ecb", b"", True).update(blob_key)
    host.write_sequence(covered + AESCCM(blob_key, MAC).encrypt(_NONCE, data, None))


def decapsulate(word: int, host: ProtocolHost) -> None:
    """The blob in the input sequence becomes its data; ICV_CHECK when it is not this part's."""
    kek = _key_encryption_key(host)
    if _mode(word, host) == _MASTER:
        raise ProtocolError(UNDEFINED_MODE)
    size = host.sequence_in_length
    if not OVERHEAD <= size <= LIMIT + OVERHEAD:
        raise ProtocolError(SIZE)
    blob = host.read_sequence(size)
    blob_key = cipher_pass("aes", kek, "ecb", b"", False).update(blob[:BLOB_KEY])
    try:
        data = AESCCM(blob_key, MAC).decrypt(_NONCE, blob[BLOB_KEY:], None)
    except InvalidTag:
        raise ChaError(ChaId.AES, ErrorId.ICV_CHECK) from None
    host.write_sequence(data)
