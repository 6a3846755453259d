# SPDX-License-Identifier: MIT
"""An entry of the PAACTs (PAACE) as numbers."""

from __future__ import annotations

import struct
from dataclasses import dataclass
from functools import lru_cache

from models.pamu.registers import PAACE_ADDRESS, PAACE_ATTRIBUTES, PAACE_WINDOW, SPAACE_ADDRESS

__all__ = ["ENTRY_SIZE", "MAPPING_SIZE", "PAGE_BITS", "Entry"]

ENTRY_SIZE = 64
MAPPING_SIZE = 128
"""Bytes of an entry of the operation mapping table: a mapped operation for each operation."""
PAGE_BITS = 12
"""Windows and subwindows are of whole pages."""

_WORDS = struct.Struct(">8I")


@dataclass(frozen=True, slots=True)
class Entry:
    """A PAACE, primary or secondary; some fields have a meaning in one of them only.

    Bits are logarithms of sizes in bytes: of the window, of a part (a subwindow, or the window when
    there are none), and of what is used of a part. `permissions` has bit 0 for reading and bit 1
    for writing, `translation` is ATM and `operations` OTM. A window lies at a multiple of its size:
    lower bits of its address are ignored.
    """

    valid: bool
    secondary: bool
    liodn: int
    window: int
    window_bits: int
    multiple: bool
    count_bits: int
    part_bits: int
    permissions: int
    translation: int
    target: int
    used_bits: int
    first_secondary: int
    operations: int
    mapping: int

    @staticmethod
    @lru_cache(maxsize=1024)
    def decode(data: bytes) -> Entry:
        """The entry that these ENTRY_SIZE bytes hold."""
        high, address, _, attributes, target_high, window, first, operation = _WORDS.unpack_from(
            data
        )
        a, i, w = PAACE_ADDRESS, PAACE_ATTRIBUTES, PAACE_WINDOW
        window_bits = a.WSE.get(address) + 1
        multiple = bool(address & a.MW.mask)
        count_bits = i.WCE.get(attributes) + 1
        return Entry(
            valid=bool(address & a.V.mask),
            secondary=bool(address & a.PT.mask),
            liodn=SPAACE_ADDRESS.LIODN.get(address),
            window=(high << 32 | address & a.WBAL.mask) >> window_bits << window_bits,
            window_bits=window_bits,
            multiple=multiple,
            count_bits=count_bits,
            part_bits=window_bits - count_bits if multiple else window_bits,
            permissions=a.AP.get(address),
            translation=i.ATM.get(attributes),
            target=target_high << 32 | window & w.TWBAL.mask,
            used_bits=w.SWSE.get(window) + 1,
            first_secondary=first,
            operations=i.OTM.get(attributes),
            mapping=operation & 0xFFFF,
        )
