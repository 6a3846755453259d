# SPDX-License-Identifier: MIT
"""Device trees of real boards out of the kernel's source, and which drivers match their nodes."""

from __future__ import annotations

import json
import re
import shutil
import subprocess
import tarfile
from collections.abc import Iterable, Iterator
from pathlib import Path, PurePath

from testbed.artifacts.selection import Selection
from testbed.artifacts.targets import Target, Workspace
from testbed.artifacts.unpack import one, unpack

TREES = "linux"
"""Output folder with the kernel's device trees, at their places in its source."""
SOURCE_DRIVERS = "drivers.json"
"""Output file: for each compatible, [source file, option that builds it] of its drivers."""
KERNEL_ALIASES = "kernel.alias"
PAYLOAD_ALIASES = "payload.alias"

_TREES = re.compile(
    r"(?:arch/(?:arm|arm64|powerpc)/boot/dts/|include/dt-bindings/|scripts/dtc/include-prefixes/)"
)
_DRIVERS = re.compile(r"(?:drivers|sound)/.*(?:\.c|/Makefile)$")
_COMPATIBLE = re.compile(rb'\.compatible\s*=\s*"([^"\n]+)"')
_PLATFORM = b"platform_driver"
"""In the source of a driver that takes nodes as platform devices."""
_OBJECT = re.compile(r"^obj-\$\((CONFIG_\w+)\)\s*[:+]?=\s*(.*)$")
_PART = re.compile(r"^([\w-]+)-(?:y|objs|\$\(CONFIG_\w+\))\s*[:+]?=\s*(.*)$")


def board_trees_target(selection: Selection) -> Target:
    """Outputs: TREES and SOURCE_DRIVERS, of the kernel source among the selected packages."""
    package = one(selection.packages, "linux-source-")

    def build(work: Workspace) -> None:
        unpack(work, [package], work.scratch)
        (tarball,) = (work.scratch / "usr/src").glob("linux-source-*.tar.xz")
        what = f"read {tarball.name}"
        xz = work.commands.start(["xz", "-dcT0", tarball], what=what, stdout=subprocess.PIPE)
        try:
            assert xz.stdout is not None
            with tarfile.open(fileobj=xz.stdout, mode="r|") as archive:
                matches, makefiles = _read(archive, work.out / TREES)
            xz.stdout.read()
            xz.wait()
        finally:
            work.commands.forget(xz)
        work.commands.check(xz, ["xz"], what, b"")
        found = {
            compatible: sorted((path, _option(path, makefiles)) for path in paths)
            for compatible, paths in sorted(matches.items())
        }
        (work.out / SOURCE_DRIVERS).write_text(json.dumps(found, indent=1) + "\n")

    return Target("board trees", build, packages=(package,), sources=(Path(__file__),))


def driver_aliases_target(kernel: Target, payload_modules: Target, *built: Target) -> Target:
    """Outputs: KERNEL_ALIASES and PAYLOAD_ALIASES, in the form of depmod's modules.alias.

    The first has all modules of `kernel` and those `built` for it, the second those that machines
    have on their payload disk.
    """

    def build(work: Workspace) -> None:
        (packaged,) = (work.need(kernel.name) / "modules").iterdir()
        release = work.scratch / "lib/modules" / packaged.name
        shutil.copytree(packaged, release)
        for target in built:
            for module in work.need(target.name).glob("*.ko"):
                shutil.copy(module, release)
        work.commands.run(
            ["depmod", "-b", work.scratch, packaged.name], what="index the kernel's modules"
        )
        shutil.copy(release / "modules.alias", work.out / KERNEL_ALIASES)
        (payload,) = (work.need(payload_modules.name) / "modules").iterdir()
        shutil.copy(payload / "modules.alias", work.out / PAYLOAD_ALIASES)

    return Target(
        "driver aliases", build, needs=(kernel, payload_modules, *built), sources=(Path(__file__),)
    )


def _read(archive: tarfile.TarFile, trees: Path) -> tuple[dict[str, set[str]], dict[PurePath, str]]:
    """Unpack the trees; the drivers by compatible, and the Makefiles of their folders."""
    matches: dict[str, set[str]] = {}
    makefiles: dict[PurePath, str] = {}
    for member in archive:
        name = member.name.partition("/")[2]
        if _TREES.match(name):
            _place(archive, member, trees, name)
        elif member.isfile() and _DRIVERS.match(name):
            stream = archive.extractfile(member)
            assert stream is not None
            content = stream.read()
            if name.endswith("Makefile"):
                makefiles[PurePath(name).parent] = content.decode(errors="replace")
            elif _PLATFORM in content:
                for compatible in _COMPATIBLE.findall(content):
                    matches.setdefault(compatible.decode(errors="replace"), set()).add(name)
    return matches, makefiles


def _place(archive: tarfile.TarFile, member: tarfile.TarInfo, trees: Path, name: str) -> None:
    path = trees / name
    path.parent.mkdir(parents=True, exist_ok=True)
    if member.issym():
        path.symlink_to(member.linkname)
    elif member.isfile():
        stream = archive.extractfile(member)
        assert stream is not None
        path.write_bytes(stream.read())


def _option(path: str, makefiles: dict[PurePath, str]) -> str:
    """The option that builds a source file, as its folder's Makefile says; "" when it does not."""
    source = PurePath(path)
    lines = list(_joined(makefiles.get(source.parent, "")))
    wanted = {source.stem}
    for match in filter(None, map(_PART.match, lines)):
        if f"{source.stem}.o" in match[2].split():
            wanted.add(match[1])
    for match in filter(None, map(_OBJECT.match, lines)):
        if wanted & {name.removesuffix(".o") for name in match[2].split()}:
            return match[1]
    return ""


def _joined(text: str) -> Iterable[str]:
    """Lines of a Makefile, those that a backslash continues joined."""
    rest: Iterator[str] = iter(text.splitlines())
    for line in rest:
        while line.endswith("\\"):
            line = line[:-1] + next(rest, "")
        yield line
