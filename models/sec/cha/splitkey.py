# SPDX-License-Identifier: MIT
"""MDHA split keys: the digest states after the inner and the outer padded HMAC key (RFC 2104).

A split key is inner state then outer state, each as long as the running digest. The model makes
most split keys itself, so it remembers which hashlib objects stand behind one: with these the
HMACs run at the library's speed. A key it does not know (made before a restore, or by hand) gives
the same results by way of the compression function.
"""

from __future__ import annotations

import hashlib
import threading
from collections import OrderedDict
from typing import Protocol

from models.sec.cha.digest import Hash, HashAlgorithm, hash_once

__all__ = ["MEMO_LIMIT", "Hasher", "forget", "inner_hash", "make_split_key", "outer_digest"]

MEMO_LIMIT = 256
_INNER, _OUTER = 0x36, 0x5C


class Hasher(Protocol):
    """What hashlib objects and `Hash` have in common."""

    def update(self, data: bytes, /) -> None: ...

    def digest(self) -> bytes: ...


_Pair = tuple["hashlib._Hash", "hashlib._Hash"]
_memo: OrderedDict[tuple[str, bytes], _Pair] = OrderedDict()
_lock = threading.Lock()


def make_split_key(algorithm: HashAlgorithm, key: bytes) -> bytes:
    """The split key of an HMAC key of any length."""
    if len(key) > algorithm.block:
        key = hash_once(algorithm, key)
    padded = key.ljust(algorithm.block, b"\0")
    states, objects = [], []
    for pad in (_INNER, _OUTER):
        block = bytes(byte ^ pad for byte in padded)
        half = Hash(algorithm)
        half.update(block)
        states.append(half.state)
        objects.append(hashlib.new(algorithm.name, block, usedforsecurity=False))
    split = b"".join(states)
    with _lock:
        _memo[algorithm.name, split] = (objects[0], objects[1])
        _memo.move_to_end((algorithm.name, split))
        while len(_memo) > MEMO_LIMIT:
            _memo.popitem(last=False)
    return split


def forget() -> None:
    """Empty the memo."""
    with _lock:
        _memo.clear()


def _known(algorithm: HashAlgorithm, split: bytes) -> _Pair | None:
    with _lock:
        return _memo.get((algorithm.name, split))


def inner_hash(algorithm: HashAlgorithm, split: bytes) -> Hasher:
    """A hash that has taken the inner padded key."""
    pair = _known(algorithm, split)
    if pair is not None:
        return pair[0].copy()
    return Hash(algorithm, split[: algorithm.state_size], algorithm.block)


def outer_digest(algorithm: HashAlgorithm, split: bytes, inner: bytes) -> bytes:
    """The HMAC, from the digest of the inner hash."""
    pair = _known(algorithm, split)
    outer: Hasher
    if pair is not None:
        outer = pair[1].copy()
    else:
        outer = Hash(algorithm, split[algorithm.state_size :], algorithm.block)
    outer.update(inner)
    return outer.digest()
