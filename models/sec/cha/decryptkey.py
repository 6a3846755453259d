# SPDX-License-Identifier: MIT
"""The decryption form of an AES key: the last words of its key schedule (FIPS 197, section 5.2).

AESA runs the schedule backwards when it decrypts, starting from there, and keeps the key register
in that form (OP_ALG_AAI_DK of caam/desc.h: "decrypt key").
"""

from __future__ import annotations

from functools import lru_cache

__all__ = ["from_decrypt_form", "to_decrypt_form"]


def _sbox() -> bytes:
    """FIPS 197, 5.1.1: the inverse in GF(2^8), then an affine map."""
    exponent, logarithm = [0] * 255, [0] * 256
    value = 1
    for index in range(255):
        exponent[index], logarithm[value] = value, index
        value ^= value << 1 ^ (0x11B if value & 0x80 else 0)  # times 3, a generator
    table = bytearray()
    for byte in range(256):
        inverse = exponent[-logarithm[byte] % 255] if byte else 0
        result = 0x63
        for turn in range(5):
            result ^= (inverse << turn | inverse >> (8 - turn)) & 0xFF
        table.append(result)
    return bytes(table)


_SBOX = _sbox()


def _substitute(word: int) -> int:
    return int.from_bytes(word.to_bytes(4, "big").translate(_SBOX), "big")


def _round_constants(count: int) -> list[int]:
    constants, value = [0], 1
    for _ in range(count):
        constants.append(value << 24)
        value = value << 1 ^ (0x11B if value & 0x80 else 0)
    return constants


_CONSTANTS = _round_constants(10)


def _mixed(previous: int, index: int, words: int) -> int:
    """What word `index` of the schedule adds to word `index - words`."""
    if index % words == 0:
        rotated = (previous << 8 | previous >> 24) & 0xFFFFFFFF
        return _substitute(rotated) ^ _CONSTANTS[index // words]
    if words > 6 and index % words == 4:
        return _substitute(previous)
    return previous


@lru_cache(maxsize=64)
def to_decrypt_form(key: bytes) -> bytes:
    """The last `len(key)` bytes of the schedule of a 16, 24 or 32 byte key."""
    words = len(key) // 4
    schedule = [int.from_bytes(key[i : i + 4], "big") for i in range(0, len(key), 4)]
    for index in range(words, 4 * (words + 7)):
        schedule.append(schedule[index - words] ^ _mixed(schedule[index - 1], index, words))
    return b"".join(word.to_bytes(4, "big") for word in schedule[-words:])


@lru_cache(maxsize=64)
def from_decrypt_form(key: bytes) -> bytes:
    """The key whose decryption form is `key`."""
    words = len(key) // 4
    total = 4 * (words + 7)
    schedule = dict(
        zip(
            range(total - words, total),
            (int.from_bytes(key[i : i + 4], "big") for i in range(0, len(key), 4)),
            strict=True,
        )
    )
    for index in range(total - 1, words - 1, -1):
        schedule[index - words] = schedule[index] ^ _mixed(schedule[index - 1], index, words)
    return b"".join(schedule[index].to_bytes(4, "big") for index in range(words))
