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

# Ehdr and Shdr by EI_CLASS, and the byte order by EI_DATA: gABI "ELF Header", "Sections". Their
# fields follow each other in the same order in either class.
_HEADERS = {1: ("16xHHIIIIIHHHHHH", "IIIIIIIIII"), 2: ("16xHHIQQQIHHHHHH", "IIQQQQIIQQ")}
_BYTE_ORDERS = {1: "<", 2: ">"}


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

    @classmethod
    def of_files(cls, files: Iterable[Path], builtin: Path | None = None) -> ModuleTree:
        """The modules that are these files, wherever they lie."""
        tree = cls(builtin=builtin)
        tree._paths = {canonical(path.name.split(".ko")[0]): path for path in files}
        return tree

    def names(self) -> list[str]:
        """All modules there are, sorted."""
        return sorted(self._paths)

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
        if module[:4] != b"\x7fELF":
            raise failure("a kernel module is not an ELF file")
        order = _BYTE_ORDERS[module[5]]
        elf_header, section_header = (struct.Struct(order + form) for form in _HEADERS[module[4]])
        header = elf_header.unpack_from(module)
        table, entry, count, names = header[5], header[10], header[11], header[12]
        sections = [
            section_header.unpack_from(module, table + index * entry) for index in range(count)
        ]
        strings = sections[names][4]
        for section in sections:
            start = strings + section[0]
            if module[start : module.index(b"\0", start)] == wanted:
                return module[section[4] : section[4] + section[5]]
    except (struct.error, IndexError, KeyError, ValueError):
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
