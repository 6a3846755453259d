# SPDX-License-Identifier: MIT
"""DKP, the derived key protocol (era 6 and later): an HMAC key becomes a split key, in place.

The OPERATION word says where the key comes from and where the result goes:

- SRC (bits 15:14): 0 the `size` bytes after the word, padded to words; 1 the input sequence; 2 a
  pointer after the word; 3 a pointer to a scatter/gather table.
- DST (bits 13:12): 0 in the descriptor, in place of what follows the word; 1 the output sequence;
  2 the pointer that follows; 3 its scatter/gather table. With SRC and DST both pointers it is the
  same pointer, and the memory there is overwritten.
- KEY SIZE (bits 11:0): bytes of the key.

The result is the plain split key, twice the running digest long and not padded: the driver leaves
just that room, in the descriptor (append_proto_dkp of caam/desc_constr.h, Linux 6.12) and in memory
(aead_setkey of caamalg.c puts the cipher's key right behind), where a covered one would not fit.

What the DECO does: `derived = derive(word, key, services)`; class 2 gets `derived.split_key` as key
with `split_key=True`, `key_size=len(split_key)`; the same bytes are written to DST; unless
`derived.key_command` is None the OPERATION word in the descriptor (and in memory, for a shared
descriptor) becomes it, so that the next job loads the split key instead of deriving it. With DST 0
the bytes go behind that word, in the descriptor buffer and in memory likewise.
"""

from __future__ import annotations

from dataclasses import dataclass

from models.sec.cha.digest import ALGORITHMS
from models.sec.cha.splitkey import make_split_key
from models.sec.cha.unit import ChaError, ChaId, ErrorId, ProtocolError
from models.sec.services import SecServices

__all__ = ["DKP_DESTINATION_SHIFT", "DKP_SOURCE_SHIFT", "DerivedKey", "derive", "is_dkp"]

DKP_SOURCE_SHIFT, DKP_DESTINATION_SHIFT = 14, 12
IMMEDIATE, SEQUENCE, POINTER, SCATTER = range(4)
SIZE_MASK = 0xFFF
UNDEFINED_PROTOCOL, PDB_ERROR = 0x81, 0x82
_IDS = frozenset(range(0x20, 0x26))
_KEY_CLASS2_SPLIT = 2 << 25 | 3 << 16
_KEY_SCATTER, _KEY_IMMEDIATE = 1 << 24, 1 << 23


@dataclass(frozen=True, slots=True)
class DerivedKey:
    """A split key, and the KEY command (class 2, MDHA split key, IMM or SGF by DST, with the split
    key's size) that loads it from DST; None when DST is a sequence."""

    split_key: bytes
    key_command: int | None


def is_dkp(word: int) -> bool:
    """Whether an OPERATION word selects DKP. Its RIF forms (0x60 to 0x65) are not modelled."""
    return (word >> 24 & 7) == 0 and (word >> 16 & 0xFF) in _IDS


def derive(word: int, key: bytes, services: SecServices) -> DerivedKey:
    """The split key of `key`, which is the KEY SIZE bytes that `word` asks for.

    ProtocolError: 0x81 on a part without DKP, 0x82 when `key` has another size. ChaError: the part
    lacks the digest.
    """
    config = services.config
    if not config.has_derived_key_protocol or not is_dkp(word):
        raise ProtocolError(UNDEFINED_PROTOCOL)
    algorithm = ALGORITHMS[0x40 | word >> 16 & 0xF]
    if not config.md:
        raise ChaError(ChaId.MD, ErrorId.INVALID_CHA)
    if algorithm.state_size > config.digest_limit:
        raise ChaError(ChaId.MD, ErrorId.MODE)
    if len(key) != word & SIZE_MASK:
        raise ProtocolError(PDB_ERROR)
    split = make_split_key(algorithm, key)
    destination = word >> DKP_DESTINATION_SHIFT & 3
    if destination == SEQUENCE:
        return DerivedKey(split, None)
    place = {IMMEDIATE: _KEY_IMMEDIATE, SCATTER: _KEY_SCATTER}.get(destination, 0)
    return DerivedKey(split, _KEY_CLASS2_SPLIT | place | len(split))
