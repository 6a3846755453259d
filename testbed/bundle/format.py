# SPDX-License-Identifier: MIT
"""What a bundle holds: a tar archive, its index first.

    bundle.json      format, revision of the testbed, options, digest of every other file
    run/             the run's folder: verdict, manifest, logs, command lines, device trees, traces
    scenario/        the scenario's file and what it names beside itself
    own/OPTION/      what the person running brought: kernels (of a tree, what the run took of it),
                     QEMU and its headers

Paths in the options that lie in the archive are relative to it.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

INDEX = "bundle.json"
RUN, SCENARIO, OWN = "run", "scenario", "own"
FORMAT = 1


@dataclass(frozen=True)
class Index:
    """`scenario` is the scenario's path in the archive, `files` has the sha256 of each file."""

    revision: str
    seed: int
    scenario: str
    options: dict[str, Any]
    files: Mapping[str, str]

    def to_json(self) -> str:
        fields = {"format": FORMAT, **vars(self), "files": dict(self.files)}
        return json.dumps(fields, indent=1) + "\n"

    @classmethod
    def from_json(cls, text: str) -> Index:
        """ValueError, KeyError or TypeError for anything that `to_json` did not make."""
        fields = json.loads(text)
        if not isinstance(fields, dict) or fields.pop("format", None) != FORMAT:
            raise ValueError(f"its {INDEX} is not of format {FORMAT}")
        index = cls(**fields)
        if not isinstance(index.options, dict) or not isinstance(index.files, dict):
            raise ValueError(f"its {INDEX} lacks options or files")
        if index.scenario not in index.files:
            raise ValueError(f"its {INDEX} names a scenario that is not in it")
        return index
