# SPDX-License-Identifier: MIT
"""What a disk stores: sparse, and copy-on-write over zeros, bytes or a read-only file.

Two `Media` never share what is written to them, whatever they start from. Every method may be
called from any thread.
"""

from __future__ import annotations

import hashlib
import os
import threading
from pathlib import Path
from typing import Any, Self

from models.saved_state import Fields, pack
from testbed.errors import Stage, TestbedError

__all__ = ["Media"]

CHUNK = 1 << 16
_SHIFT = 16
_MASK = CHUNK - 1
_ZEROS = bytes(CHUNK)
_SCAN = 1 << 20


class _Base:
    """What lies under the written data: nothing, bytes or a file. `size` of it, zeros beyond."""

    size = 0
    kind = "zeros"

    def read(self, offset: int, size: int) -> bytes:
        return bytes(size)

    def identity(self) -> str:
        """What a saved state remembers of it."""
        return f"{self.kind}:{self.size}"


class _Bytes(_Base):
    kind = "bytes"

    def __init__(self, data: bytes) -> None:
        self._data = data
        self.size = len(data)
        self._identity = ""

    def read(self, offset: int, size: int) -> bytes:
        data = self._data[offset : offset + size]
        return data if len(data) == size else data.ljust(size, b"\0")

    def identity(self) -> str:
        if not self._identity:
            digest = hashlib.sha256(self._data).hexdigest()
            self._identity = f"{self.kind}:{self.size}:{digest}"
        return self._identity


class _File(_Base):
    kind = "file"

    def __init__(self, path: Path) -> None:
        try:
            self._file = path.open("rb", buffering=0)
            self.size = os.fstat(self._file.fileno()).st_size
        except OSError as error:
            raise TestbedError(
                Stage.MODEL, f"open the disk image {path}: {error.strerror}; name a readable file"
            ) from error

    def read(self, offset: int, size: int) -> bytes:
        data = os.pread(self._file.fileno(), size, offset)
        return data if len(data) == size else data.ljust(size, b"\0")


