# SPDX-License-Identifier: MIT
"""The compression functions of the workstation's own libcrypto, where it has them.

MD5_Update, SHA1_Update, SHA256_Update and SHA512_Update work on public structures (openssl/md5.h,
openssl/sha.h: running digest, bit count, buffer, fill level), so a state can be put in and taken
out. They are two hundred times as fast as Python. Each is compared with the Python one when it is
loaded; without the library, or should one differ, the Python one does the work.
"""

from __future__ import annotations

import ctypes
import random
import struct
from collections.abc import Callable
from functools import cache

from models.sec.cha import compress
from models.sec.cha.compress import Compression, State

__all__ = ["compression"]

_LIBRARIES = ("libcrypto.so.3", "libcrypto.so.1.1")
_ROOM = 512  # the structures are at most 216 bytes
_PYTHON: dict[str, tuple[Compression, str, str, int]] = {
    "md5": (compress.MD5, "MD5_Update", "=4I", 64),
    "sha1": (compress.SHA1, "SHA1_Update", "=5I", 64),
    "sha256": (compress.SHA256, "SHA256_Update", "=8I", 64),
    "sha512": (compress.SHA512, "SHA512_Update", "=8Q", 128),
}


@cache
def compression(name: str, python_only: bool = False) -> Compression:
    """The compression function of md5, sha1, sha256 or sha512."""
    python, symbol, layout, block = _PYTHON[name]
    if python_only:
        return python
    candidate = _from_library(symbol, layout, python)
    if candidate is None:
        return python
    sample = random.Random(0)
    for blocks in (0, 1, 3):
        state = struct.unpack(layout, sample.randbytes(struct.calcsize(layout)))
        data = sample.randbytes(blocks * block)
        if candidate(state, data) != python(state, data):
            return python
    return candidate


@cache
def _library() -> ctypes.CDLL | None:
    for name in _LIBRARIES:
        try:
            return ctypes.CDLL(name)
        except OSError:
            continue
    return None


def _from_library(symbol: str, layout: str, otherwise: Compression) -> Compression | None:
    library = _library()
    if library is None or not hasattr(library, symbol):
        return None
    update: Callable[..., int] = getattr(library, symbol)
    update.argtypes = (ctypes.c_void_p, ctypes.c_char_p, ctypes.c_size_t)  # type: ignore[attr-defined]
    update.restype = ctypes.c_int  # type: ignore[attr-defined]

    def run(state: State, data: bytes) -> State:
        context = ctypes.create_string_buffer(_ROOM)
        struct.pack_into(layout, context, 0, *state)
        if not update(context, data, len(data)):
            return otherwise(state, data)
        return struct.unpack_from(layout, context, 0)

    return run
