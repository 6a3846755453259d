# SPDX-License-Identifier: MIT
"""Entries of the input information FIFO: what the next data of the input FIFO are, and for whom.

Source: NFIFOENTRY_* of drivers/crypto/caam/desc.h (Linux 6.12); the padding types by the names of
drivers/common/dpaax/caamflib/rta/nfifo_cmd.h (DPDK).
"""

from __future__ import annotations

from dataclasses import dataclass

from models.sec.cha.unit import InputType
from models.sec.deco.errors import DecoError, ErrorCode
from models.sec.deco.fields import InfoEntry
from models.sec.deco.tables import (
    INFO_PKHA,
    INFO_SBOX,
    INFO_SKIP,
    INFO_TYPES,
    SOURCE_DATA,
    SOURCE_PAD,
)
from models.sec.services import SecServices

__all__ = ["Info", "decode_info", "padding"]

_REGISTERS = frozenset((*INFO_PKHA.values(), InputType.SBOX))
_PAD_LENGTH = 0xFF
_DATA_LENGTH = 0xFFF


@dataclass(slots=True)
class Info:
    """`length` bytes of `kind` (None: dropped) from `source` for the classes in `dest` (bit 0:
    class 1, bit 1: class 2, none: the DECO's own alignment block)."""

    dest: int
    kind: InputType | None
    length: int
    last1: bool = False
    last2: bool = False
    flush1: bool = False
    flush2: bool = False
    source: int = SOURCE_DATA
    alternate: bool = False
    pad: int = 0

    @property
    def register(self) -> bool:
        """Whether the data are the content of a register, not for a unit."""
        return self.kind in _REGISTERS

    @property
    def whole(self) -> bool:
        """Whether the data are of use in one piece only."""
        return self.kind in _REGISTERS or self.kind is InputType.ICV


def decode_info(word: int, length: int | None, public_key: bool) -> Info:
    """An entry as LOAD writes it. `length` replaces its own; `public_key`: class 1 is the PKHA."""
    dest = InfoEntry.DEST.get(word)
    source = InfoEntry.STYPE.get(word)
    if length is None:
        length = word & (_PAD_LENGTH if source == SOURCE_PAD else _DATA_LENGTH)
    return Info(
        dest=dest,
        kind=_kind(InfoEntry.DTYPE.get(word), dest, public_key),
        length=length,
        last1=bool(word & InfoEntry.LC1.mask),
        last2=bool(word & InfoEntry.LC2.mask),
        flush1=bool(word & InfoEntry.FC1.mask),
        flush2=bool(word & InfoEntry.FC2.mask),
        source=source,
        alternate=source != SOURCE_PAD and bool(word & InfoEntry.AST.mask),
        pad=InfoEntry.PTYPE.get(word),
    )


def _kind(number: int, dest: int, public_key: bool) -> InputType | None:
    if number == INFO_SKIP:
        return None
    if dest == 0:
        if number == 0xF:
            return InputType.MESSAGE
        raise DecoError(ErrorCode.SKIP_TYPE)
    if dest == 1 and public_key:
        kind = INFO_PKHA.get(number)
    elif dest == 1 and number == INFO_SBOX:
        kind = InputType.SBOX
    else:
        kind = INFO_TYPES.get(number)
    if kind is None:
        raise DecoError(ErrorCode.LOAD)
    return kind


def padding(kind: int, size: int, services: SecServices) -> bytes:
    """`size` bytes of padding type `kind` (PTYPE): 0 zeros; 1 random, none zero; 2 counting from
    one; 3 random; 4 zeros, 5 random and none zero, each but for the last byte, which is `size - 1`
    or zero; 6 all `size - 1`; 7 random and none zero, the last `size - 1`."""
    if not size:
        return b""
    end = bytes([size - 1 & 0xFF])
    if kind == 0:
        return bytes(size)
    if kind == 1:
        return services.random_nonzero(size)
    if kind == 2:
        return bytes(number & 0xFF for number in range(1, size + 1))
    if kind == 3:
        return services.random(size)
    if kind == 4:
        return bytes(size - 1) + end
    if kind == 5:
        return services.random_nonzero(size - 1) + b"\0"
    if kind == 6:
        return end * size
    return services.random_nonzero(size - 1) + end
