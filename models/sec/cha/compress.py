# SPDX-License-Identifier: MIT
"""The compression functions of MD5 (RFC 1321), SHA-1 and SHA-2 (FIPS 180-4), from any state on.

No library gives them: a context that lies in guest memory can be any state. These are for whole
blocks, states as tuples of words. `models.sec.cha.native` does the same faster where it can.
"""

from __future__ import annotations

import struct
from collections.abc import Callable
from math import isqrt, sin

__all__ = ["MD5", "SHA1", "SHA256", "SHA512", "Compression"]

State = tuple[int, ...]
Compression = Callable[[State, bytes], State]

_M32 = 0xFFFFFFFF
_M64 = 0xFFFFFFFFFFFFFFFF
_DOUBLE = 1 << 32 | 1  # a word twice side by side: a shift of it rotates
_DOUBLE64 = 1 << 64 | 1


def _primes(count: int) -> list[int]:
    found: list[int] = []
    number = 2
    while len(found) < count:
        if all(number % prime for prime in found):
            found.append(number)
        number += 1
    return found


def _cube_root(number: int) -> int:
    low, high = 0, 1 << (number.bit_length() // 3 + 1)
    while low < high - 1:
        middle = (low + high) // 2
        if middle**3 <= number:
            low = middle
        else:
            high = middle
    return low


_PRIMES = _primes(80)
_K512 = tuple(_cube_root(prime << 192) & _M64 for prime in _PRIMES)
_K256 = tuple(constant >> 32 for constant in _K512[:64])
_K_MD5 = tuple(int(abs(sin(i + 1)) * (1 << 32)) for i in range(64))
_K_SHA1 = tuple(isqrt(number << 60) for number in (2, 3, 5, 10))
_MD5_TURNS = (7, 12, 17, 22) * 4 + (5, 9, 14, 20) * 4 + (4, 11, 16, 23) * 4 + (6, 10, 15, 21) * 4
_MD5_WORDS = (
    *range(16),
    *((5 * i + 1) % 16 for i in range(16)),
    *((3 * i + 5) % 16 for i in range(16)),
    *((7 * i) % 16 for i in range(16)),
)
_MD5_STEPS = tuple(zip(_K_MD5, _MD5_WORDS, _MD5_TURNS, (32 - t for t in _MD5_TURNS), strict=True))
_MD5_ROUNDS = tuple(_MD5_STEPS[16 * i : 16 * i + 16] for i in range(4))


def MD5(state: State, data: bytes) -> State:
    """Blocks of 64 bytes; words little-endian."""
    a0, b0, c0, d0 = state
    for words in struct.iter_unpack("<16I", data):
        a, b, c, d = a0, b0, c0, d0
        for constant, word, left, right in _MD5_ROUNDS[0]:
            f = (a + (d ^ (b & (c ^ d))) + constant + words[word]) & _M32
            a, d, c, b = d, c, b, (b + (f << left | f >> right)) & _M32
        for constant, word, left, right in _MD5_ROUNDS[1]:
            f = (a + (c ^ (d & (b ^ c))) + constant + words[word]) & _M32
            a, d, c, b = d, c, b, (b + (f << left | f >> right)) & _M32
        for constant, word, left, right in _MD5_ROUNDS[2]:
            f = (a + (b ^ c ^ d) + constant + words[word]) & _M32
            a, d, c, b = d, c, b, (b + (f << left | f >> right)) & _M32
        for constant, word, left, right in _MD5_ROUNDS[3]:
            f = (a + (c ^ (b | ~d & _M32)) + constant + words[word]) & _M32
            a, d, c, b = d, c, b, (b + (f << left | f >> right)) & _M32
        a0, b0, c0, d0 = (a0 + a) & _M32, (b0 + b) & _M32, (c0 + c) & _M32, (d0 + d) & _M32
    return a0, b0, c0, d0


def SHA1(state: State, data: bytes) -> State:
    """Blocks of 64 bytes."""
    a0, b0, c0, d0, e0 = state
    k0, k1, k2, k3 = _K_SHA1
    for block in struct.iter_unpack(">16I", data):
        w = list(block)
        for i in range(16, 80):
            x = w[i - 3] ^ w[i - 8] ^ w[i - 14] ^ w[i - 16]
            w.append((x << 1 | x >> 31) & _M32)
        a, b, c, d, e = a0, b0, c0, d0, e0
        for word in w[:20]:
            a, e, d, c, b = (
                ((a << 5 | a >> 27) + (d ^ (b & (c ^ d))) + e + k0 + word) & _M32,
                d,
                c,
                (b << 30 | b >> 2) & _M32,
                a,
            )
        for word in w[20:40]:
            a, e, d, c, b = (
                ((a << 5 | a >> 27) + (b ^ c ^ d) + e + k1 + word) & _M32,
                d,
                c,
                (b << 30 | b >> 2) & _M32,
                a,
            )
        for word in w[40:60]:
            a, e, d, c, b = (
                ((a << 5 | a >> 27) + (b & c | d & (b | c)) + e + k2 + word) & _M32,
                d,
                c,
                (b << 30 | b >> 2) & _M32,
                a,
            )
        for word in w[60:]:
            a, e, d, c, b = (
                ((a << 5 | a >> 27) + (b ^ c ^ d) + e + k3 + word) & _M32,
                d,
                c,
                (b << 30 | b >> 2) & _M32,
                a,
            )
        a0, b0, c0, d0, e0 = (
            (a0 + a) & _M32,
            (b0 + b) & _M32,
            (c0 + c) & _M32,
            (d0 + d) & _M32,
            (e0 + e) & _M32,
        )
    return a0, b0, c0, d0, e0


def SHA256(state: State, data: bytes) -> State:
    """Blocks of 64 bytes; SHA-224 too."""
    a0, b0, c0, d0, e0, f0, g0, h0 = state
    for block in struct.iter_unpack(">16I", data):
        w = list(block)
        add = w.append
        for i in range(16, 64):
            x = w[i - 15]
            xx = x * _DOUBLE
            y = w[i - 2]
            yy = y * _DOUBLE
            add(
                (
                    (xx >> 7 ^ xx >> 18 ^ x >> 3)
                    + (yy >> 17 ^ yy >> 19 ^ y >> 10)
                    + w[i - 7]
                    + w[i - 16]
                )
                & _M32
            )
        a, b, c, d, e, f, g, h = a0, b0, c0, d0, e0, f0, g0, h0
        for constant, word in zip(_K256, w, strict=True):
            ee = e * _DOUBLE
            aa = a * _DOUBLE
            t = h + (ee >> 6 ^ ee >> 11 ^ ee >> 25) + (g ^ (e & (f ^ g))) + constant + word
            h, g, f, e = g, f, e, (d + t) & _M32
            u = (aa >> 2 ^ aa >> 13 ^ aa >> 22) + (a & b | c & (a | b))
            d, c, b, a = c, b, a, (t + u) & _M32
        a0, b0, c0, d0 = (a0 + a) & _M32, (b0 + b) & _M32, (c0 + c) & _M32, (d0 + d) & _M32
        e0, f0, g0, h0 = (e0 + e) & _M32, (f0 + f) & _M32, (g0 + g) & _M32, (h0 + h) & _M32
    return a0, b0, c0, d0, e0, f0, g0, h0


def SHA512(state: State, data: bytes) -> State:
    """Blocks of 128 bytes; SHA-384 too."""
    a0, b0, c0, d0, e0, f0, g0, h0 = state
    for block in struct.iter_unpack(">16Q", data):
        w = list(block)
        add = w.append
        for i in range(16, 80):
            x = w[i - 15]
            xx = x * _DOUBLE64
            y = w[i - 2]
            yy = y * _DOUBLE64
            add(
                (
                    (xx >> 1 ^ xx >> 8 ^ x >> 7)
                    + (yy >> 19 ^ yy >> 61 ^ y >> 6)
                    + w[i - 7]
                    + w[i - 16]
                )
                & _M64
            )
        a, b, c, d, e, f, g, h = a0, b0, c0, d0, e0, f0, g0, h0
        for constant, word in zip(_K512, w, strict=True):
            ee = e * _DOUBLE64
            aa = a * _DOUBLE64
            t = h + (ee >> 14 ^ ee >> 18 ^ ee >> 41) + (g ^ (e & (f ^ g))) + constant + word
            h, g, f, e = g, f, e, (d + t) & _M64
            u = (aa >> 28 ^ aa >> 34 ^ aa >> 39) + (a & b | c & (a | b))
            d, c, b, a = c, b, a, (t + u) & _M64
        a0, b0, c0, d0 = (a0 + a) & _M64, (b0 + b) & _M64, (c0 + c) & _M64, (d0 + d) & _M64
        e0, f0, g0, h0 = (e0 + e) & _M64, (f0 + f) & _M64, (g0 + g) & _M64, (h0 + h) & _M64
    return a0, b0, c0, d0, e0, f0, g0, h0
