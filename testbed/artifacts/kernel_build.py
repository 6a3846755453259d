# SPDX-License-Identifier: MIT
"""A kernel built here: a board's, where no distribution has one for it, or one that boots faster.

An interrupted build goes on where it was. Kbuild allows that at any point: it takes an object for
done when the command that made it has been written beside it, which comes last.
"""

from __future__ import annotations

import os
import re
import shutil
import signal
from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path, PurePath

from testbed.artifacts import kernel_config, lists, make, patch_series
from testbed.artifacts.commands import SEARCH_PATH
from testbed.artifacts.failure import failure
from testbed.artifacts.kernel_config import check_config
from testbed.artifacts.make import Make
from testbed.artifacts.packages import Package
from testbed.artifacts.patch_series import apply_series
from testbed.artifacts.selection import Selection
from testbed.artifacts.targets import Target, Workspace
from testbed.artifacts.unpack import one, unpack
from testbed.deadline import Deadline

_SECONDS = 7200.0

# Parts of the whole, for the estimate: the source is ready; everything is compiled.
_READY, _COMPILED = 0.05, 0.95
_OBJECTS = 1000
"""What such a kernel compiles; roughly right is enough."""
_COMPILING = re.compile(r"  (?:CC|AS) ")

# More than half of the source's files. A kernel that is built here reads none of them but those of
# its architecture, and of the drivers that its recipe names.
_DRIVERS_LEFT_OUT = (
    *("accel", "clk", "comedi", "dma", "gpu", "hid", "hwmon", "hwtracing", "i2c", "iio"),
    *("infiniband", "input", "leds", "md", "media", "mfd", "misc", "mmc", "mtd", "pcmcia"),
    *("net/[!emp]*", "net/ethernet/[!f]*"),
    *("phy", "pinctrl", "platform", "regulator", "s390", "spi", "staging", "target", "thermal"),
    *("usb", "video", "watchdog"),
)
# Nothing in the result says when, where or by whom it was built.
_ANONYMOUS = {
    "KBUILD_BUILD_TIMESTAMP": "Thu Jan  1 00:00:00 UTC 1970",
    "KBUILD_BUILD_USER": "testbed",
    "KBUILD_BUILD_HOST": "testbed",
    "KBUILD_BUILD_VERSION": "1",
}


@dataclass(frozen=True)
class KernelRecipe:
    """What a kernel is made of beside its source."""

    architecture: str
    """As the kernel's build names it."""
    cross: str
    """Prefix of the compiler's name."""
    fragment: Path
    """What is asked for beyond allnoconfig."""
    series: tuple[Path, ...]
    """Folders of patches, in the order to apply them."""
    image: str = "vmlinux"
    """What QEMU loads, as a path in the built tree: the ELF file, or what Kbuild makes of it."""
    drivers: tuple[str, ...] = ()
    """Those of `_DRIVERS_LEFT_OUT` that it is built from all the same."""

    @property
    def left_out(self) -> list[str]:
        """Patterns of what is not unpacked, from the top of the source."""
        others = f"arch/[!{self.architecture[0]}]*"
        return [
            *("Documentation/[!K]*", "tools/[!abils]*", "sound/*.[ch]", "arch/parisc"),
            *(f"{others}/{name}" for name in ("*.[chS]", "boot/dts", "configs")),
            *(f"drivers/{name}/*.[ch]" for name in _DRIVERS_LEFT_OUT if name not in self.drivers),
        ]


def built_kernel_target(recipe: KernelRecipe, selection: Selection, name: str = "kernel") -> Target:
    """Outputs: Image (the ELF file without symbols, or what the recipe has for it), config,
    System.map, modules/RELEASE/, and what modules are built against outside the kernel's tree,
    packed, as headers.tar.
    """
    package = one(selection.packages, "linux-source-")

    def build(work: Workspace) -> None:
        build = _Build(work, recipe)
        work.step.complete(build.part)
        build.end_leftovers()
        if not build.prepared.exists():
            build.prepare(package)
        build.compile()
        build.install()

    return Target(
        name,
        build,
        packages=(package,),
        inputs={
            "image": recipe.image,
            "architecture": recipe.architecture,
            "cross": recipe.cross,
            "series": " ".join(series.name for series in recipe.series),
        },
        sources=(
            Path(__file__),
            Path(kernel_config.__file__),
            Path(make.__file__),
            Path(patch_series.__file__),
            recipe.fragment,
            *lists.files_below(*recipe.series),
        ),
    )


def built_headers_target(kernel: Target) -> Target:
    """Outputs: a tree to build modules of a `kernel` built here against."""

    def build(work: Workspace) -> None:
        work.commands.run(
            ["tar", "-x", "-f", work.need(kernel.name) / "headers.tar", "-C", work.out],
            what="unpack the kernel's headers",
        )

    return Target("linux-headers", build, needs=(kernel,), sources=(Path(__file__),))


