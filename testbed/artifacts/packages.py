# SPDX-License-Identifier: MIT
"""Files of the archive that were chosen, and the record of that choice."""

from __future__ import annotations

from dataclasses import asdict, dataclass
from typing import Any

from testbed.artifacts.digest import is_sha256


@dataclass(frozen=True, order=True)
class Package:
    """One file of the Debian archive. A source package is several, with architecture "source"."""

    package: str
    version: str
    architecture: str
    archive: str
    """Which archive it is in: "main" or "security"."""
    path: str
    """Path below the archive's address, not percent-encoded."""
    size: int
    """Bytes."""
    sha256: str

    @property
    def file_name(self) -> str:
        return self.path.rsplit("/", 1)[-1]

    @property
    def title(self) -> str:
        """What a person is told is being fetched."""
        return self.file_name if self.architecture == "source" else f"{self.package} {self.version}"

    def to_json(self) -> dict[str, Any]:
        return asdict(self)

    @classmethod
    def from_json(cls, value: object) -> Package:
        """Raises ValueError naming the field that is missing or wrong."""
        if not isinstance(value, dict):
            raise ValueError("a package is not an object")
        texts = {}
        for name in ("package", "version", "architecture", "archive", "path", "sha256"):
            text = value.get(name)
            if not isinstance(text, str) or not text:
                raise ValueError(f"a package without {name}")
            texts[name] = text
        size = value.get("size")
        if not isinstance(size, int) or isinstance(size, bool) or size < 0:
            raise ValueError(f"{texts['package']}: size is {size!r}")
        if not is_sha256(texts["sha256"]):
            raise ValueError(f"{texts['package']}: sha256 is {texts['sha256']!r}")
        if texts["path"].startswith("/") or ".." in texts["path"].split("/"):
            raise ValueError(f"{texts['package']}: path is {texts['path']!r}")
        return cls(size=size, **texts)
