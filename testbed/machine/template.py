# SPDX-License-Identifier: MIT
"""A template: a host that was booted once, saved, and is restored by any number of runs."""

from __future__ import annotations

import os
import shutil
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from testbed.devicetree.tree import Tree

MEMORY, STATE, CONSOLE, TREE = "memory", "state", "console.log", "host.dtb"
_RECORDS = (CONSOLE, TREE, "host.dts")
"""What a run's folder of a booted host has and that of a restored one is given."""


@dataclass(frozen=True)
class Template:
    """The files of a template in `folder`, which belongs to the cache: they are only read.

    `bound` has, by device-tree path, what was found of devices that VFIO has in it.
    """

    folder: Path
    name: str
    bound: Mapping[str, Mapping[str, Any]] = field(default_factory=dict)

    @property
    def memory(self) -> Path:
        """The host's memory: sparse, mapped privately."""
        return self.folder / MEMORY

    @property
    def state(self) -> Path:
        """QEMU's migration stream, with the state of the models in it."""
        return self.folder / STATE

    def give_records(self, folder: Path) -> Tree:
        """Put console log and device tree into a run's folder; returns the tree.

        Raises OSError, TreeError when they are not what they were.
        """
        for name in _RECORDS:
            shutil.copyfile(self.folder / name, folder / name)
        # Of a host that could not be restored there before, which had another log.
        (folder / CONSOLE).with_suffix(".times").unlink(missing_ok=True)
        return Tree.load(folder / TREE)


def keep_records(host: Path, folder: Path) -> None:
    """Fill the folder of a template, in which memory and state are, from that of its host."""
    for name in _RECORDS:
        shutil.copyfile(host / name, folder / name)
    for path in folder.iterdir():
        with path.open("rb") as stream:
            os.fsync(stream.fileno())
