# SPDX-License-Identifier: MIT
"""Kernel modules by name: where they lie, what they depend on, their plain content."""

from __future__ import annotations

import gzip
import lzma
import struct
import subprocess
from collections.abc import Iterable
from pathlib import Path

from testbed.artifacts.failure import failure

_SUFFIXES = (".ko", ".ko.xz", ".ko.gz", ".ko.zst")

# Elf64_Ehdr up to e_shstrndx and Elf64_Shdr, little-endian: gABI "ELF Header", "Sections".
_ELF_HEADER = struct.Struct("<4sBB10xHHIQQQIHHHHHH")
_SECTION_HEADER = struct.Struct("<IIQQQQIIQQ")


class ModuleTree:
    """The modules below some folders; later folders win."""

    def __init__(self, *folders: Path, builtin: Path | None = None) -> None:
        self._paths: dict[str, Path] = {}
        for folder in folders:
            for path in folder.rglob("*.ko*"):
                if path.name.endswith(_SUFFIXES):
                    self._paths[canonical(path.name.split(".ko")[0])] = path
        lines = builtin.read_text().splitlines() if builtin is not None else []
        self._builtin = {canonical(Path(line).name.removesuffix(".ko")) for line in lines}
        self._content: dict[str, bytes] = {}

    def path(self, name: str) -> Path:
        """Raises TestbedError when there is no such module."""
        try:
            return self._paths[canonical(name)]
        except KeyError:
            raise failure(f"the kernel has no module {name}") from None

    def content(self, name: str) -> bytes:
        """The module's ELF file, decompressed. Raises TestbedError."""
        key = canonical(name)
        if key not in self._content:
            self._content[key] = _read(self.path(name))
        return self._content[key]

    def closure(self, names: Iterable[str]) -> list[str]:
        """`names` and all they depend on, in an order in which they can be loaded.

        What is built into the kernel is left out. Raises TestbedError for an unknown module.
        """
        order: dict[str, None] = {}

        def visit(name: str) -> None:
            key = canonical(name)
            if key in order or (key in self._builtin and key not in self._paths):
                return
            for dependency in dependencies(self.content(key)):
                visit(dependency)
            order.setdefault(key)

        for name in names:
            visit(name)
        return list(order)


def canonical(name: str) -> str:
    """The kernel treats - and _ in module names alike."""
    return name.replace("-", "_")


def dependencies(module: bytes) -> list[str]:
    """Names in the "depends" entry of a module's .modinfo. Raises TestbedError."""
    for entry in _section(module, b".modinfo").split(b"\0"):
        if entry.startswith(b"depends="):
            return [name for name in entry[8:].decode().split(",") if name]
    return []


def _section(module: bytes, wanted: bytes) -> bytes:
    try:
        header = _ELF_HEADER.unpack_from(module)
        if header[:3] != (b"\x7fELF", 2, 1):
            raise failure("a kernel module is not a little-endian 64-bit ELF file")
        table, entry, count, names = header[8], header[13], header[14], header[15]
        sections = [
            _SECTION_HEADER.unpack_from(module, table + index * entry) for index in range(count)
        ]
        strings = sections[names][4]
        for section in sections:
            start = strings + section[0]
            if module[start : module.index(b"\0", start)] == wanted:
                return module[section[4] : section[4] + section[5]]
    except (struct.error, IndexError, ValueError):
        raise failure("a kernel module is cut short or malformed") from None
    return b""


def _read(path: Path) -> bytes:
    content = path.read_bytes()
    try:
        if path.suffix == ".xz":
            return lzma.decompress(content)
        if path.suffix == ".gz":
            return gzip.decompress(content)
        if path.suffix == ".zst":
            done = subprocess.run(["zstd", "-dcq"], input=content, capture_output=True, check=True)
            return done.stdout
    except (OSError, EOFError, lzma.LZMAError, subprocess.SubprocessError) as error:
        raise failure(f"decompressing the kernel module {path.name} failed: {error}") from None
    return content
