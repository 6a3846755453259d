# SPDX-License-Identifier: MIT
"""Kernel modules built outside the kernel's tree: against its headers, packaged or built here."""

from __future__ import annotations

import re
import shutil
from dataclasses import dataclass
from pathlib import Path

from testbed.artifacts.commands import SEARCH_PATH, Commands
from testbed.artifacts.failure import failure
from testbed.artifacts.kernel_config import architecture, symbols
from testbed.artifacts.make import Make
from testbed.artifacts.module_sets import ModuleSet
from testbed.artifacts.patch_series import apply_series, touched_files
from testbed.deadline import Deadline

_BUILD_SECONDS = 600.0
_TOOLS = {"CC": "gcc", "LD": "ld", "AR": "ar", "NM": "nm", "OBJCOPY": "objcopy", "STRIP": "strip"}


@dataclass(frozen=True)
class KernelHeaders:
    """What a kernel's modules are built against: its Makefile's folder, and its configuration's.

    One tree when the kernel was built here. Debian packages two halves, which point into each other
    by absolute path in two places: the flavour's Makefile, which only includes the common one, and
    the links in lib/modules. Neither is used here: make reads the common Makefile by its own path.
    All other links are relative, so nothing needs to be installed.
    """

    common: Path
    flavour: Path

    @classmethod
    def find(cls, folder: Path) -> KernelHeaders:
        """The headers in `folder`: a build tree, or unpacked from Debian's -common, flavour and
        kbuild packages.
        """
        if (folder / ".config").is_file():
            return cls(folder.resolve(), folder.resolve())
        found = sorted((folder / "usr/src").glob("linux-headers-*"))
        common = [path for path in found if path.name.endswith("-common")]
        flavour = [path for path in found if (path / ".config").is_file()]
        if len(common) != 1 or len(flavour) != 1:
            names = ", ".join(path.name for path in found) or "none"
            raise failure(
                f"cannot use the kernel headers in {folder}: one -common and one flavour package"
                f" are needed, found: {names}"
            )
        if not (flavour[0] / "scripts/mod/modpost").is_file():
            raise failure(
                f"cannot use the kernel headers in {folder}: no scripts/mod/modpost for"
                f" {flavour[0].name}; the linux-kbuild package of the same version is missing"
            )
        return cls(common[0].resolve(), flavour[0].resolve())

    @property
    def architecture(self) -> str:
        return architecture(self.flavour / ".config")


def build_modules(
    wanted: ModuleSet,
    source: Path,
    headers: Path,
    out: Path,
    *,
    cross: str,
    commands: Commands | None = None,
    deadline: Deadline | None = None,
) -> list[Path]:
    """Build a set of modules; the modules, in the order they can be loaded.

    `source` is the pristine kernel source, or as much of it as the set's patches touch and its
    folder, `headers` has what KernelHeaders finds, `out` is the folder for the modules (created).
    The result does not depend on where these folders are.

    Raises TestbedError naming the patch that does not apply or the first error of the build, and
    OSError when the source cannot be read or `out` not be written.
    """
    what = f"build the {wanted.name} modules"
    kernel = KernelHeaders.find(headers)
    if shutil.which(f"{cross}gcc", path=SEARCH_PATH) is None:
        raise failure(f"cannot {what}: {cross}gcc is not installed; run 'testbed doctor'")
    out.mkdir(parents=True, exist_ok=True)
    tree = out.resolve() / "source"
    for path in (tree, kernel.common):
        if re.search(r"[\s:%#$]", str(path)):
            raise failure(
                f"cannot {what}: make cannot work in '{path}'; set TESTBED_CACHE to a path"
                " without blanks and none of : % # $"
            )
    shutil.rmtree(tree, ignore_errors=True)
    folder = tree / wanted.subtree
    try:
        _prepare(wanted, source, tree)
        make = Make(what, tree, cross, commands or Commands(), deadline or Deadline(_BUILD_SECONDS))
        make.run(_arguments(kernel, tree, folder, cross), kernel.flavour)
        return [Path(shutil.copy(folder / name, out)) for name in wanted.files]
    finally:
        shutil.rmtree(tree, ignore_errors=True)


def _prepare(wanted: ModuleSet, source: Path, tree: Path) -> None:
    """The set's folder in `tree`, patched, with what else the patches touch."""
    shutil.copytree(source / wanted.subtree, tree / wanted.subtree)
    for path in (path for series in wanted.all_series for path in touched_files(series)):
        if (source / path).is_file() and not (tree / path).exists():
            (tree / path).parent.mkdir(parents=True, exist_ok=True)
            shutil.copy(source / path, tree / path)
    for series in wanted.all_series:
        apply_series(series, tree)
    shutil.copy(wanted.kbuild, tree / wanted.subtree / "Kbuild")
    for source in wanted.resets:
        name, folder = wanted.reset_name(source), tree / wanted.subtree / "reset"
        shutil.copy(source, folder / f"{name}.c")
        with (folder / "Makefile").open("a") as makefile:
            makefile.write(f"obj-m += {name}.o\n")


def _arguments(kernel: KernelHeaders, tree: Path, folder: Path, cross: str) -> list[str]:
    return [
        f"--file={kernel.common}/Makefile",
        f"ARCH={kernel.architecture}",
        f"M={folder}",
        # Since Linux 6.13 it is not where make is run. One tree needs no telling.
        *([] if kernel.flavour == kernel.common else [f"O={kernel.flavour}"]),
        # The headers name the compiler by the version that built the kernel, which the workstation
        # need not have.
        *(f"{variable}={cross}{tool}" for variable, tool in _TOOLS.items()),
        # File names in the modules as they are in the kernel's own, wherever this is built, and
        # nothing else that depends on the place.
        f"KCFLAGS=-ffile-prefix-map={tree}/=",
        "CONFIG_DEBUG_INFO=",
        # Would need pahole, and nothing here reads type information.
        "CONFIG_DEBUG_INFO_BTF_MODULES=",
        *_for_other_compiler(kernel),
        "modules",
    ]


def _for_other_compiler(kernel: KernelHeaders) -> list[str]:
    """What a kernel wants to be told whose compiler could do what the workstation's may not.

    Before gcc 14 not every function can be aligned. The tracer of functions, which patches eight
    bytes at once, stops the kernel at one that is not; modules are not traced, then.
    """
    found = symbols((kernel.flavour / ".config").read_text())
    if "CONFIG_CC_HAS_MIN_FUNCTION_ALIGNMENT" not in found:
        return []
    return ["CONFIG_CC_HAS_MIN_FUNCTION_ALIGNMENT=", "CC_FLAGS_FTRACE="]
