# SPDX-License-Identifier: MIT
"""The QEMU that runs guests in an emulated host: cross-built, static, and of what guests need only.

Its start-up counts in every run, and the host is emulated: nothing to relocate or to link, and no
device more than the machine and the channels to it want. vfio-platform is in releases up to 10.1;
10.0 is the last that Debian has.
"""

from __future__ import annotations

import shutil
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path

from testbed.artifacts import alone as running
from testbed.artifacts import cross, glib, lists, meson, ninja, patch_series, static_library
from testbed.artifacts import unpack as unpacking
from testbed.artifacts.alone import run_alone
from testbed.artifacts.cross import CrossTools
from testbed.artifacts.glib import glib_target
from testbed.artifacts.meson import PYTHON, meson_environment, meson_target
from testbed.artifacts.ninja import run_ninja
from testbed.artifacts.packages import Package
from testbed.artifacts.patch_series import apply_series
from testbed.artifacts.selection import Selection
from testbed.artifacts.static_library import (
    LIBFDT,
    PCRE2,
    ZLIB,
    build_environment,
    library_target,
    program_flags,
)
from testbed.artifacts.targets import Target, Workspace
from testbed.artifacts.unpack import authors_source
from testbed.deadline import Deadline

SOURCES = ("device-tree-compiler", "glib2.0", "pcre2", "qemu", "zlib")
"""The source packages that QEMU and its libraries are built from."""
TOOLS = (meson.PACKAGE,)
"""Packages of programs for the workstation that they are built with."""

PATCHES = lists.GUESTS / "qemu" / "patches"
_SECONDS = 3600.0
_MODULES = (running, cross, glib, meson, ninja, patch_series, static_library, unpacking)
_DEVICES = "testbed"
_CONFIGURED = 0.1
"""What of the work is done when configure is, for the estimate."""


@dataclass(frozen=True)
class Flavour:
    """A QEMU for one architecture, which is host's and guest's alike."""

    target: str
    """As QEMU's configure names what is emulated, such as "ppc-softmmu"."""
    cpu: str
    """As it names the machine that QEMU runs on."""

    @property
    def program(self) -> str:
        return f"qemu-system-{self.target.removesuffix('-softmmu')}"

    @property
    def devices(self) -> Path:
        """The file that says which devices are built."""
        return lists.GUESTS / "qemu" / f"{self.target}.mak"


POWER = Flavour(target="ppc-softmmu", cpu="ppc")
ARM = Flavour(target="aarch64-softmmu", cpu="aarch64")


def nested_qemu_target(
    flavour: Flavour, sources: Selection, packages: Selection, tools: CrossTools
) -> Target:
    """Output: bin/ with the program, static and without symbols.

    `sources` has the source packages of SOURCES, `packages` those of TOOLS.
    """
    meson_tool = meson_target(packages)
    pcre2 = library_target(PCRE2, sources, tools)
    libraries = (
        glib_target(sources, tools, meson_tool, pcre2),
        library_target(LIBFDT, sources, tools),
        pcre2,
        library_target(ZLIB, sources, tools),
    )
    source = authors_source(sources.packages, "qemu")

    def build(work: Workspace) -> None:
        tree, folder = work.scratch / "source", work.scratch / "build"
        work.step.complete(0.0)
        unpack_qemu(work, source, tree)
        apply_series(PATCHES, tree)
        # Firmware of machines: not installed, and Debian's source lacks what meson would look for.
        (tree / "pc-bios/meson.build").write_text("roms = []\n")
        shutil.copy(flavour.devices, tree / f"configs/devices/{flavour.target}/{_DEVICES}.mak")
        prefixes = [work.need(library.name) for library in libraries]
        what = "build nested QEMU"
        settings = {
            **build_environment(work),
            **meson_environment(work.need(meson_tool.name)),
            "PKG_CONFIG": "pkg-config",
            "PKG_CONFIG_LIBDIR": ":".join(f"{prefix}/lib/pkgconfig" for prefix in prefixes),
        }
        options = _options(flavour, tools, work.scratch, prefixes, tools.compiler(what))
        folder.mkdir()
        run_alone(work.commands, [tree / "configure", *options], settings, what=what, cwd=folder)
        run_ninja(
            work,
            folder,
            [flavour.program],
            what=what,
            env=settings,
            deadline=Deadline(_SECONDS),
            parts=(_CONFIGURED, 1.0),
        )
        tools.strip(work, folder / flavour.program, work.out / "bin" / flavour.program)

    return Target(
        "nested QEMU",
        build,
        needs=(meson_tool, *libraries),
        packages=source,
        inputs={**tools.inputs, "flavour": repr(flavour)},
        sources=(
            Path(__file__),
            *(Path(module.__file__) for module in _MODULES if module.__file__),
            flavour.devices,
            *lists.files_below(PATCHES),
        ),
    )


def unpack_qemu(work: Workspace, source: Iterable[Package], tree: Path) -> None:
    """Unpack QEMU's source without the firmware of its machines, two thirds of all files."""
    tree.mkdir()
    for package in source:
        work.commands.run(
            [
                *("tar", "-x", "-f", work.blob(package), "-C", tree, "--no-same-owner"),
                *("--strip-components=1", "--anchored", "--no-wildcards-match-slash"),
                "--exclude=*/roms",
            ],
            what=f"unpack {package.file_name}",
        )


def _options(
    flavour: Flavour, tools: CrossTools, scratch: Path, prefixes: list[Path], compiler: str
) -> list[str]:
    architecture = flavour.target.removesuffix("-softmmu")
    flags = [*program_flags(tools, scratch), *(f"-I{prefix}/include" for prefix in prefixes)]
    # Not --static: QEMU would look for libfdt in the compiler's own folders only.
    links = ["-static", *(f"-L{prefix}/lib" for prefix in prefixes)]
    return [
        f"--python={PYTHON}",
        f"--cross-prefix={tools.prefix}",
        f"--cc={compiler}",
        "--host-cc=gcc",
        f"--cpu={flavour.cpu}",
        f"--target-list={flavour.target}",
        f"--with-devices-{architecture}={_DEVICES}",
        *("--without-default-features", "--without-default-devices", "--disable-download"),
        *("--enable-system", "--enable-tcg", "--enable-kvm", "--enable-fdt=system"),
        *("--disable-user", "--disable-tools", "--disable-docs", "--disable-guest-agent"),
        *("--disable-install-blobs", "--disable-pie", "--disable-debug-info", "--disable-werror"),
        "--audio-drv-list=",
        f"--extra-cflags={' '.join(flags)}",
        f"--extra-ldflags={' '.join(links)}",
    ]
