# SPDX-License-Identifier: MIT
"""A machine that stands before its kernel's first instruction until gdb lets it run."""

from __future__ import annotations

import shlex
from pathlib import Path

from testbed.boards.board import Board
from testbed.debugger.kallsyms import NoSymbols
from testbed.debugger.symbols import find_symbols
from testbed.qmp import Qmp
from testbed.run import Run
from testbed.watch import Watch

SOCKET = "gdb.sock"
"""In the machine's folder of the run."""

KERNEL_ARGUMENT = "nokaslr"
"""The kernel then is where its symbol table says."""

_SYMBOLS = "symbols.elf"

_AT_START = ("hbreak start_kernel",)

_ONCE_MAPPED = ("watch $pc >= &_stext", "continue", "delete $bpnum", "break start_kernel")
"""gdb goes an instruction at a time until the kernel runs where its names are: from there on QEMU
can write breakpoints into its code."""


def gdb_arguments(socket: str) -> tuple[str, ...]:
    """QEMU's, for a machine that waits for gdb at the UNIX socket `socket`."""
    return ("-S", "-gdb", f"unix:{socket},server=on,wait=off")


def wait_for_gdb(
    run: Run,
    machine: str,
    folder: Path,
    board: Board,
    kernel: Path,
    qmp: Qmp,
    watch: Watch,
    *,
    hardware_breakpoints: bool = True,
) -> None:
    """Say how gdb attaches to `machine`, and wait, without end, until it has let it run.

    Without `hardware_breakpoints` the machine stops only at those that are written into its code.
    """
    # Relative, as the address of a socket has 107 bytes at most.
    words = [f"cd {shlex.quote(str(folder))} && gdb-multiarch"]
    try:
        symbols = find_symbols(board, kernel, folder / _SYMBOLS)
        made = symbols.parent == folder
        words.append(_SYMBOLS if made else shlex.quote(str(symbols)))
        commands = _AT_START if hardware_breakpoints else _ONCE_MAPPED
        words += [f"-ex '{command}'" for command in (f"target remote {SOCKET}", *commands)]
    except NoSymbols as error:
        run.tell(event="say", line=f"no names for gdb: {error} ({kernel}); its vmlinux has them")
        words.append(f"-ex 'target remote {SOCKET}'")
    run.tell(event="say", line=f"{machine} waits for gdb, and no deadline hurries you:")
    run.tell(event="say", line=f"  {' '.join(words)}")
    qmp.wait_for("RESUME", watch)
