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


def unpack_source(work: Workspace, packages: Iterable[Package], tree: Path) -> None:
    """Unpack a source package, given by all its files, to `tree`, which is made.

    With the distribution's patches applied. Raises TestbedError.
    """
    files = tuple(packages)
    for package in files:
        (work.scratch / package.file_name).symlink_to(work.blob(package))
    description = next((p for p in files if p.file_name.endswith(".dsc")), None)
    if description is None:
        names = ", ".join(package.file_name for package in files) or "none"
        raise failure(f"a source package has no .dsc file; its files are: {names}")
    work.commands.run(
        # The archive's index has vouched for the digests of all its files.
        ["dpkg-source", "--no-check", "-x", description.file_name, tree],
        what=f"unpack the source of {description.package}",
        cwd=work.scratch,
        env={"TMPDIR": str(work.scratch)},
    )


def source_of(packages: Iterable[Package], name: str) -> tuple[Package, ...]:
    """The files of source package `name` among those chosen. Raises TestbedError."""
    found = tuple(p for p in packages if p.package == name and p.architecture == "source")
    if not found:
        raise failure(f"there is no source package {name} among those chosen")
    return found


def one(packages: Iterable[Package], prefix: str) -> Package:
    """The package whose name starts with `prefix`. Raises TestbedError unless there is one."""
    found = [package for package in packages if package.package.startswith(prefix)]
    if len(found) != 1:
        names = ", ".join(package.package for package in found) or "none"
        raise failure(f"expected one package {prefix}* among those chosen, found {names}")
    return found[0]
