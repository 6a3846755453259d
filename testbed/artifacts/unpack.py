# SPDX-License-Identifier: MIT
"""Unpacking Debian packages without dpkg's database, root, or maintainer scripts."""

from __future__ import annotations

from collections.abc import Iterable
from pathlib import Path

from testbed.artifacts.failure import failure
from testbed.artifacts.packages import Package
from testbed.artifacts.targets import Workspace

_TAR = ("--preserve-permissions", "--no-same-owner", "--warning=no-timestamp")


def unpack(work: Workspace, packages: Iterable[Package], folder: Path) -> None:
    """Unpack the files of `packages` into `folder`. Raises TestbedError."""
    for package in packages:
        # Not dpkg-deb -x: as root in a container it would give files to users unknown there.
        work.commands.pipe(
            ["dpkg-deb", "--fsys-tarfile", work.blob(package)],
            ["tar", "-x", "-f", "-", "-C", folder, *_TAR],
            what=f"unpack {package.file_name}",
            env={"TMPDIR": str(work.scratch)},
        )


def one(packages: Iterable[Package], prefix: str) -> Package:
    """The package whose name starts with `prefix`. Raises TestbedError unless there is one."""
    found = [package for package in packages if package.package.startswith(prefix)]
    if len(found) != 1:
        names = ", ".join(package.package for package in found) or "none"
        raise failure(f"expected one package {prefix}* among those chosen, found {names}")
    return found[0]
