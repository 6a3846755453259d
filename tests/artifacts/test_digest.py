# SPDX-License-Identifier: MIT
"""Digests of sparse files: what is in them and where, whatever of it is a hole."""

from __future__ import annotations

import os
import random
from collections.abc import Sequence
from pathlib import Path

from testbed.artifacts.digest import sparse_sha256

BLOCK = 1 << 16
SIZE = 64 * BLOCK + 100
SEED = 6


def written(path: Path, pieces: Sequence[tuple[int, bytes]], size: int = SIZE) -> str:
    """The digest of a file that has these pieces, by their places, and is a hole elsewhere."""
    with path.open("wb") as stream:
        for at, piece in pieces:
            os.pwrite(stream.fileno(), piece, at)
        stream.truncate(size)
    return sparse_sha256(path)


def test_digest_is_of_what_the_file_holds(tmp_path: Path) -> None:
    choice = random.Random(SEED)
    pieces = [(choice.randrange(SIZE - 9000), choice.randbytes(9000)) for _ in range(9)]
    sparse, dense = tmp_path / "sparse", tmp_path / "dense"
    before = written(sparse, pieces)
    dense.write_bytes(sparse.read_bytes())
    assert sparse.stat().st_blocks < dense.stat().st_blocks, "the file system keeps no holes"
    assert sparse_sha256(dense) == before
    for at in (pieces[0][0], pieces[-1][0] + 8999, 0, BLOCK, SIZE - 1):
        content = bytearray(sparse.read_bytes())
        content[at] ^= 1
        dense.write_bytes(content)
        assert sparse_sha256(dense) != before, f"byte {at} is changed, seed {SEED}"


def test_place_and_size_count(tmp_path: Path) -> None:
    piece = bytes(range(1, 256))
    digests = [
        written(tmp_path / "a", [(0, piece)]),
        written(tmp_path / "b", [(BLOCK, piece)]),
        written(tmp_path / "c", [(BLOCK + 1, piece)]),
        written(tmp_path / "d", [(0, piece), (BLOCK, piece)]),
        written(tmp_path / "e", [(0, piece)], SIZE + 1),
        written(tmp_path / "f", []),
        written(tmp_path / "g", [], 0),
    ]
    assert len(set(digests)) == len(digests)