class Media:
    """`sectors` logical sectors of `sector_size` bytes: 512, or 4096.

    Reads and writes of the disk are in sectors and do not check their bounds: the disk does. The
    scenario's side is in bytes: `read_bytes`, `write_bytes`, `digest`.
    """

    def __init__(self, size: int, *, sector_size: int = 512, _base: _Base | None = None) -> None:
        """`size` bytes of zeros, a whole number of sectors."""
        if sector_size not in (512, 4096):
            raise TestbedError(
                Stage.MODEL, f"logical sectors of {sector_size} bytes; there are 512 and 4096"
            )
        if size <= 0 or size % sector_size:
            raise TestbedError(
                Stage.MODEL,
                f"a disk of {size} bytes; give a multiple of its {sector_size}-byte sectors",
            )
        self.size = size
        self.sector_size = sector_size
        self.sectors = size // sector_size
        self._base = _base or _Base()
        self._based = min((self._base.size + _MASK) >> _SHIFT, (size + _MASK) >> _SHIFT)
        self._chunks: dict[int, bytearray] = {}
        # Chunks of the base that a discard replaced with zeros: one byte each, so that a discard
        # of everything costs one memset and not one dictionary entry per chunk.
        self._discarded = bytearray(self._based)
        self._lock = threading.Lock()

    @classmethod
    def of_bytes(cls, data: bytes, *, size: int | None = None, sector_size: int = 512) -> Self:
        """Starts as `data`, zeros up to `size`; without one, up to the end of its last sector."""
        return cls(
            _rounded(len(data), size, sector_size),
            sector_size=sector_size,
            _base=_Bytes(bytes(data)),
        )

    @classmethod
    def of_file(cls, path: Path | str, *, size: int | None = None, sector_size: int = 512) -> Self:
        """Starts as the file, which is only read and must not change meanwhile; as `of_bytes`."""
        base = _File(Path(path))
        return cls(_rounded(base.size, size, sector_size), sector_size=sector_size, _base=base)

    def read(self, lba: int, count: int) -> bytes:
        """`count` sectors from `lba`."""
        return self._read(lba * self.sector_size, count * self.sector_size)

    def write(self, lba: int, data: bytes) -> None:
        """Whole sectors from `lba`."""
        self._write(lba * self.sector_size, data)

    def discard(self, lba: int, count: int) -> None:
        """These sectors read as zeros from now on, and take no memory where whole chunks go."""
        self._discard(lba * self.sector_size, count * self.sector_size)

    def flush(self) -> None:
        """Nothing: a write is stored when it returns. Here for media that have more to do."""

    def read_bytes(self, offset: int, size: int) -> bytes:
        """What the disk holds now, the written and the original; ValueError outside of it."""
        self._within(offset, size)
        return self._read(offset, size)

    def write_bytes(self, offset: int, data: bytes) -> None:
        """Change the disk under the driver's feet; ValueError outside of it."""
        self._within(offset, len(data))
        self._write(offset, data)

    def digest(self, offset: int = 0, size: int | None = None, algorithm: str = "sha256") -> str:
        """Hexadecimal digest of `size` bytes from `offset`; of the whole disk without them."""
        size = self.size - offset if size is None else size
        self._within(offset, size)
        digest = hashlib.new(algorithm)
        for start in range(offset, offset + size, _SCAN):
            digest.update(self._read(start, min(_SCAN, offset + size - start)))
        return digest.hexdigest()

    def snapshot(self) -> bytes:
        """The whole disk as it is now."""
        return self._read(0, self.size)

    @property
    def written(self) -> int:
        """Bytes of memory that written data takes, in chunks of 64 KiB."""
        return len(self._chunks) << _SHIFT

    def save(self) -> dict[str, Any]:
        """What differs from the original, as JSON-able data."""
        with self._lock:
            return {
                "size": self.size,
                "sector_size": self.sector_size,
                "base": self._base.identity(),
                "discarded": pack(self._discarded) if 1 in self._discarded else None,
                "chunks": {str(index): pack(chunk) for index, chunk in self._chunks.items()},
            }

    def load(self, state: Any) -> None:
        """Take over what `save` made over the same original; StateError when it was another.

        A state in which nothing was written fits every original of its size.
        """
        self.take(self.checked(state))

    def checked(self, state: Any) -> tuple[bytearray, dict[int, bytearray]]:
        """A saved state unpacked, for `take`; StateError when it is bad."""
        known = ("size", "sector_size", "base", "discarded", "chunks")
        fields = Fields("disk", state, known, "media")
        for field in ("size", "sector_size"):
            if fields.value(field) != getattr(self, field):
                raise fields.error(field, f"but this disk has {getattr(self, field)}")
        packed = fields.mapping("chunks", (self.size + _MASK) >> _SHIFT)
        chunks = {
            index: bytearray(fields.unpack("chunks", value, CHUNK))
            for index, value in packed.items()
        }
        if fields.value("base") != self._base.identity():
            if chunks or fields.value("discarded"):
                raise fields.error("base", f"but this is {self._base.identity()!r}")
            return bytearray(self._based), {}
        if not fields.value("discarded"):
            return bytearray(self._based), chunks
        discarded = bytearray(fields.packed("discarded", self._based))
        if discarded.translate(None, b"\0\1"):
            raise fields.error("discarded", "bytes that are neither 0 nor 1")
        return discarded, chunks

    def take(self, checked: tuple[bytearray, dict[int, bytearray]]) -> None:
        """Hold what `checked` gave."""
        with self._lock:
            self._discarded, self._chunks = checked

    def _within(self, offset: int, size: int) -> None:
        if offset < 0 or size < 0 or offset + size > self.size:
            raise ValueError(f"{size} bytes at {offset:#x} of a disk of {self.size} bytes")

    def _read(self, offset: int, size: int) -> bytes:
        index, start = offset >> _SHIFT, offset & _MASK
        with self._lock:
            if start + size <= CHUNK:
                chunk = self._chunks.get(index)
                if chunk is not None:
                    return bytes(memoryview(chunk)[start : start + size])
                return self._original(index, start, size)
            parts: list[bytes | bytearray | memoryview] = []
            while size:
                length = min(CHUNK - start, size)
                chunk = self._chunks.get(index)
                if chunk is None:
                    parts.append(self._original(index, start, length))
                elif length == CHUNK:
                    parts.append(chunk)
                else:
                    parts.append(memoryview(chunk)[start : start + length])
                size -= length
                start = 0
                index += 1
            return b"".join(parts)

    def _original(self, index: int, start: int, size: int) -> bytes:
        if index >= self._based or self._discarded[index]:
            return _ZEROS if size == CHUNK else bytes(size)
        return self._base.read((index << _SHIFT) + start, size)

    def _write(self, offset: int, data: bytes) -> None:
        view = memoryview(data)
        index, start = offset >> _SHIFT, offset & _MASK
        position, size = 0, len(data)
        with self._lock:
            while position < size:
                length = min(CHUNK - start, size - position)
                piece = view[position : position + length]
                chunk = self._chunks.get(index)
                if length == CHUNK and piece == _ZEROS:
                    self._drop(index)
                elif chunk is not None:
                    chunk[start : start + length] = piece
                elif length == CHUNK:
                    self._chunks[index] = bytearray(piece)
                else:
                    chunk = self._chunks[index] = bytearray(self._original(index, 0, CHUNK))
                    chunk[start : start + length] = piece
                position += length
                start = 0
                index += 1

    def _drop(self, index: int) -> None:
        self._chunks.pop(index, None)
        if index < self._based:
            self._discarded[index] = 1

    def _discard(self, offset: int, size: int) -> None:
        end = offset + size
        first, last = (offset + _MASK) >> _SHIFT, end >> _SHIFT
        if end == self.size:
            last = (end + _MASK) >> _SHIFT
        if first > last:
            self._clear(offset, size)
            return
        self._clear(offset, (first << _SHIFT) - offset)
        if end > last << _SHIFT:
            self._clear(last << _SHIFT, end - (last << _SHIFT))
        with self._lock:
            if last - first < len(self._chunks):
                for index in range(first, last):
                    self._chunks.pop(index, None)
            else:
                for index in [index for index in self._chunks if first <= index < last]:
                    del self._chunks[index]
            if first < self._based:
                stop = min(last, self._based)
                self._discarded[first:stop] = b"\1" * (stop - first)

    def _clear(self, offset: int, size: int) -> None:
        """Zeros in a part of one chunk; a chunk that reads as zeros anyway is not made."""
        index = offset >> _SHIFT
        if size <= 0:
            return
        if index in self._chunks or (index < self._based and not self._discarded[index]):
            self._write(offset, bytes(size))


def _rounded(length: int, size: int | None, sector_size: int) -> int:
    if size is None:
        return max(-(-length // sector_size), 1) * sector_size if sector_size > 0 else length
    if size < length:
        raise TestbedError(
            Stage.MODEL, f"a disk of {size} bytes for {length} bytes of content; make it larger"
        )
    return size
