# SPDX-License-Identifier: MIT
"""A kernel in the tree that a user built it in: its image and the modules that machines use.

Taken as they lie there, by `modules.order` and without make: whoever bisects builds often, and
nothing of the tree is installed or changed.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path, PurePath

from testbed.artifacts import kernel_config, kernel_image, lists, module_tree
from testbed.artifacts.digest import file_sha256, json_sha256
from testbed.artifacts.failure import failure
from testbed.artifacts.kernel_config import symbols
from testbed.artifacts.module_tree import ModuleTree, canonical
from testbed.artifacts.targets import Target, Workspace

_VFIO_PLATFORM = PurePath("drivers/vfio/platform")
_NEEDS = lists.GUESTS / "kernel" / "needs"


@dataclass(frozen=True)
class TreeKind:
    """How a board's kernels are found in the trees they are built in."""

    board: str
    architecture: str
    """As a .config says it."""
    cross: str
    """Prefix of binutils' names."""
    image: str
    """What is loaded, from the tree's top."""
    as_loaded: Callable[[Path], bytes]
    """The image in the form QEMU takes. TestbedError when it is none."""
    modules: Path | None
    """List of modules to take where the tree has them; None: all."""


@dataclass(frozen=True)
class KernelTree:
    """A tree that a kernel was built in; with `make O=`, that folder."""

    kind: TreeKind
    folder: Path

    def check(self, machine: str) -> None:
        """TestbedError unless it is built, and configured for a "host" or a "guest"."""
        for name in (".config", "include/config/kernel.release", self.kind.image, "modules.order"):
            if not (self.folder / name).is_file():
                raise failure(
                    f"{self.folder} is not a built kernel tree: it has no {name}; configure it and"
                    f" run make for {self.kind.image.rpartition('/')[2]} and modules"
                )
        config = self.folder / ".config"
        found = kernel_config.architecture(config)
        if found != self.kind.architecture:
            raise failure(
                f"the kernel in {self.folder} is for {found}, not for {self.kind.architecture};"
                f" board {self.kind.board} needs that"
            )
        missing = missing_symbols(_NEEDS / f"{self.kind.board}-{machine}.config", config)
        if missing:
            patches = (
                ""
                if not any("_RESET=" in symbol for symbol in missing)
                else (" (the reset handlers come with the patches in kernel-patches/vfio-platform)")
            )
            raise failure(
                f"the kernel in {self.folder} cannot be that of the {machine}: set"
                f" {', '.join(missing)}{patches} and build it",
                excerpt=tuple(missing),
            )

    @property
    def release(self) -> str:
        """As `uname -r` says it."""
        return (self.folder / "include/config/kernel.release").read_text().strip()

    @cached_property
    def modules(self) -> dict[str, Path]:
        """Paths of its modules from the tree's top, by canonical name.

        Up to Linux 6.3 the list has them as they are installed, since then as objects.
        """
        lines = (self.folder / "modules.order").read_text().split()
        paths = (PurePath(line.removeprefix("kernel/")).with_suffix(".ko") for line in lines)
        return {canonical(path.stem): Path(path) for path in paths}

    def taken(self) -> list[Path]:
        """The modules that machines use, from the tree's top, those first that others need.

        TestbedError when one is listed and not there.
        """
        for path in self.modules.values():
            if not (self.folder / path).is_file():
                raise failure(
                    f"{self.folder} is not a built kernel tree: it has no {path}, which its"
                    " modules.order lists; run make modules"
                )
        tree = ModuleTree.of_files(
            (self.folder / path for path in self.modules.values()),
            builtin=self.folder / "modules.builtin",
        )
        return [self.modules[name] for name in tree.closure(self._wanted())]

    def _wanted(self) -> Iterable[str]:
        if self.kind.modules is None:
            return sorted(self.modules)
        listed = {canonical(name) for name in lists.read_list(self.kind.modules)}
        own = {name for name, path in self.modules.items() if path.is_relative_to(_VFIO_PLATFORM)}
        return sorted((listed | own) & self.modules.keys())


def missing_symbols(needs: Path, config: Path) -> list[str]:
    """Lines of the file `needs` that a .config does not have; where "m" is asked, "y" will do."""
    found = symbols(config.read_text())
    return [
        line
        for line in lists.read_list(needs)
        if found.get(line.partition("=")[0]) not in {line.partition("=")[2], "y"}
    ]


def kernel_tree_target(tree: KernelTree, machine: str) -> Target:
    """Outputs: Image, config, modules/RELEASE/ with what a "host" or "guest" uses.

    Raises TestbedError unless the tree is built and configured for it, OSError.
    """
    tree.check(machine)
    kind, taken = tree.kind, tree.taken()
    parts = [kind.image, ".config", *map(str, taken)]
    described = json_sha256({name: file_sha256(tree.folder / name) for name in parts})

    def build(work: Workspace) -> None:
        image = tree.folder / kind.image
        if image.name == "vmlinux":  # with all symbols it may have hundreds of megabytes
            image = work.scratch / "vmlinux"
            _strip(work, "--strip-all", tree.folder / kind.image, image)
        (work.out / "Image").write_bytes(kind.as_loaded(image))
        (work.out / "config").write_bytes((tree.folder / ".config").read_bytes())
        release = work.out / "modules" / tree.release
        release.mkdir(parents=True)
        for path in taken:
            place = release / "kernel" / path
            place.parent.mkdir(parents=True, exist_ok=True)
            _strip(work, "--strip-debug", tree.folder / path, place)
        for name in ("modules.builtin", "modules.builtin.modinfo"):
            if (tree.folder / name).is_file():
                (release / name).write_bytes((tree.folder / name).read_bytes())
        (release / "modules.order").write_text("".join(f"kernel/{path}\n" for path in taken))

    def _strip(work: Workspace, how: str, file: Path, place: Path) -> None:
        work.commands.run([f"{kind.cross}strip", how, "-o", place, file], what=f"strip {file.name}")

    return Target(
        f"{machine} kernel tree",
        build,
        inputs={"tree": described, "release": tree.release},
        sources=(
            Path(__file__),
            Path(kernel_image.__file__),
            Path(module_tree.__file__),
        ),
    )
