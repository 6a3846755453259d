# SPDX-License-Identifier: MIT
"""An ELF file that holds nothing but names, for gdb."""

from __future__ import annotations

import struct
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from testbed.debugger.kallsyms import Symbol

_EXECUTABLE = 2
_SYMBOLS, _STRINGS, _NO_BITS = 2, 3, 8
_ALLOCATED, _HAS_CODE = 2, 4
_GLOBAL, _OBJECT, _FUNCTION = 1, 1, 2
_SECTION_NAMES = b"\0.text\0.symtab\0.strtab\0.shstrtab\0"


@dataclass(frozen=True)
class Machine:
    """What an ELF file says it is for; `number` is the e_machine of the specification."""

    number: int
    big_endian: bool
    pointer: int

    @property
    def order(self) -> str:
        return ">" if self.big_endian else "<"


ARM64 = Machine(183, big_endian=False, pointer=8)
POWER = Machine(20, big_endian=True, pointer=4)


def write_symbol_file(path: Path, machine: Machine, symbols: Sequence[Symbol]) -> None:
    """Write the names of a kernel, in one section without content that spans them all."""
    strings = b"\0" + b"".join(symbol.name.encode("latin-1") + b"\0" for symbol in symbols)
    entries = [_symbol(machine, 0, 0, 0, 0)]
    at = 1
    for symbol in symbols:
        kind = _FUNCTION if symbol.kind in "tTwW" else _OBJECT
        entries.append(_symbol(machine, at, symbol.address, _GLOBAL << 4 | kind, 1))
        at += len(symbol.name) + 1
    table = b"".join(entries)
    start = min(symbol.address for symbol in symbols)
    size = max(symbol.address for symbol in symbols) - start + 1
    header = _size_of(machine, _HEADER)
    names_at = header + len(table) + len(strings)
    sections = (
        (0, 0, 0, 0, 0, 0, 0, 0, 0, 0),
        (1, _NO_BITS, _ALLOCATED | _HAS_CODE, start, header, size, 0, 0, 8, 0),
        (7, _SYMBOLS, 0, 0, header, len(table), 3, 1, 8, len(entries[0])),
        (15, _STRINGS, 0, 0, header + len(table), len(strings), 0, 0, 1, 0),
        (23, _STRINGS, 0, 0, names_at, len(_SECTION_NAMES), 0, 0, 1, 0),
    )
    with path.open("wb") as file:
        file.write(_header(machine, names_at + len(_SECTION_NAMES), len(sections)))
        file.write(table + strings + _SECTION_NAMES)
        for section in sections:
            file.write(_pack(machine, _SECTION, *section))


_HEADER = "16sHHIPPPIHHHHHH"
_SECTION = "IIPPPPIIPP"


def _pack(machine: Machine, layout: str, *values: object) -> bytes:
    """`P` in a layout is the size of an address."""
    return struct.pack(
        machine.order + layout.replace("P", "Q" if machine.pointer == 8 else "I"), *values
    )


def _size_of(machine: Machine, layout: str) -> int:
    return struct.calcsize("=" + layout.replace("P", "Q" if machine.pointer == 8 else "I"))


def _header(machine: Machine, sections_at: int, sections: int) -> bytes:
    ident = bytes(
        [0x7F, *b"ELF", 2 if machine.pointer == 8 else 1, 2 if machine.big_endian else 1, 1]
    )
    size, entry = _size_of(machine, _HEADER), _size_of(machine, _SECTION)
    counts = (size, 0, 0, entry, sections, sections - 1)
    return _pack(
        machine, _HEADER, ident, _EXECUTABLE, machine.number, 1, 0, 0, sections_at, 0, *counts
    )


def _symbol(machine: Machine, name: int, address: int, info: int, section: int) -> bytes:
    if machine.pointer == 8:
        return _pack(machine, "IBBHPP", name, info, 0, section, address, 0)
    return _pack(machine, "IPPBBH", name, address, 0, info, 0, section)
