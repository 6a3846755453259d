# SPDX-License-Identifier: MIT
"""Where gdb finds the names of a kernel: in its own vmlinux, or in a file made from its image."""

from __future__ import annotations

from pathlib import Path

from testbed.artifacts.kernel_image import power_elf, raw_image
from testbed.boards.board import Board
from testbed.debugger.kallsyms import NoSymbols, read_symbols
from testbed.debugger.symbol_file import ARM64, POWER, write_symbol_file
from testbed.errors import TestbedError

_MACHINES = {("little", 64): ARM64, ("big", 32): POWER}
_LINKED_TO = {ARM64: 0xFFFF_8000_8000_0000, POWER: 0xC000_0000}
"""Where kernels of the machine begin, for images that leave it to their relocations."""

_BUILD_DEPTH = 3
"""An image is this far below the top of the tree it was built in: arch/arm64/boot/Image."""


def find_symbols(board: Board, kernel: Path, made: Path) -> Path:
    """A file with the names of `kernel`: its vmlinux, or `made`, which is written then.

    NoSymbols when there is neither that nor a table in the image.
    """
    beside = [kernel.parent, *kernel.parents[_BUILD_DEPTH : _BUILD_DEPTH + 1]]
    for vmlinux in (folder / "vmlinux" for folder in beside):
        if vmlinux.is_file():
            return vmlinux
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
