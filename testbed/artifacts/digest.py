# SPDX-License-Identifier: MIT
"""SHA-256 of files, sparse ones too, and of canonical JSON."""

from __future__ import annotations

import errno
import hashlib
import json
import os
from pathlib import Path
from typing import Any

_BLOCK = 1 << 16


def file_sha256(path: Path) -> str:
    """Hex digest of a file's content. Raises OSError."""
    with path.open("rb") as stream:
        return hashlib.file_digest(stream, "sha256").hexdigest()


def sparse_sha256(path: Path) -> str:
    """Hex digest of the blocks of a file that hold something, and of where they are; its size, too.

    Holes are not read, and differ in nothing from zeros. Raises OSError.
    """
    digest = hashlib.sha256()
    nothing = bytes(_BLOCK)
    with path.open("rb", buffering=0) as stream:
        at = 0
        while (at := _data_from(stream.fileno(), at) // _BLOCK * _BLOCK) >= 0:
            block = os.pread(stream.fileno(), _BLOCK, at)
            if block != nothing[: len(block)]:
                digest.update(at.to_bytes(8))
                digest.update(block)
            at += _BLOCK
        digest.update(os.fstat(stream.fileno()).st_size.to_bytes(8))
    return digest.hexdigest()


def _data_from(file: int, at: int) -> int:
    """Where data of an open file are, from `at` on; -1 when only a hole follows, or the end."""
    try:
        return os.lseek(file, at, os.SEEK_DATA)
    except OSError as error:
        if error.errno != errno.ENXIO:
            raise
        return -1


def json_sha256(value: Any) -> str:
    """Hex digest of `value` as JSON with sorted keys and no blanks, so equal values agree."""
    text = json.dumps(value, sort_keys=True, separators=(",", ":"), ensure_ascii=True)
    return hashlib.sha256(text.encode()).hexdigest()


def is_sha256(text: object) -> bool:
    return isinstance(text, str) and len(text) == 64 and set(text) <= set("0123456789abcdef")
