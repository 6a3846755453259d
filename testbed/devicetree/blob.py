# SPDX-License-Identifier: MIT
"""Checking that bytes are a flattened device tree, before pyfdt reads them.

pyfdt takes an unknown token for the start of a node, a cut property for a short one, and a missing
end for the end. Source: Devicetree Specification 0.4, chapter 5.
"""

from __future__ import annotations

import struct

_HEADER = struct.Struct(">10I")
_MAGIC = 0xD00DFEED
_VERSION = 17
_BEGIN_NODE, _END_NODE, _PROPERTY, _NOP, _END = 1, 2, 3, 4, 9
_DEEPEST = 64
"""As Linux (FDT_MAX_DEPTH of drivers/of/fdt.c)."""


def check(blob: bytes) -> None:
    """ValueError that says where `blob` is no flattened tree of version 17."""
    if len(blob) < _HEADER.size:
        raise ValueError(f"{len(blob)} bytes are less than a header")
    magic, total, structure, strings, _, version, _, _, strings_size, size = _HEADER.unpack_from(
        blob
    )
    if magic != _MAGIC:
        raise ValueError(f"it begins with {magic:#010x}, not {_MAGIC:#x}")
    if version != _VERSION:
        raise ValueError(f"it is of version {version}, not {_VERSION}")
    if max(total, structure + size, strings + strings_size) > len(blob):
        raise ValueError(f"it is cut: there are {len(blob)} of {total} bytes")
    _check_structure(blob[structure : structure + size], strings_size)


def _check_structure(structure: bytes, strings_size: int) -> None:
    """The tokens of the structure block: one root node, whole properties, one end."""
    at = depth = roots = 0
    while at + 4 <= len(structure):
        token = int.from_bytes(structure[at : at + 4])
        at += 4
        if token == _BEGIN_NODE:
            name_end = structure.find(b"\0", at)
            if (name_end == at) != (depth == 0):
                raise ValueError(f"the node at {at:#x} of its structure has the wrong name")
            at = _aligned(name_end + 1) if name_end >= 0 else len(structure)
            roots += depth == 0
            depth += 1
        elif token == _END_NODE:
            depth -= 1
        elif token == _PROPERTY:
            length, name = struct.unpack(">2I", structure[at : at + 8].ljust(8, b"\xff"))
            if depth < 1 or name >= strings_size:
                raise ValueError(f"the property at {at:#x} of its structure has no node or name")
            at = _aligned(at + 8 + length)
        elif token == _END and depth == 0 and roots == 1:
            return
        elif token != _NOP:
            raise ValueError(f"token {token:#x} at {at - 4:#x} of its structure is out of place")
        if not 0 <= depth <= _DEEPEST:
            raise ValueError(f"at {at:#x} of its structure nodes do not nest")
    raise ValueError("its structure has no end")


def _aligned(offset: int) -> int:
    return (offset + 3) & ~3
