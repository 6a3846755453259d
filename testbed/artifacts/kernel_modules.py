# SPDX-License-Identifier: MIT
"""Kernel modules built outside the kernel's tree, for a kernel of which only headers are packaged.

Debian's arm64 kernel leaves vfio-platform out: it is built here from the patched source.
"""

from __future__ import annotations

import errno
import os
import re
import shutil
import signal
import subprocess
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path

from testbed.artifacts.commands import SEARCH_PATH, Commands
from testbed.artifacts.failure import failure
from testbed.artifacts.patch_series import apply_series
from testbed.deadline import Deadline

_KBUILD = Path(__file__).resolve().parents[2] / "guests/modules/vfio-platform/Kbuild"
_SUBTREE = Path("drivers/vfio/platform")

# In the order they can be loaded.
_MODULES = ("vfio-platform-base.ko", "reset/vfio-platform-ns16550a.ko", "vfio-platform.ko")

_WHAT = "build the vfio-platform modules"
_BUILD_SECONDS = 600.0
_TOOLS = {"CC": "gcc", "LD": "ld", "AR": "ar", "NM": "nm", "OBJCOPY": "objcopy", "STRIP": "strip"}

# The compiler's own line first; then modpost's; then whatever made make give up.
_ERRORS = (
    re.compile(r"^.+: (?:fatal )?error: .+", re.MULTILINE),
    re.compile(r"^ERROR: modpost: .+", re.MULTILINE),
    re.compile(r"^.*(?:not found|Exec format error).*|^make.*\*\*\* .+", re.MULTILINE),
)


@dataclass(frozen=True)
class KernelHeaders:
    """The two halves of Debian's kernel headers, as they lie in a folder of unpacked packages.

    Both point into each other by absolute path in two places: the flavour's Makefile, which only
    includes the common one, and the links in lib/modules. Neither is used here: make reads the
    common Makefile by its own path. All other links are relative, so nothing needs to be installed.
    """

    common: Path
    flavour: Path

    @classmethod
    def find(cls, folder: Path) -> KernelHeaders:
        """The headers in `folder`, unpacked from the -common, flavour and kbuild packages."""
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


def build_vfio_modules(
    vfio_platform_source: Path,
    headers: Path,
    out: Path,
    *,
    cross: str = "aarch64-linux-gnu-",
    series: Path,
    commands: Commands | None = None,
    deadline: Deadline | None = None,
) -> list[Path]:
    """Build vfio-platform and its reset handlers; the modules, in the order they can be loaded.

    `vfio_platform_source` is the pristine drivers/vfio/platform of the kernel's source, `series` a
    folder of kernel-patches/, `headers` a folder the kernel's two headers packages and its kbuild
    package were unpacked into, `out` the folder for the modules (created). The result does not
    depend on where these folders are.

    Raises TestbedError naming the patch that does not apply or the first error of the build, and
    OSError when the source cannot be read or `out` not be written.
    """
    kernel = KernelHeaders.find(headers)
    if shutil.which(f"{cross}gcc", path=SEARCH_PATH) is None:
        raise failure(f"cannot {_WHAT}: {cross}gcc is not installed; run 'testbed doctor'")
    out.mkdir(parents=True, exist_ok=True)
    tree = out.resolve() / "source"
    for path in (tree, kernel.common):
        if re.search(r"[\s:%#$]", str(path)):
            raise failure(
                f"cannot {_WHAT}: make cannot work in '{path}'; set TESTBED_CACHE to a path"
                " without blanks and none of : % # $"
            )
    shutil.rmtree(tree, ignore_errors=True)
    try:
        folder = _prepare(vfio_platform_source, series, tree)
        _make(kernel, tree, cross, commands or Commands(), deadline or Deadline(_BUILD_SECONDS))
        return [Path(shutil.copy(folder / name, out)) for name in _MODULES]
    finally:
        shutil.rmtree(tree, ignore_errors=True)


def _prepare(source: Path, series: Path, tree: Path) -> Path:
    folder = tree / _SUBTREE
    shutil.copytree(source, folder)
    apply_series(series, tree)
    shutil.copy(_KBUILD, folder / "Kbuild")
    return folder


def _make(
    kernel: KernelHeaders, tree: Path, cross: str, commands: Commands, deadline: Deadline
) -> None:
    process = commands.start(
        [
            # A session of its own, so that what make started can be ended with it.
            "setsid",
            # Whoever calls may itself run under make, or have set what a kernel build would obey.
            "env",
            "--ignore-environment",
            f"PATH={SEARCH_PATH}",
            "LC_ALL=C",
            "make",
            f"-j{len(os.sched_getaffinity(0))}",
            f"--file={kernel.common}/Makefile",
            f"M={tree / _SUBTREE}",
            # The headers name the compiler by the version that built the kernel, which the
            # workstation need not have.
            *(f"{variable}={cross}{tool}" for variable, tool in _TOOLS.items()),
            # File names in the modules as they are in the kernel's own, wherever this is built,
            # and nothing else that depends on the place.
            f"KCFLAGS=-ffile-prefix-map={tree}/=",
            "CONFIG_DEBUG_INFO=",
            # Would need pahole, and nothing here reads type information.
            "CONFIG_DEBUG_INFO_BTF_MODULES=",
            "modules",
        ],
        what=_WHAT,
        cwd=kernel.flavour,
    )
    try:
        _, stderr = process.communicate(timeout=deadline.remaining)
    except subprocess.TimeoutExpired:
        raise failure(f"cannot {_WHAT}: not done after {deadline.seconds:.0f} s") from None
    finally:
        if process.poll() is None:
            with suppress(ProcessLookupError):
                os.killpg(process.pid, signal.SIGKILL)
        commands.forget(process)
    if process.returncode > 0:
        _explain(stderr.decode(errors="replace").replace(f"{tree}/", ""), cross)
    commands.check(process, ["make"], _WHAT, stderr)


def _explain(output: str, cross: str) -> None:
    """Raise for the first error in what a failed build wrote, if there is one to be found."""
    if os.strerror(errno.ENOSPC) in output:
        raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))
    errors = [match.strip() for pattern in _ERRORS for match in pattern.findall(output)]
    if errors:
        raise failure(f"cannot {_WHAT} with {cross}gcc: {errors[0]}", excerpt=tuple(errors[:5]))
