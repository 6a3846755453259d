# SPDX-License-Identifier: MIT
"""GHASH (SP 800-38D, 6.4) from any state on, at the library's speed.

The library has GMAC only: tag = (GHASH(data) ^ lengths) * H ^ E(J0). Times the inverse of H, that
gives GHASH(data) back, and a running state enters as part of the first block.
"""

from __future__ import annotations

from functools import lru_cache

from cryptography.hazmat.primitives.ciphers import Cipher, modes
from cryptography.hazmat.primitives.ciphers.algorithms import AES

from models.sec.cha import gf2
from models.sec.cha.ciphers import BLOCK, aes_block, xor

__all__ = ["ghash"]

_POLYNOMIAL = 1 << 128 | 0x87
_NONCE = bytes(12)
_J0 = _NONCE + b"\0\0\0\1"
_REVERSED = bytes(int(f"{byte:08b}"[::-1], 2) for byte in range(256))


def _polynomial(block: bytes) -> int:
    """A block as polynomial: its first bit is the coefficient of x^0."""
    return int.from_bytes(block.translate(_REVERSED), "little")


def _block(polynomial: int) -> bytes:
    return polynomial.to_bytes(BLOCK, "little").translate(_REVERSED)


@lru_cache(maxsize=64)
def _constants(key: bytes) -> tuple[int | None, bytes]:
    """The inverse of H and E(J0)."""
    hash_key = _polynomial(aes_block(key, bytes(BLOCK)))
    return gf2.inverse(hash_key, _POLYNOMIAL), aes_block(key, _J0)


def ghash(key: bytes, state: bytes, data: bytes) -> bytes:
    """The GHASH state after whole blocks of `data`, with H of the AES `key`."""
    if not data:
        return state
    inverse, mask = _constants(key)
    if inverse is None:
        return bytes(BLOCK)
    gmac = Cipher(AES(key), modes.GCM(_NONCE)).encryptor()
    gmac.authenticate_additional_data(xor(state, data[:BLOCK]))
    gmac.authenticate_additional_data(data[BLOCK:])
    gmac.finalize()
    product = gf2.multiply(_polynomial(xor(gmac.tag, mask)), inverse)
    lengths = (8 * len(data)).to_bytes(8, "big") + bytes(8)
    return xor(_block(gf2.reduce(product, _POLYNOMIAL)), lengths)
