# SPDX-License-Identifier: MIT
"""Black keys: keys covered with a key encryption key of the SEC (JDKEK or TDKEK).

ECB: AES-256-ECB over the key padded with zeros to 16 bytes. CCM (EKT): nonce (6), AES-CCM of the
key padded to 8 bytes, ICV (6), so 12 bytes more. Sizes as BLACK_KEY_* of OP-TEE's CAAM driver and
include/soc/fsl/caam-blob.h of Linux.
"""

from __future__ import annotations

from collections.abc import Callable

from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.ciphers.aead import AESCCM

from models.sec.cha.ciphers import BLOCK, cipher_pass
from models.sec.cha.unit import ChaError, ChaId, ErrorId

__all__ = ["cover", "covered_size", "uncover"]

NONCE = ICV = 6
_CCM_NONCE = 12


def _padded(size: int, unit: int) -> int:
    return -(-size // unit) * unit


def covered_size(size: int, ccm: bool) -> int:
    """Bytes of a covered key of `size` bytes."""
    return _padded(size, 8) + NONCE + ICV if ccm else _padded(size, BLOCK)


def cover(key: bytes, kek: bytes, ccm: bool, random: Callable[[int], bytes]) -> bytes:
    """The black key; `random(n)` gives the nonce of a CCM one."""
    if not ccm:
        plain = key.ljust(_padded(len(key), BLOCK), b"\0")
        return cipher_pass("aes", kek, "ecb", b"", True).update(plain)
    nonce = random(NONCE)
    plain = key.ljust(_padded(len(key), 8), b"\0")
    return nonce + AESCCM(kek, ICV).encrypt(nonce.ljust(_CCM_NONCE, b"\0"), plain, None)


def uncover(data: bytes, size: int, kek: bytes, ccm: bool) -> bytes:
    """The key of `size` bytes in a black key of `covered_size` bytes.

    ChaError (AES): KEY_SIZE when `data` has another size, ICV_CHECK when a CCM one was not covered
    with this `kek`.
    """
    if len(data) != covered_size(size, ccm):
        raise ChaError(ChaId.AES, ErrorId.KEY_SIZE)
    if not ccm:
        return cipher_pass("aes", kek, "ecb", b"", False).update(data)[:size]
    nonce, sealed = data[:NONCE], data[NONCE:]
    try:
        return AESCCM(kek, ICV).decrypt(nonce.ljust(_CCM_NONCE, b"\0"), sealed, None)[:size]
    except InvalidTag:
        raise ChaError(ChaId.AES, ErrorId.ICV_CHECK) from None
