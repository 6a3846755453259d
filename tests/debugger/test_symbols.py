# SPDX-License-Identifier: MIT
"""Names out of the kernels that runs use, and the file that gdb takes them from."""

from __future__ import annotations

import subprocess
from pathlib import Path
from random import Random

import pytest

from testbed.artifacts import BoardArtifacts, prepare, progress_for
from testbed.boards import board
from testbed.debugger.kallsyms import NoSymbols, Symbol, read_symbols
from testbed.debugger.symbol_file import ARM64, POWER, Machine, write_symbol_file
from testbed.debugger.symbols import find_symbols

SYMBOLS = [
    Symbol(0xC0000000, "T", "_start"),
    Symbol(0xC0000010, "d", "data"),
    Symbol(0xC0000020, "t", "x"),
]


def artifacts(name: str) -> BoardArtifacts:
    return prepare(name, progress=progress_for())


def names_in(path: Path) -> dict[str, tuple[int, str]]:
    """Addresses and kinds by name, as readelf has them."""
    done = subprocess.run(["readelf", "-sW", str(path)], capture_output=True, text=True, check=True)
    assert not done.stderr
    rows = [line.split() for line in done.stdout.splitlines()]
    return {row[7]: (int(row[1], 16), row[3]) for row in rows if len(row) == 8 and row[0] != "Num:"}


@pytest.mark.parametrize("name", ["arm-virt", "e500"])
def test_a_boards_kernel_names_its_functions(name: str, tmp_path: Path) -> None:
    kernel = artifacts(name).host_kernel
    made = find_symbols(board(name), kernel, tmp_path / "symbols.elf")
    found = names_in(made)
    assert found["start_kernel"][1] == "FUNC"
    assert found["panic"][1] == "FUNC"
    assert len(found) > 10000


def test_names_and_addresses_are_those_of_the_kernels_own_map(tmp_path: Path) -> None:
    kernel = artifacts("e500").host_kernel
    rows = [line.split() for line in kernel.with_name("System.map").read_text().splitlines()]
    listed = {(int(address, 16), name) for address, _, name in rows}
    image = kernel.read_bytes()
    found = read_symbols(image, big_endian=True, pointer=4, base=0xC0000000)
    assert len(found) > 10000
    assert {(symbol.address, symbol.name) for symbol in found} <= listed


@pytest.mark.parametrize("machine", [ARM64, POWER], ids=["arm64", "power"])
def test_a_symbol_file_is_what_readelf_reads(machine: Machine, tmp_path: Path) -> None:
    path = tmp_path / "symbols.elf"
    write_symbol_file(path, machine, SYMBOLS)
    assert names_in(path) == {
        "_start": (0xC0000000, "FUNC"),
        "data": (0xC0000010, "OBJECT"),
        "x": (0xC0000020, "FUNC"),
    }


def test_a_vmlinux_has_them_itself(tmp_path: Path) -> None:
    vmlinux, made = tmp_path / "vmlinux", tmp_path / "symbols.elf"
    write_symbol_file(vmlinux, ARM64, SYMBOLS)
    assert find_symbols(board("arm-virt"), vmlinux, made) == vmlinux
    assert not made.exists()


def test_what_is_no_kernel_has_no_names(tmp_path: Path) -> None:
    kernel = tmp_path / "a/b/c/Image"
    kernel.parent.mkdir(parents=True)
    kernel.write_bytes(bytes(100))
    with pytest.raises(NoSymbols, match="is not an arm64 kernel image"):
        find_symbols(board("arm-virt"), kernel, tmp_path / "symbols.elf")


@pytest.mark.parametrize("seed", range(5))
def test_random_bytes_have_no_names(seed: int) -> None:
    digits = b"".join(b"%d\0" % digit for digit in range(10))
    content = Random(seed).randbytes(4096)
    for image in (content, content + digits + content):
        with pytest.raises(NoSymbols):
            read_symbols(image, big_endian=False, pointer=8, base=0)
