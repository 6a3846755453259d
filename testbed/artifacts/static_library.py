# SPDX-License-Identifier: MIT
"""Static libraries that nested QEMU is linked with, for machines Debian has no packages for.

Each target has lib/libNAME.a, include/ and lib/pkgconfig/NAME.pc, which finds the others from where
it lies itself.
"""

from __future__ import annotations

import os
import re
import shutil
from collections.abc import Mapping
from concurrent.futures import ThreadPoolExecutor, as_completed
from dataclasses import dataclass, field
from pathlib import Path

from testbed.artifacts import cross
from testbed.artifacts import unpack as unpacking
from testbed.artifacts.cross import CrossTools, environment
from testbed.artifacts.selection import Selection
from testbed.artifacts.targets import Target, Workspace
from testbed.artifacts.unpack import authors_source, unpack_source


@dataclass(frozen=True)
class Library:
    """A library without a configuration worth asking for: its C files, compiled one by one."""

    name: str
    """As pkg-config knows it."""
    archive: str
    """What the linker is asked for with -l."""
    source: str
    """Debian's source package."""
    units: tuple[str, ...]
    """C files, or patterns of them, in the source."""
    headers: tuple[str, ...]
    """What its users include."""
    flags: tuple[str, ...] = ()
    users_flags: str = ""
    """What its users are compiled with."""
    copies: Mapping[str, str] = field(default_factory=dict)
    """Files in the source that its authors have ready for builds without configure, and where."""


ZLIB = Library(
    name="zlib",
    archive="z",
    source="zlib",
    units=("*.c",),
    headers=("zlib.h", "zconf.h"),
    flags=("-DHAVE_UNISTD_H", "-D_LARGEFILE64_SOURCE=1", "-DHAVE_HIDDEN"),
)
LIBFDT = Library(
    name="libfdt",
    archive="fdt",
    source="device-tree-compiler",
    units=("libfdt/*.c",),
    headers=("libfdt/fdt.h", "libfdt/libfdt.h", "libfdt/libfdt_env.h"),
    flags=("-Ilibfdt",),
)
# The units are those of the authors' list for builds without configure, NON-AUTOTOOLS-BUILD.
PCRE2 = Library(
    name="libpcre2-8",
    archive="pcre2-8",
    source="pcre2",
    units=tuple(
        f"src/pcre2_{unit}.c"
        for unit in (
            *("auto_possess", "chartables", "chkdint", "compile", "compile_class", "config"),
            *("context", "convert", "dfa_match", "error", "extuni", "find_bracket"),
            *("jit_compile", "maketables", "match", "match_data", "newline", "ord2utf"),
            *("pattern_info", "script_run", "serialize", "string_utils", "study", "substitute"),
            *("substring", "tables", "ucd", "valid_utf", "xclass"),
        )
    ),
    headers=("src/pcre2.h",),
    flags=(
        *("-DHAVE_CONFIG_H", "-DPCRE2_CODE_UNIT_WIDTH=8", "-DSUPPORT_PCRE2_8"),
        *("-DSUPPORT_UNICODE", "-DPCRE2_STATIC"),
    ),
    users_flags="-DPCRE2_STATIC",
    copies={
        "src/config.h.generic": "src/config.h",
        "src/pcre2.h.generic": "src/pcre2.h",
        "src/pcre2_chartables.c.dist": "src/pcre2_chartables.c",
    },
)


def library_target(library: Library, sources: Selection, tools: CrossTools) -> Target:
    """Outputs: as the module says."""
    packages = authors_source(sources.packages, library.source)

    def build(work: Workspace) -> None:
        tree = work.scratch / "source"
        unpack_source(work, packages, tree)
        for ready, place in library.copies.items():
            shutil.copy(tree / ready, tree / place)
        _compile(work, library, tools, tree)
        (work.out / "include").mkdir()
        for header in library.headers:
            shutil.copy(tree / header, work.out / "include")
        write_pkg_config(
            work.out / "lib/pkgconfig",
            library.name,
            packages[0].version,
            f"-L${{libdir}} -l{library.archive}",
            f"-I${{includedir}} {library.users_flags}".rstrip(),
        )

    return Target(
        library.name,
        build,
        packages=packages,
        inputs={**tools.inputs, "library": repr(library)},
        sources=tuple(map(Path, (__file__, cross.__file__, unpacking.__file__))),
    )


def _compile(work: Workspace, library: Library, tools: CrossTools, tree: Path) -> None:
    what = f"build {library.name}"
    compiler = tools.compiler(what).split()
    units = [unit for pattern in library.units for unit in sorted(tree.glob(pattern))]
    objects = [f"{unit.stem}.o" for unit in units]

    def one(unit: Path, result: str) -> None:
        work.commands.run(
            [
                *compiler,
                *program_flags(tools, tree),
                *library.flags,
                *("-c", unit.relative_to(tree), "-o", result),
            ],
            what=what,
            cwd=tree,
            env=build_environment(work),
        )

    work.step.complete(0.0)
    with ThreadPoolExecutor(len(os.sched_getaffinity(0))) as pool:
        futures = [pool.submit(one, *pair) for pair in zip(units, objects, strict=True)]
        for done, future in enumerate(as_completed(futures), 1):
            future.result()
            work.step.complete(done / len(units))
    (work.out / "lib").mkdir()
    archive = work.out / f"lib/lib{library.archive}.a"
    work.commands.run([f"{tools.prefix}ar", "rcsD", archive, *objects], what=what, cwd=tree)


def program_flags(tools: CrossTools, tree: Path) -> tuple[str, ...]:
    """For programs that are to be fast, whose bytes do not depend on where `tree` is."""
    return (*tools.flags, "-O2", f"-ffile-prefix-map={tree}=.")


def build_environment(work: Workspace) -> dict[str, str]:
    """As `environment`, and ccache finds again what was compiled in another scratch folder."""
    return {**environment(work), "CCACHE_BASEDIR": str(work.scratch), "CCACHE_NOHASHDIR": "1"}


def write_pkg_config(
    folder: Path, name: str, version: str, libs: str, cflags: str, requires: str = ""
) -> None:
    """A file for pkg-config; `folder` is PREFIX/lib/pkgconfig, made when it is not there.

    `version` is a Debian package's, of which the authors' part is told.
    """
    folder.mkdir(parents=True, exist_ok=True)
    authors = re.sub(r"^\d+:|[+~-].*", "", version)
    (folder / f"{name}.pc").write_text(
        "prefix=${pcfiledir}/../..\nlibdir=${prefix}/lib\nincludedir=${prefix}/include\n\n"
        f"Name: {name}\nDescription: {name}\nVersion: {authors}\nRequires: {requires}\n"
        f"Libs: {libs}\nCflags: {cflags}\n"
    )
