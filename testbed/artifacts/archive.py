# SPDX-License-Identifier: MIT
"""Resolving wishes with the archive's signed indexes.

The emulated world has its own suites, which need not be the workstation's: the kernel of a series
comes from the suite that carries it, the rest of it from one pinned release.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from pathlib import Path

from debian.debian_support import Version

from testbed.artifacts.apt_root import AptRoot, Source
from testbed.artifacts.commands import Commands
from testbed.artifacts.failure import failure
from testbed.artifacts.mirrors import Mirrors
from testbed.artifacts.packages import Package
from testbed.artifacts.progress import Progress
from testbed.artifacts.selection import Selection, Wish
from testbed.artifacts.stanzas import (
    binary_from_uri,
    binary_stanzas,
    sources_from_uris,
    uri_lines,
)
from testbed.errors import TestbedError

KERNEL_SERIES = "6.12"
KERNEL_SUITES = {"6.1": "bookworm-security", "6.12": "bookworm-security", "7": "forky"}
"""The series of kernels that machines can have, and the suite that each is taken from."""
SPLIT = ("base", "binary", "modules")
"""What the package of an image is split up into, in newer releases."""
ROOT_RELEASE = "trixie"

# The digest that apt prints by default with --print-uris is MD5.
_SHA256 = ("-o", "Acquire::ForceHash=SHA256")
_RESOLVE = ("apt-get", "install", "--print-uris", "-y", "--no-install-recommends", *_SHA256)


def kernel_wish(architecture: str, series: str = KERNEL_SERIES) -> Wish:
    """The newest kernel of a series with its headers, build tools and source."""
    return Wish(
        f"kernel {series} {architecture}",
        {"series": series, "suite": KERNEL_SUITES[series], "architecture": architecture},
    )


def root_wish(architecture: str, packages: Sequence[str]) -> Wish:
    """The named packages of the emulated release with all they depend on."""
    return Wish(
        f"system {ROOT_RELEASE} {architecture}",
        {"release": ROOT_RELEASE, "architecture": architecture, "packages": sorted(packages)},
    )


def sources_wish(names: Sequence[str]) -> Wish:
    """The source packages of these names in the emulated release, for boards it has none for."""
    return Wish(f"sources {ROOT_RELEASE}", {"release": ROOT_RELEASE, "packages": sorted(names)})


def tools_wish(names: Sequence[str]) -> Wish:
    """Packages of the emulated release for the workstation, without what they depend on.

    For programs that builds need newer than the workstation's release has them.
    """
    return Wish(f"tools {ROOT_RELEASE}", {"release": ROOT_RELEASE, "packages": sorted(names)})


def qemu_source_wish(version: str) -> Wish:
    """The source package of the QEMU that is installed on the workstation."""
    return Wish(f"QEMU source {version}", {"version": version})


class Archive:
    """Resolves wishes. Each method reads the indexes anew. Raises TestbedError."""

    def __init__(self, folder: Path, mirrors: Mirrors, commands: Commands) -> None:
        self._folder = folder
        self._mirrors = mirrors
        self._commands = commands

    def kernel(self, wish: Wish) -> Selection:
        architecture, series, suite = (
            wish.terms[term] for term in ("architecture", "series", "suite")
        )
        archive = "security" if suite.endswith("-security") else "main"
        source = Source("deb", self._mirrors.site(archive), suite)
        # One for each series: several may be asked for at once.
        name = "kernel" if series == KERNEL_SERIES else f"kernel-{series}"
        root = self._root(name, [source], (architecture, "amd64"))
        wanted = [f"linux-{kind}-{series}.*" for kind in ("image", "headers")]
        wanted += [f"linux-kbuild-{series}*:amd64", f"linux-source-{series}*"]
        if archive == "main":  # a newer release: kernels are split up, programs want its C library
            wanted += [f"linux-{kind}-{series}.*" for kind in SPLIT]
            wanted.append("libc6:amd64")
        text = root.run(
            ["apt-cache", "show", *wanted],
            what=f"find kernel {series} in {suite}",
        )
        packages = list(binary_stanzas(text, archive))
        root.forget_caches()
        return Selection(wish, newest_kernel(packages, series, architecture))

    def system(self, wish: Wish, progress: Progress) -> Selection:
        architecture = wish.terms["architecture"]
        root = self._root("system", self._release("deb", wish, progress), (architecture,))
        text = root.run(
            [*_RESOLVE, *wish.terms["packages"]],
            what=f"resolve the packages of {wish.name}",
        )
        sites = self._mirrors.archives()
        packages = [binary_from_uri(*line, sites) for line in uri_lines(text)]
        root.forget_caches()
        return Selection(wish, tuple(sorted(packages)))

    def sources(self, wish: Wish, progress: Progress) -> Selection:
        root = self._root("sources", self._release("deb-src", wish, progress), ("amd64",))
        text = root.run(
            ["apt-get", "source", "--print-uris", *_SHA256, *wish.terms["packages"]],
            what=f"find the source packages of {wish.name}",
        )
        root.forget_caches()
        sites = self._mirrors.archives()
        return Selection(wish, tuple(sorted(sources_from_uris(text, sites))))

    def tools(self, wish: Wish, progress: Progress) -> Selection:
        root = self._root("tools", self._release("deb", wish, progress), ("amd64",))
        text = root.run(
            ["apt-get", "download", "--print-uris", *_SHA256, *wish.terms["packages"]],
            what=f"find the packages of {wish.name}",
        )
        root.forget_caches()
        sites = self._mirrors.archives()
        packages = [binary_from_uri(*line, sites) for line in uri_lines(text)]
        return Selection(wish, tuple(sorted(packages)))

    def qemu_source(self, wish: Wish) -> Selection:
        version = wish.terms["version"]
        sources = [
            Source("deb-src", self._mirrors.site(archive), suite)
            for archive, suite in self._mirrors.suites
        ]
        root = self._root("source", sources, ("amd64",))
        try:
            text = root.run(
                ["apt-get", "source", "--print-uris", *_SHA256, f"qemu={version}"],
                what=f"find the source package of QEMU {version}",
            )
        except TestbedError as error:
            raise failure(
                f"the archive has no source of the installed QEMU {version} ({error}); run "
                "'apt-get update && apt-get install --only-upgrade qemu-system-arm"
                " qemu-system-ppc' as root, or name a snapshot archive"
            ) from None
        root.forget_caches()
        packages = sources_from_uris(text, self._mirrors.archives())
        return Selection(wish, tuple(sorted(packages)))

    def _release(self, kind: str, wish: Wish, progress: Progress) -> list[Source]:
        """The suites of the emulated release, with security updates where there are any."""
        release, main = wish.terms["release"], self._mirrors.site("main")
        sources = [Source(kind, main, release), Source(kind, main, f"{release}-updates")]
        if self._mirrors.security is not None:
            sources.append(Source(kind, self._mirrors.security, f"{release}-security"))
        else:
            progress.note(
                f"apt on this machine has no Debian security archive: {wish.name} comes without "
                "security updates"
            )
        return sources

    def _root(self, name: str, sources: Sequence[Source], architectures: Sequence[str]) -> AptRoot:
        root = AptRoot(
            self._folder / name, self._commands, sources=sources, architectures=architectures
        )
        root.write()
        root.update()
        return root


def take_sources(progress: Progress, archive: Archive, wish: Wish) -> Selection:
    return archive.sources(wish, progress)


def take_tools(progress: Progress, archive: Archive, wish: Wish) -> Selection:
    return archive.tools(wish, progress)


def newest_kernel(
    packages: Sequence[Package], series: str, architecture: str
) -> tuple[Package, ...]:
    """Image, headers, build tools and source of the newest kernel that has all of them.

    An image whose other parts are not in the index yet is passed over: an archive is updated
    package by package. Of a kernel that is split up, what the image's package leads to comes too;
    from a release newer than the workstation's, also the C library of the build tools.
    """
    by_name = {(p.package, p.version): p for p in packages}
    libraries = [p for p in packages if p.package == "libc6"]
    number = rf"{re.escape(series)}(?:\.\d+)+(?:\+\w+|-\d+)"
    pattern = re.compile(rf"linux-image-({number})-{architecture}$")
    images = [(p, m[1]) for p in packages if (m := pattern.match(p.package))]
    for image, release in sorted(images, key=lambda item: Version(item[0].version), reverse=True):
        version = ".".join(release.split(".")[:2])
        names = (
            (f"linux-headers-{release}-{architecture}",),
            (f"linux-headers-{release}-common",),
            (f"linux-kbuild-{release}", f"linux-kbuild-{version}"),
            (f"linux-source-{version}",),
        )
        parts = [
            next(
                (by_name[key] for name in either if (key := (name, image.version)) in by_name), None
            )
            for either in names
        ]
        split = [
            by_name.get((f"linux-{kind}-{release}-{architecture}", image.version)) for kind in SPLIT
        ]
        if None not in parts:
            found = [image, *parts, *split, *libraries[:1]]
            return tuple(sorted(part for part in found if part is not None))
    raise failure(
        f"the archive has no complete kernel {series} for {architecture} (image, headers, kbuild "
        f"and source of one version; {len(images)} images seen); try again later or another mirror"
    )
