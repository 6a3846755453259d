# SPDX-License-Identifier: MIT
"""Which exact packages stand for a wish such as "kernel 6.12": chosen once, then kept.

The archive drops old point releases, so a wish names a series. What it resolved to is kept in the
cache until a refresh, is written to every manifest, and can be given back from one.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from testbed.artifacts.atomic import replace_text
from testbed.artifacts.cache import Cache
from testbed.artifacts.digest import json_sha256
from testbed.artifacts.failure import failure, writing
from testbed.artifacts.packages import Package


@dataclass(frozen=True)
class Wish:
    """`name` is for people and manifests, `terms` say what was asked for."""

    name: str
    terms: Mapping[str, Any]

    @property
    def digest(self) -> str:
        return json_sha256({"name": self.name, "terms": dict(self.terms)})


@dataclass(frozen=True)
class Selection:
    """The packages chosen for a wish, sorted."""

    wish: Wish
    packages: tuple[Package, ...]

    @property
    def digest(self) -> str:
        return json_sha256([package.to_json() for package in self.packages])

    def to_json(self) -> dict[str, Any]:
        return {
            "name": self.wish.name,
            "terms": dict(self.wish.terms),
            "packages": [package.to_json() for package in self.packages],
        }

    @classmethod
    def from_json(cls, value: object) -> Selection:
        """Raises ValueError naming what is wrong."""
        if not isinstance(value, dict):
            raise ValueError("a selection is not an object")
        name, terms, packages = value.get("name"), value.get("terms"), value.get("packages")
        if not isinstance(name, str) or not isinstance(terms, dict):
            raise ValueError("a selection without name and terms")
        if not isinstance(packages, list) or not packages:
            raise ValueError(f"selection {name} has no packages")
        found = tuple(sorted(Package.from_json(package) for package in packages))
        return cls(Wish(name, terms), found)


class Selections:
    """Those kept in the cache."""

    def __init__(self, cache: Cache) -> None:
        self._cache = cache

    def load(self, wish: Wish) -> Selection | None:
        """The kept selection, or None when there is none or it cannot be read."""
        try:
            text = (self._cache.selections / f"{wish.digest}.json").read_text()
            selection = Selection.from_json(json.loads(text))
        except (OSError, ValueError):
            return None
        return selection if selection.wish.digest == wish.digest else None

    def save(self, selection: Selection) -> None:
        text = json.dumps(selection.to_json(), indent=1, sort_keys=True) + "\n"
        path = self._cache.selections / f"{selection.wish.digest}.json"
        with writing(f"the choice of {selection.wish.name}", self._cache.root):
            replace_text(path, text)


def pinned_selections(manifest: Mapping[str, Any], origin: str) -> dict[str, Selection]:
    """The selections of a manifest, by the digest of their wish. Raises TestbedError."""
    entries = manifest.get("selections")
    if not isinstance(entries, list):
        raise failure(f"{origin} is not a manifest of this testbed: it has no 'selections'")
    try:
        selections = [Selection.from_json(entry) for entry in entries]
    except ValueError as error:
        raise failure(f"{origin} cannot be used as a pinned manifest: {error}") from None
    return {selection.wish.digest: selection for selection in selections}
