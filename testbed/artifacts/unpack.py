# SPDX-License-Identifier: MIT
"""Unpacking Debian packages without dpkg's database, root, or maintainer scripts."""

from __future__ import annotations

import re
from collections.abc import Iterable
from pathlib import Path

from testbed.artifacts.failure import failure
from testbed.artifacts.packages import Package
from testbed.artifacts.patch_series import read_series
from testbed.artifacts.targets import Workspace

_SOURCE_ARCHIVE = re.compile(r"\.(?:orig(?:-(?P<component>[\w-]+))?|(?P<debian>debian))\.tar\.\w+$")
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
    """Unpack a source package of format "3.0 (quilt)", given by its archives, to `tree`.

    With the distribution's patches applied. Raises TestbedError.
    """
    files = tuple(packages)
    archives = [(p, part) for p in files if (part := _SOURCE_ARCHIVE.search(p.file_name))]
    if not archives:
        names = ", ".join(package.file_name for package in files) or "nothing"
        raise failure(f"there is no source archive among: {names}")
    # The authors' main archive, its components, the distribution's.
    archives.sort(key=lambda item: (bool(item[1]["debian"]), item[1]["component"] or ""))
    tree.mkdir()
    for package, part in archives:
        place = tree / (part["component"] or "")
        place.mkdir(exist_ok=True)
        strip = "--strip-components=0" if part["debian"] else "--strip-components=1"
        work.commands.run(
            ["tar", "-x", "-f", work.blob(package), "-C", place, "--no-same-owner", strip],
            what=f"unpack {package.file_name}",
        )
    if not (tree / "debian/patches/series").is_file():
        return
    for patch in read_series(tree / "debian/patches"):
        work.commands.run(
            # As dpkg-source does: without fuzz.
            ["patch", "-p1", "-F0", "-N", "-t", "-s", "-i", patch],
            what=f"apply {patch.name} of the distribution",
            cwd=tree,
        )


def source_of(packages: Iterable[Package], name: str) -> tuple[Package, ...]:
    """The files of source package `name` among those chosen. Raises TestbedError."""
    found = tuple(p for p in packages if p.package == name and p.architecture == "source")
    if not found:
        raise failure(f"there is no source package {name} among those chosen")
    return found


def authors_source(packages: Iterable[Package], name: str) -> tuple[Package, ...]:
    """The archive of the authors in source package `name`, without what Debian adds to it.

    All that is needed where Debian's changes make no difference; not every mirror has the rest.
    Raises TestbedError.
    """
    found = tuple(p for p in source_of(packages, name) if ".orig.tar." in p.file_name)
    return tuple(p for p in found if not p.file_name.endswith(".asc"))


def one(packages: Iterable[Package], prefix: str) -> Package:
    """The package whose name starts with `prefix`. Raises TestbedError unless there is one."""
    found = [package for package in packages if package.package.startswith(prefix)]
    if len(found) != 1:
        names = ", ".join(package.package for package in found) or "none"
        raise failure(f"expected one package {prefix}* among those chosen, found {names}")
    return found[0]
