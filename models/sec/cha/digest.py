# SPDX-License-Identifier: MIT
"""Hashes with a state that can be taken out, put back and continued.

`Hash` is one message under way. It starts from the standard initial value, from a digest state that
came out of a context register, or as a copy of a hashlib object. Where the state is not asked for,
hashlib does the work.
"""

from __future__ import annotations

import hashlib
import struct
from dataclasses import dataclass
from math import isqrt

from models.sec.cha.native import compression
from models.sec.cha.operation import Algorithm

__all__ = ["ALGORITHMS", "Hash", "HashAlgorithm", "hash_once"]


def _square_root_fractions(primes: tuple[int, ...], bits: int) -> tuple[int, ...]:
    return tuple(isqrt(prime << 2 * bits) & ((1 << bits) - 1) for prime in primes)


_FIRST_PRIMES = (2, 3, 5, 7, 11, 13, 17, 19)
_NEXT_PRIMES = (23, 29, 31, 37, 41, 43, 47, 53)
_MD4_FAMILY = (0x67452301, 0xEFCDAB89, 0x98BADCFE, 0x10325476)
_SHA512 = _square_root_fractions(_FIRST_PRIMES, 64)
_SHA384 = _square_root_fractions(_NEXT_PRIMES, 64)


@dataclass(frozen=True, slots=True)
class HashAlgorithm:
    """`name` as hashlib knows it, `core` as `compression` does. Sizes are bytes; `layout` is how
    the digest state lies in a context register: as the digest itself would."""

    name: str
    core: str
    block: int
    digest: int
    layout: str
    initial: tuple[int, ...]

    @property
    def state_size(self) -> int:
        return struct.calcsize(self.layout)

    @property
    def length_size(self) -> int:
        """Bytes of the message length in the padding."""
        return self.block // 8


ALGORITHMS: dict[int, HashAlgorithm] = {
    Algorithm.MD5: HashAlgorithm("md5", "md5", 64, 16, "<4I", _MD4_FAMILY),
    Algorithm.SHA1: HashAlgorithm("sha1", "sha1", 64, 20, ">5I", (*_MD4_FAMILY, 0xC3D2E1F0)),
    Algorithm.SHA224: HashAlgorithm(
        "sha224", "sha256", 64, 28, ">8I", tuple(word & 0xFFFFFFFF for word in _SHA384)
    ),
    Algorithm.SHA256: HashAlgorithm(
        "sha256", "sha256", 64, 32, ">8I", tuple(word >> 32 for word in _SHA512)
    ),
    Algorithm.SHA384: HashAlgorithm("sha384", "sha512", 128, 48, ">8Q", _SHA384),
    Algorithm.SHA512: HashAlgorithm("sha512", "sha512", 128, 64, ">8Q", _SHA512),
}
"""By ALG of the OPERATION word."""


class Hash:
    """A message under way, `length` bytes of it already in `state` (whole blocks)."""

    def __init__(
        self,
        algorithm: HashAlgorithm,
        state: bytes | None = None,
        length: int = 0,
        python_only: bool = False,
    ) -> None:
        self.algorithm = algorithm
        self.length = length
        self._compress = compression(algorithm.core, python_only)
        self._words = algorithm.initial if state is None else struct.unpack(algorithm.layout, state)
        self._pending = b""

    def update(self, data: bytes) -> None:
        self.length += len(data)
        data = self._pending + data
        whole = len(data) // self.algorithm.block * self.algorithm.block
        self._pending = data[whole:]
        if whole:
            self._words = self._compress(self._words, data[:whole])

    @property
    def aligned(self) -> bool:
        """No part of a block is waiting, so that `state` holds all there is."""
        return not self._pending

    @property
    def state(self) -> bytes:
        return struct.pack(self.algorithm.layout, *self._words)

    def digest(self) -> bytes:
        """The digest of the message so far; the message ends here."""
        algorithm = self.algorithm
        size = algorithm.length_size
        bits = 8 * self.length % (1 << 8 * size)
        padding = b"\x80" + bytes((-len(self._pending) - 1 - size) % algorithm.block)
        little = algorithm.layout[0] == "<"
        count = bits.to_bytes(size, "little" if little else "big")
        words = self._compress(self._words, self._pending + padding + count)
        return struct.pack(algorithm.layout, *words)[: algorithm.digest]


def hash_once(algorithm: HashAlgorithm, data: bytes) -> bytes:
    """The digest of `data`."""
    return hashlib.new(algorithm.name, data, usedforsecurity=False).digest()
