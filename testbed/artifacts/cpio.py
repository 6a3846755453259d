# SPDX-License-Identifier: MIT
"""Writing an initramfs: a cpio archive in the "newc" format, the same bytes every time.

Format: Documentation/driver-api/early-userspace/buffer-format.rst of the kernel. Everything in it
belongs to root and is dated 1970, so no privilege is needed, device nodes included.
"""

from __future__ import annotations

import stat
from pathlib import Path, PurePosixPath

_FIELD_MAX = 0xFFFFFFFF
_TRAILER = "TRAILER!!!"


class CpioWriter:
    """Collects entries by their path in the archive, then writes them in order of path."""

    def __init__(self) -> None:
        self._entries: dict[str, tuple[int, bytes, tuple[int, int]]] = {}

    def directory(self, path: str, mode: int = 0o755) -> None:
        self._add(path, stat.S_IFDIR | mode)

    def file(self, path: str, content: bytes, mode: int = 0o644) -> None:
        self._add(path, stat.S_IFREG | mode, content)

    def symlink(self, path: str, target: str) -> None:
        self._add(path, stat.S_IFLNK | 0o777, target.encode())

    def character_device(self, path: str, major: int, minor: int, mode: int = 0o600) -> None:
        self._add(path, stat.S_IFCHR | mode, device=(major, minor))

    def to_bytes(self) -> bytes:
        """The archive. Folders that entries lie in are made when they were not added."""
        parts = []
        for inode, (path, entry) in enumerate(sorted(self._entries.items()), start=1):
            parts.append(_record(path, inode, *entry))
        parts.append(_record(_TRAILER, 0, 0, b"", (0, 0)))
        archive = b"".join(parts)
        return archive + bytes(-len(archive) % 512)

    def write(self, path: Path) -> None:
        """Raises OSError."""
        path.write_bytes(self.to_bytes())

    def _add(
        self, path: str, mode: int, content: bytes = b"", device: tuple[int, int] = (0, 0)
    ) -> None:
        pure = PurePosixPath(path.lstrip("/"))
        if not pure.parts or ".." in pure.parts or "\0" in path:
            raise ValueError(f"not a path inside an archive: {path!r}")
        if len(content) > _FIELD_MAX:
            raise ValueError(f"{path}: {len(content)} bytes do not fit in a cpio archive")
        for parent in pure.parents:
            if parent.parts:
                self._entries.setdefault(str(parent), (stat.S_IFDIR | 0o755, b"", (0, 0)))
        self._entries[str(pure)] = (mode, content, device)


def _record(path: str, inode: int, mode: int, content: bytes, device: tuple[int, int]) -> bytes:
    name = path.encode() + b"\0"
    links = 2 if stat.S_ISDIR(mode) else 1
    fields = (
        inode,
        mode,
        0,  # uid
        0,  # gid
        links,
        0,  # mtime
        len(content),
        0,  # device the file is on
        0,
        *device,
        len(name),
        0,  # checksum, only in the "crc" format
    )
    header = b"070701" + b"".join(b"%08X" % field for field in fields) + name
    return header + bytes(-len(header) % 4) + content + bytes(-len(content) % 4)
