# SPDX-License-Identifier: MIT
"""A kernel as it was linked, before it became an image: where its names and lines are, for gdb."""

from __future__ import annotations

import struct
from pathlib import Path

_BUILD_DEPTH = 3
"""An image is this far below the top of the tree it was built in: arch/arm64/boot/Image."""

# By EI_CLASS: e_shoff in Ehdr; e_shentsize and e_shnum behind it (gABI, "ELF Header"). The type of
# a section is the second word of its header in either class.
_TABLE = {1: ("I", 32, 46), 2: ("Q", 40, 58)}
_BYTE_ORDER = {1: "<", 2: ">"}
_SYMBOLS = 2
_HEADER_SIZE = 64


def vmlinux_of(brought: Path | None) -> Path | None:
    """The one with names that lies beside a kernel that was brought, or on top of its tree."""
    if brought is None:
        return None
    tree = brought.parents[_BUILD_DEPTH : _BUILD_DEPTH + 1]
    folders = [brought] if brought.is_dir() else [brought.parent, *tree]
    return next((path for f in folders if has_symbols(path := f / "vmlinux")), None)


def has_symbols(path: Path) -> bool:
    """Whether this is an ELF file with a table of symbols."""
    try:
        with path.open("rb") as file:
            header = file.read(_HEADER_SIZE)
            if header[:4] != b"\x7fELF":
                return False
            order = _BYTE_ORDER[header[5]]
            form, table_at, sizes_at = _TABLE[header[4]]
            (table,) = struct.unpack_from(order + form, header, table_at)
            size, count = struct.unpack_from(f"{order}HH", header, sizes_at)
            file.seek(table)
            sections = file.read(size * count)
        kinds = (struct.unpack_from(f"{order}I", sections, size * i + 4) for i in range(count))
        return any(kind == _SYMBOLS for (kind,) in kinds)
    except (OSError, OverflowError, KeyError, IndexError, struct.error):
        return False
