# SPDX-License-Identifier: MIT
"""The two initramfs: the host's, which mounts its disks, and the guest's, which is all it has."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

from testbed.artifacts import cpio, lists, module_tree
from testbed.artifacts.cpio import CpioWriter
from testbed.artifacts.module_tree import ModuleTree
from testbed.artifacts.selection import Selection
from testbed.artifacts.targets import Target, Workspace
from testbed.artifacts.unpack import one, unpack_busybox

_INIT = lists.GUESTS / "init"
_GUEST_SCRIPTS = lists.GUESTS / "guest"
_COMMON = _INIT / "testbed-init"
_OWN_SOURCES = (Path(__file__), Path(cpio.__file__), Path(module_tree.__file__))


def host_initramfs_target(root: Selection, kernel: Target) -> Target:
    """Output: initramfs.cpio."""
    modules = {"boot": _INIT / "host-modules.txt"}
    return _target("host initramfs", root, kernel, _INIT / "initramfs-init", modules)


def guest_initramfs_target(root: Selection, kernel: Target, programs: Target) -> Target:
    """Output: initramfs.cpio, with the agent and the tools in /bin."""
    modules = {
        "boot": _INIT / "guest-modules.txt",
        "system": _INIT / "guest-system-modules.txt",
    }
    return _target("guest initramfs", root, kernel, _INIT / "guest-init", modules, programs)


def _target(
    name: str,
    root: Selection,
    kernel: Target,
    init: Path,
    modules: Mapping[str, Path],
    programs: Target | None = None,
) -> Target:
    scripts = [] if programs is None else lists.files_below(_GUEST_SCRIPTS)
    busybox = one(root.packages, "busybox-static")

    def build(work: Workspace) -> None:
        writer = CpioWriter()
        # The kernel opens it for process 1 before anything is mounted.
        writer.character_device("dev/console", 5, 1)
        writer.file("init", init.read_bytes(), 0o755)
        writer.file("lib/testbed-init", _COMMON.read_bytes())
        writer.file("bin/busybox", unpack_busybox(work, busybox).read_bytes(), 0o755)
        for place in ("proc", "sys", "tmp"):
            writer.directory(place)
        _add_modules(writer, work.need("kernel"), modules)
        if programs is not None:
            for program in sorted(work.need(programs.name).iterdir()):
                writer.file(f"bin/{program.name}", program.read_bytes(), 0o755)
        for script in scripts:
            writer.file(f"bin/{script.name}", script.read_bytes(), 0o755)
        writer.write(work.out / "initramfs.cpio")

    return Target(
        name,
        build,
        needs=(kernel,) if programs is None else (kernel, programs),
        packages=(busybox,),
        sources=(*_OWN_SOURCES, init, *modules.values(), _COMMON, *scripts),
    )


def _add_modules(writer: CpioWriter, kernel: Path, lists_of_modules: Mapping[str, Path]) -> None:
    """modules/NAME.ko, decompressed, and modules/LIST: names in the order to load them."""
    release = next((kernel / "modules").iterdir())
    tree = ModuleTree(release, builtin=release / "modules.builtin")
    written: set[str] = set()
    for list_name, path in lists_of_modules.items():
        order = [name for name in tree.closure(lists.read_list(path)) if name not in written]
        for name in order:
            writer.file(f"modules/{name}.ko", tree.content(name))
        writer.file(f"modules/{list_name}", "".join(f"{name}\n" for name in order).encode())
        written.update(order)
