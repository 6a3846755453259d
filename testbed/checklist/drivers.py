# SPDX-License-Identifier: MIT
"""Which driver takes a node: by the modules' own aliases, the kernel's image and its source."""

from __future__ import annotations

import json
import re
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from testbed.artifacts import DriverSources

_ALIAS = re.compile(r"^alias (\S+) (\S+)$", re.MULTILINE)
_OF_ALIAS = re.compile(r"^of:N.*T.*?C(.+?)(?:C\*)?$")
_RESET_ALIAS = "vfio-reset:"
_BUILT_IN = re.compile(r"^(CONFIG_\w+)=y$", re.MULTILINE)


@dataclass(frozen=True)
class Driver:
    """What was found: `there` in the machines, or else what to do so that it is."""

    there: bool
    text: str


class Drivers:
    """The drivers of one board's kernel. `listing` is the file that says which modules go along."""

    def __init__(self, sources: DriverSources, listing: str) -> None:
        self._payload = _aliases(sources.payload_aliases)
        self._kernel = _aliases(sources.kernel_aliases)
        self._built_in = set(_BUILT_IN.findall(sources.config.read_text()))
        self._source: dict[str, list[list[str]]] = json.loads(sources.source_drivers.read_text())
        self._listing = listing

    def of(self, compatible: Sequence[str]) -> Driver | None:
        """The host's driver of a node, by the first of its compatibles that one matches.

        None when no driver of the kernel's source knows any of them.
        """
        for name in compatible:
            if module := self._payload.get(name):
                return Driver(True, module)
        known = [
            (path, option) for name in compatible for path, option in self._source.get(name, [])
        ]
        for path, option in known:
            if option in self._built_in:
                return Driver(True, f"{Path(path).stem}, built in")
        for name in compatible:
            if module := self._kernel.get(name):
                text = f"name {module}, a module of this kernel, in {self._listing}"
                return Driver(False, text)
        for path, option in known:
            return Driver(
                False, f"set {option} in the kernel ({path})" if option else f"build {path}"
            )
        return None

    def reset_of(self, compatible: Sequence[str]) -> str | None:
        """The module that resets a device for VFIO, which looks at the first compatible only."""
        return self._payload.get(f"{_RESET_ALIAS}{compatible[0]}")


def _aliases(path: Path) -> dict[str, str]:
    """Modules by compatible, and by `vfio-reset:` and compatible."""
    found: dict[str, str] = {}
    for alias, module in _ALIAS.findall(path.read_text()):
        match = _OF_ALIAS.match(alias)
        if match is not None:
            found.setdefault(match[1], module)
        elif alias.startswith(_RESET_ALIAS):
            found[alias] = module
    return found
