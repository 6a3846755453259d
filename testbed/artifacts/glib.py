# SPDX-License-Identifier: MIT
"""GLib for nested QEMU: the core library alone, without GObject, GIO and what those need."""

from __future__ import annotations

import shutil
from pathlib import Path

from testbed.artifacts import alone as running
from testbed.artifacts import cross, meson, ninja, static_library
from testbed.artifacts import unpack as unpacking
from testbed.artifacts.alone import run_alone
from testbed.artifacts.cross import CrossTools
from testbed.artifacts.meson import PYTHON, meson_environment
from testbed.artifacts.ninja import run_ninja
from testbed.artifacts.selection import Selection
from testbed.artifacts.static_library import build_environment, program_flags, write_pkg_config
from testbed.artifacts.targets import Target, Workspace
from testbed.artifacts.unpack import authors_source, unpack_source
from testbed.deadline import Deadline

_SECONDS = 1800.0
_MODULES = (running, cross, meson, ninja, static_library, unpacking)

# GObject and GIO, which are not built, are set up all the same and ask for these two.
_STAND_INS = {"libffi": "3.4", "zlib": "1.3"}

_OPTIONS = (
    *("--prefix=/usr", "--libdir=lib", "--wrap-mode=nodownload"),
    *("-Ddefault_library=static", "-Doptimization=2", "-Ddebug=false", "-Dtests=false"),
    *("-Dglib_debug=disabled", "-Dbsymbolic_functions=false", "-Dxattr=false"),
    *(
        f"-D{feature}=disabled"
        for feature in ("introspection", "libelf", "libmount", "nls", "selinux", "sysprof")
    ),
)
# Where answers cannot be had by running what was compiled. They are glibc's.
_ANSWERS = """
[properties]
growing_stack = false
have_c99_snprintf = true
have_c99_vsnprintf = true
have_unix98_printf = true
va_val_copy = false
"""
_ARCHIVE = "glib/libglib-2.0.a"
# A header of QEMU's includes gmodule.h, of which it uses nothing.
_GENERATED = ("glib/glib-visibility.h", "glib/gversionmacros.h", "gmodule/gmodule-visibility.h")
_CONFIGURED = 0.3
"""What of the work is done when meson is, for the estimate."""


def glib_target(sources: Selection, tools: CrossTools, meson_tool: Target, pcre2: Target) -> Target:
    """Outputs: as of a static library; `meson_tool` and `pcre2` are the targets of these."""
    packages = authors_source(sources.packages, "glib2.0")

    def build(work: Workspace) -> None:
        what = "build GLib"
        tree, folder = work.scratch / "source", work.scratch / "build"
        work.step.complete(0.0)
        unpack_source(work, packages, tree)
        _write_stand_ins(work.scratch / "stand-ins")
        answers = work.scratch / "answers.ini"
        answers.write_text(
            "[binaries]\npkg-config = 'pkg-config'\n" + _ANSWERS + "pkg_config_libdir = "
            f"['{work.need(pcre2.name)}/lib/pkgconfig', '{work.scratch}/stand-ins']\n"
        )
        settings = {**build_environment(work), **meson_environment(work.need(meson_tool.name))}
        run_alone(
            work.commands,
            [
                *(PYTHON, "-m", "mesonbuild.mesonmain", "setup", folder, tree),
                *("--cross-file", tools.meson_file(work), "--cross-file", answers),
                f"-Dc_args={' '.join(program_flags(tools, tree))}",
                *_OPTIONS,
            ],
            settings,
            what=what,
        )
        run_ninja(
            work,
            folder,
            [_ARCHIVE, *_GENERATED],
            what=what,
            env=settings,
            deadline=Deadline(_SECONDS),
            parts=(_CONFIGURED, 1.0),
        )
        _install(work.out, tree, folder, packages[0].version, tools.atomics)

    return Target(
        "GLib",
        build,
        needs=(meson_tool, pcre2),
        packages=packages,
        inputs=tools.inputs,
        sources=(
            Path(__file__),
            *(Path(module.__file__) for module in _MODULES if module.__file__),
        ),
    )


def _write_stand_ins(folder: Path) -> None:
    for name, version in _STAND_INS.items():
        write_pkg_config(folder, name, version, "", "")


def _install(out: Path, tree: Path, folder: Path, version: str, atomics: str) -> None:
    """meson would install all of GLib or nothing."""
    include = out / "include/glib-2.0"
    shutil.copytree(tree / "glib", include / "glib", ignore=_all_but_headers)
    for name in ("glib.h", "glib-object.h", "glib-unix.h"):
        (include / "glib" / name).rename(include / name)
    (include / "gmodule").mkdir()
    shutil.copy(tree / "gmodule/gmodule.h", include)
    for name in _GENERATED:
        shutil.copy(folder / name, include / name)
    shutil.copy(folder / "glib/glibconfig.h", include)
    (out / "lib").mkdir()
    shutil.copy(folder / _ARCHIVE, out / "lib")
    write_pkg_config(
        out / "lib/pkgconfig",
        "glib-2.0",
        version,
        f"-L${{libdir}} -lglib-2.0 {atomics} -lm -pthread",
        "-I${includedir}/glib-2.0 -pthread",
        requires="libpcre2-8",
    )


def _all_but_headers(folder: str, names: list[str]) -> set[str]:
    """What copytree leaves out: tests too, for they are folders with headers of their own."""
    kept = {"deprecated"}
    return {name for name in names if not name.endswith(".h") and name not in kept}
