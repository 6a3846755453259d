# SPDX-License-Identifier: MIT
"""The forms in which kernels come."""

from __future__ import annotations

import gzip
import lzma
import struct
from collections.abc import Callable
from pathlib import Path
from random import Random

import pytest

from testbed.artifacts.kernel_image import power_elf, raw_image
from testbed.errors import TestbedError


@pytest.fixture
def image(random: Random) -> bytes:
    return b"MZ" + random.randbytes(54) + b"ARM\x64" + random.randbytes(5000)


def zboot(payload: bytes, kind: bytes) -> bytes:
    header = struct.pack("<4s4sII8x32s", b"MZ\0\0", b"zimg", 4096, len(payload), kind)
    return header.ljust(4096, b"\0") + payload + b"after"


@pytest.mark.parametrize("form", ["raw", "gzip", "zboot-gzip", "zboot-xz"])
def test_the_raw_image_comes_out(tmp_path: Path, image: bytes, form: str) -> None:
    content = {
        "raw": image,
        "gzip": gzip.compress(image),
        "zboot-gzip": zboot(gzip.compress(image), b"gzip"),
        "zboot-xz": zboot(lzma.compress(image, check=lzma.CHECK_CRC32), b"xzkern"),
    }[form]
    (tmp_path / "vmlinuz").write_bytes(content)
    assert raw_image(tmp_path / "vmlinuz") == image


@pytest.mark.parametrize(
    ("content", "said"),
    [
        (b"", "is not an arm64 kernel"),
        (b"\x7fELF" + bytes(100), "is not an arm64 kernel"),
        (gzip.compress(bytes(100)), "is not an arm64 kernel"),
        (b"\x1f\x8b" + bytes(100), "decompressing the gzip kernel vmlinuz failed"),
        (zboot(b"junk", b"gzip"), "decompressing the gzip kernel vmlinuz failed"),
        (zboot(b"junk", b"brotli"), "compressed with brotli, which is not supported"),
    ],
)
def test_anything_else_is_refused(tmp_path: Path, content: bytes, said: str) -> None:
    (tmp_path / "vmlinuz").write_bytes(content)
    with pytest.raises(TestbedError, match=said):
        raw_image(tmp_path / "vmlinuz")


def elf(kind: int, machine: int, ident: bytes = b"\x7fELF\1\2\1") -> bytes:
    return ident.ljust(16, b"\0") + struct.pack(">HH", kind, machine) + bytes(100)


@pytest.mark.parametrize("pack", [bytes, gzip.compress])
def test_a_power_kernel_is_its_elf_image(tmp_path: Path, pack: Callable[[bytes], bytes]) -> None:
    (tmp_path / "vmlinux").write_bytes(pack(elf(2, 20)))
    assert power_elf(tmp_path / "vmlinux") == elf(2, 20)


@pytest.mark.parametrize(
    "content",
    [
        b"",
        elf(2, 20, b"\x7fELF\2\2\1"),  # 64 bits
        elf(2, 20, b"\x7fELF\1\1\1"),  # little-endian
        elf(2, 8),  # MIPS
        elf(1, 20),  # an object file
        gzip.compress(b"vmlinux"),
    ],
)
def test_other_files_are_no_power_kernels(tmp_path: Path, content: bytes) -> None:
    (tmp_path / "vmlinux").write_bytes(content)
    with pytest.raises(TestbedError, match="vmlinux is not a 32-bit Power kernel"):
        power_elf(tmp_path / "vmlinux")
