# SPDX-License-Identifier: MIT
"""What a built object is made of; its digest is the object's name in the cache."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from functools import cached_property
from pathlib import Path
from typing import Any

from testbed.artifacts.digest import file_sha256, json_sha256


@dataclass(frozen=True)
class Recipe:
    """`inputs` maps names to digests or versions, `sources` are the project's own files that say
    how the object is built: a change in either is another object.
    """

    name: str
    inputs: Mapping[str, str] = field(default_factory=dict)
    sources: tuple[Path, ...] = ()

    @cached_property
    def content(self) -> dict[str, Any]:
        """The canonical form. Raises OSError when a source file cannot be read."""
        return {
            "name": self.name,
            "inputs": dict(self.inputs),
            # By name and not by path: the same recipe in another clone is the same object.
            "sources": sorted([path.name, file_sha256(path)] for path in self.sources),
        }

    @cached_property
    def digest(self) -> str:
        return json_sha256(self.content)
