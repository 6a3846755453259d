# SPDX-License-Identifier: MIT
"""Kernels as QEMU loads them, out of the forms in which they are shipped."""

from __future__ import annotations

import gzip
import lzma
import struct
import subprocess
import zlib
from pathlib import Path

from testbed.artifacts.failure import failure

_GZIP = b"\x1f\x8b"
# Offset 56 of the Image header, Documentation/arch/arm64/booting.rst.
_ARM64_MAGIC = b"ARM\x64"
# drivers/firmware/efi/libstub/zboot-header.S: "zimg", offset and size of the payload, its kind.
_ZBOOT = struct.Struct("<4x4sII8x32s")
# ELF header: 32 bits, most significant byte first; executable for PowerPC (EM_PPC).
_POWER_ELF = b"\x7fELF\x01\x02"
_EXECUTABLE_POWER = struct.pack(">HH", 2, 20)


def power_elf(path: Path) -> bytes:
    """The ELF image (vmlinux) of the 32-bit Power kernel at `path`: as it is, or in gzip.

    Raises TestbedError when it is neither, OSError when it cannot be read.
    """
    content = path.read_bytes()
    if content.startswith(_GZIP):
        content = _decompress(content, "gzip", path)
    if not content.startswith(_POWER_ELF) or content[16:20] != _EXECUTABLE_POWER:
        raise failure(f"{path.name} is not a 32-bit Power kernel (vmlinux: ELF, or that in gzip)")
    return content


def raw_image(path: Path) -> bytes:
    """The uncompressed Image of the arm64 kernel at `path`: raw, gzip or EFI zboot.

    Raises TestbedError when it is none of them, OSError when it cannot be read.
    """
    content = path.read_bytes()
    if content[4:8] == b"zimg" and len(content) >= _ZBOOT.size:
        _, offset, size, kind = _ZBOOT.unpack_from(content)
        content = _decompress(content[offset : offset + size], kind.rstrip(b"\0").decode(), path)
    elif content.startswith(_GZIP):
        content = _decompress(content, "gzip", path)
    if content[56:60] != _ARM64_MAGIC:
        raise failure(f"{path.name} is not an arm64 kernel image (raw, gzip or EFI zboot)")
    return content


def _decompress(content: bytes, kind: str, path: Path) -> bytes:
    try:
        if kind == "gzip":
            return gzip.decompress(content)
        if kind == "lzma":
            return lzma.decompress(content)
        if kind == "xzkern":
            return lzma.decompress(content, lzma.FORMAT_XZ)
        if kind == "zstd22":
            done = subprocess.run(["zstd", "-dcq"], input=content, capture_output=True, check=True)
            return done.stdout
    except (OSError, EOFError, zlib.error, lzma.LZMAError, subprocess.SubprocessError) as error:
        raise failure(f"decompressing the {kind} kernel {path.name} failed: {error}") from None
    raise failure(f"the kernel {path.name} is compressed with {kind}, which is not supported")
