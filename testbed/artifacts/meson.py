# SPDX-License-Identifier: MIT
"""meson of the emulated release, which may be newer than the workstation's: it is pure Python."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

from testbed.artifacts import unpack as unpacking
from testbed.artifacts.selection import Selection
from testbed.artifacts.targets import Target, Workspace
from testbed.artifacts.unpack import one, unpack

PACKAGE = "meson"
PYTHON = "/usr/bin/python3"
"""The distribution's: it has the modules that builds want, and no virtual environment around it."""


def meson_target(packages: Selection) -> Target:
    """Outputs: mesonbuild and its metadata, as below a folder of Python's path."""
    package = one(packages.packages, PACKAGE)

    def build(work: Workspace) -> None:
        unpack(work, [package], work.scratch)
        for part in (work.scratch / "usr/lib/python3/dist-packages").iterdir():
            part.rename(work.out / part.name)

    return Target(
        "meson",
        build,
        packages=(package,),
        sources=(Path(__file__), Path(unpacking.__file__)),
    )


def meson_environment(meson: Path) -> Mapping[str, str]:
    """For Python to find the output `meson` of the target, which it leaves as it is."""
    return {"PYTHONPATH": str(meson), "PYTHONDONTWRITEBYTECODE": "1"}
