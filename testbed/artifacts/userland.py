# SPDX-License-Identifier: MIT
"""What a machine's root file system has beside busybox, for boards that Debian has no packages for.

Each target's outputs lie below usr/, as in a root file system.
"""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

from testbed.artifacts import alone as running
from testbed.artifacts import cross, make, meson, ninja, unpack
from testbed.artifacts.alone import alone
from testbed.artifacts.cross import CrossTools
from testbed.artifacts.meson import PYTHON, meson_environment, meson_target
from testbed.artifacts.ninja import run_ninja
from testbed.artifacts.selection import Selection
from testbed.artifacts.targets import Target, Workspace
from testbed.artifacts.unpack import source_of, unpack_source
from testbed.deadline import Deadline

SOURCES = ("busybox", "e2fsprogs", "kmod", "util-linux")
"""The source packages that the targets here and busybox are built from."""

_MODULES = (running, cross, make, meson, ninja, unpack)
_SECONDS = 600.0
_SBIN = Path("usr/sbin")
_STATIC = "-static -Wl,--gc-sections"

# Neither is built here; their rules run when a patch of Debian's is newer than what they make.
_NO_AUTOTOOLS = ("ACLOCAL=:", "AUTOCONF=:", "AUTOHEADER=:", "AUTOMAKE=:")

_E2FSPROGS = (
    *("--disable-nls", "--disable-backtrace", "--disable-debugfs", "--disable-defrag"),
    *("--disable-fsck", "--disable-imager", "--disable-resizer", "--disable-tdb"),
    *("--disable-uuidd", "--without-libarchive", "--without-pthread"),
    *("BUILD_CC=gcc", f"LDFLAGS={_STATIC}"),
)
_UTIL_LINUX = (
    # "check": sfdisk without the ncurses that its sister cfdisk needs
    *("--disable-all-programs", "--enable-fdisks=check", "--enable-static-programs=sfdisk"),
    *("--enable-libblkid", "--enable-libfdisk", "--enable-libsmartcols", "--enable-libuuid"),
    *("--enable-static", "--disable-shared", "--disable-nls", "--disable-asciidoc"),
    *("--disable-bash-completion", "--without-cryptsetup", "--without-econf"),
    *("--without-ncurses", "--without-ncursesw", "--without-python", "--without-readline"),
    *("--without-systemd", "--without-tinfo", "--without-udev"),
    "LDFLAGS=-Wl,--gc-sections",
)
_KMOD = (
    *("-Doptimization=s", "-Ddebug=false", "-Db_pie=false", f"-Dc_link_args={_STATIC}"),
    *(f"-D{name}=disabled" for name in ("openssl", "xz", "zlib", "zstd")),
    *(f"-D{shell}completiondir=no" for shell in ("bash", "fish", "zsh")),
    *("-Dbuild-tests=false", "-Dmanpages=false"),
)


def e2fsprogs_target(sources: Selection, tools: CrossTools) -> Target:
    """Outputs: mke2fs, mkfs.ext4 and e2fsck."""

    def build(work: Workspace, tree: Path) -> None:
        what = "build e2fsprogs"
        tools.configure(work, tree, _E2FSPROGS, what)
        run = tools.make(work, what, tree).run
        run(["libs"], tree)
        run(["mke2fs"], tree / "misc")
        run(["e2fsck"], tree / "e2fsck")
        tools.strip(work, tree / "misc/mke2fs", work.out / _SBIN / "mke2fs")
        tools.strip(work, tree / "e2fsck/e2fsck", work.out / _SBIN / "e2fsck")
        (work.out / _SBIN / "mkfs.ext4").symlink_to("mke2fs")

    return _target("e2fsprogs", sources, tools, build)


def sfdisk_target(sources: Selection, tools: CrossTools) -> Target:
    """Outputs: sfdisk, of util-linux."""

    def build(work: Workspace, tree: Path) -> None:
        what = "build sfdisk"
        tools.configure(work, tree, _UTIL_LINUX, what)
        tools.make(work, what, tree).run([*_NO_AUTOTOOLS, "sfdisk.static"], tree)
        tools.strip(work, tree / "sfdisk.static", work.out / _SBIN / "sfdisk")

    return _target("util-linux", sources, tools, build)


def modprobe_target(sources: Selection, packages: Selection, tools: CrossTools) -> Target:
    """Outputs: modprobe, of kmod: it finds the modules of devices, which busybox's own does not.

    `packages` has meson, for the workstation.
    """
    meson_tool = meson_target(packages)

    def build(work: Workspace, tree: Path) -> None:
        what = "build modprobe"
        folder = work.scratch / "kmod"
        settings = {**cross.environment(work), **meson_environment(work.need(meson_tool.name))}
        work.commands.run(
            alone(
                [
                    *(PYTHON, "-m", "mesonbuild.mesonmain", "setup", folder, tree),
                    *("--cross-file", tools.meson_file(work)),
                    f"-Dc_args={' '.join(tools.compiler_flags(tree))}",
                    *_KMOD,
                ],
                settings,
            ),
            what=what,
        )
        deadline = Deadline(_SECONDS)
        run_ninja(work, folder, ["kmod"], what=what, env=settings, deadline=deadline)
        tools.strip(work, folder / "kmod", work.out / _SBIN / "modprobe")

    return _target("kmod", sources, tools, build, meson_tool)


def _target(
    name: str,
    sources: Selection,
    tools: CrossTools,
    build: Callable[[Workspace, Path], None],
    *needs: Target,
) -> Target:
    packages = source_of(sources.packages, name)

    def unpack_and_build(work: Workspace) -> None:
        tree = work.scratch / "source"
        unpack_source(work, packages, tree)
        build(work, tree)

    return Target(
        name,
        unpack_and_build,
        needs=needs,
        packages=packages,
        inputs=tools.inputs,
        sources=(
            Path(__file__),
            *(Path(module.__file__) for module in _MODULES if module.__file__),
        ),
    )