class _Build:
    """Of a source tree in place: all names in it are relative, wherever it lies."""

    def __init__(self, work: Workspace, recipe: KernelRecipe) -> None:
        self._work = work
        self._recipe = recipe
        self._tree = work.unfinished / "linux"
        self.prepared = work.unfinished / "prepared"
        ccache = shutil.which("ccache", path=SEARCH_PATH)
        compiler = f"{recipe.cross}gcc"
        if shutil.which(compiler, path=SEARCH_PATH) is None:
            raise failure(
                f"cannot build the kernel: {compiler} is not installed; run 'testbed doctor'"
            )
        self._arguments = (
            f"ARCH={recipe.architecture}",
            f"CROSS_COMPILE={recipe.cross}",
            f"CC={'ccache ' if ccache else ''}{compiler}",
        )
        # Where ccache keeps what it has; the rest of the caller's environment is none of make's.
        kept = {name: value for name, value in os.environ.items() if name.startswith("CCACHE_")}
        self._make = Make(
            "build the kernel",
            self._tree,
            recipe.cross,
            work.commands,
            Deadline(_SECONDS),
            {**kept, "HOME": os.environ.get("HOME", "/"), **_ANONYMOUS},
        )

    @property
    def part(self) -> float:
        """How much of the whole is done."""
        return _part(self._objects) if self.prepared.exists() else 0.0

    @property
    def _objects(self) -> int:
        return sum(1 for _ in self._tree.rglob(".*.o.cmd"))

    def end_leftovers(self) -> None:
        """End what still works here for a run that was killed: make's children outlive it."""
        for process in Path("/proc").glob("[0-9]*"):
            with suppress(OSError):
                if (process / "cwd").readlink().is_relative_to(self._tree):
                    os.kill(int(process.name), signal.SIGKILL)

    def prepare(self, package: Package) -> None:
        """Unpack, patch and configure."""
        shutil.rmtree(self._tree, ignore_errors=True)
        self._tree.mkdir(parents=True)
        unpack(self._work, [package], self._work.scratch)
        (tarball,) = (self._work.scratch / "usr/src").glob("linux-source-*.tar.xz")
        top = tarball.name.removesuffix(".tar.xz")
        self._work.commands.run(
            [
                *("tar", "-x", "-f", tarball, "-I", "xz -T0", "-C", self._tree),
                *("--strip-components=1", "--no-same-owner", "--anchored"),
                *(f"--exclude={top}/{pattern}" for pattern in self._recipe.left_out),
            ],
            what=f"unpack {tarball.name}",
        )
        tarball.unlink()
        for series in self._recipe.series:
            apply_series(series, self._tree)
        fragment = self._recipe.fragment
        self._run("allnoconfig", f"KCONFIG_ALLCONFIG={fragment}")
        check_config(fragment, self._tree / ".config")
        self.prepared.touch()

    def compile(self) -> None:
        """Build kernel and modules, or what of them is missing."""
        objects = self._objects

        def heard(line: str) -> None:
            nonlocal objects
            if _COMPILING.match(line):
                objects += 1
                self._work.step.complete(_part(objects))

        self._work.step.complete(_part(objects))
        image = PurePath(self._recipe.image).name
        self._run(image, "modules", heard=heard)

    def install(self) -> None:
        """Fill the target's folder."""
        out, commands, cross = self._work.out, self._work.commands, self._recipe.cross
        image = self._tree / self._recipe.image
        if image.name == "vmlinux":
            commands.run([f"{cross}strip", "-o", out / "Image", image], what="strip the kernel")
        else:
            shutil.copyfile(image, out / "Image")
        shutil.copy(self._tree / ".config", out / "config")
        shutil.copy(self._tree / "System.map", out)
        installed = self._work.scratch / "installed"
        self._run("modules_install", f"INSTALL_MOD_PATH={installed}")
        (release,) = (installed / "lib/modules").iterdir()
        (release / "build").unlink(missing_ok=True)
        (out / "modules").mkdir()
        release.rename(out / "modules" / release.name)
        self._pack_headers(self._work.scratch / "headers", out / "headers.tar")

    def _pack_headers(self, headers: Path, archive: Path) -> None:
        """The kernel's own script chooses the files, as for the packages it can be built as."""
        compiler = {"CC": "cc", "HOSTCC": "cc"}  # the same: scripts stay the workstation's programs
        self._work.commands.run(
            ["sh", "scripts/package/install-extmod-build", headers],
            what="collect the kernel's headers",
            cwd=self._tree,
            env={"srctree": ".", "SRCARCH": self._recipe.architecture, **compiler},
        )
        # It leaves out what modules are linked with on 32-bit Power.
        for name in (".config", "arch/powerpc/lib/crtsavres.o"):
            if (self._tree / name).is_file():
                (headers / name).parent.mkdir(parents=True, exist_ok=True)
                shutil.copy(self._tree / name, headers / name)
        self._work.commands.run(
            [
                *("tar", "-c", "-f", archive, "-C", headers, "--sort=name", "--mtime=@0"),
                *("--owner=0", "--group=0", "--numeric-owner", "."),
            ],
            what="pack the kernel's headers",
        )

    def _run(self, *arguments: str, heard: Callable[[str], None] = lambda line: None) -> None:
        self._make.run([*self._arguments, *arguments], self._tree, heard)


def _part(objects: int) -> float:
    """What so many compiled objects are of the whole."""
    return _READY + (_COMPILED - _READY) * min(1.0, objects / _OBJECTS)
