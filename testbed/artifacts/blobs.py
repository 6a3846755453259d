# SPDX-License-Identifier: MIT
"""Downloads in the cache, named by the SHA-256 of their content."""

from __future__ import annotations

from pathlib import Path

from testbed.artifacts.cache import Cache
from testbed.artifacts.digest import file_sha256
from testbed.artifacts.failure import failure, writing


class Blobs:
    def __init__(self, cache: Cache) -> None:
        self._cache = cache

    def path(self, sha256: str) -> Path:
        return self._cache.blobs / sha256

    def partial(self, sha256: str) -> Path:
        """Where a download of this content is written until it is complete and verified."""
        return self._cache.partial / sha256

    def __contains__(self, sha256: str) -> bool:
        return self.path(sha256).is_file()

    def intact(self, sha256: str) -> bool:
        """Whether the blob is there and still has its content; a damaged one is removed."""
        path = self.path(sha256)
        try:
            if file_sha256(path) == sha256:
                return True
        except FileNotFoundError:
            return False
        path.unlink(missing_ok=True)
        return False

    def accept(self, sha256: str, name: str) -> None:
        """Move a finished partial download in. Raises TestbedError when its content is wrong."""
        partial = self.partial(sha256)
        found = file_sha256(partial)
        if found != sha256:
            partial.unlink()
            raise failure(
                f"fetching {name}: expected sha256 {sha256}, got {found}; the download was thrown "
                "away, run again, or look at the mirror and at proxies on the way"
            )
        with writing(name, self._cache.root):
            partial.replace(self.path(sha256))
