# SPDX-License-Identifier: MIT
"""Where gdb finds the names of a kernel: in its vmlinux, or in a file made from its image."""

from __future__ import annotations

from pathlib import Path

from testbed.artifacts.kernel_image import power_elf, raw_image
from testbed.artifacts.vmlinux import has_symbols
from testbed.boards.board import Board
from testbed.debugger.kallsyms import NoSymbols, read_symbols
from testbed.debugger.symbol_file import ARM64, POWER, write_symbol_file
from testbed.errors import TestbedError

_MACHINES = {("little", 64): ARM64, ("big", 32): POWER}
_LINKED_TO = {ARM64: 0xFFFF_8000_8000_0000, POWER: 0xC000_0000}
"""Where kernels of the machine begin, for images that leave it to their relocations."""


def find_symbols(board: Board, kernel: Path, made: Path) -> Path:
    """A file with the names of `kernel`: itself if it has them, or `made`, which is written then.

    NoSymbols when there is neither that nor a table in the image.
    """
    if has_symbols(kernel):
        return kernel
    machine = _MACHINES[board.byteorder, board.word_bits]
    try:
        image = raw_image(kernel) if machine is ARM64 else power_elf(kernel)
    except TestbedError as error:
        raise NoSymbols(error.message) from None
    symbols = read_symbols(
        image,
        big_endian=machine.big_endian,
        pointer=machine.pointer,
        base=_LINKED_TO[machine],
    )
    write_symbol_file(made, machine, symbols)
    return made
