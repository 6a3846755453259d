# SPDX-License-Identifier: MIT
"""The two initramfs: the host's, which mounts its disks, and the guest's, which is all it has."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path

from testbed.artifacts import cpio, lists, module_tree
from testbed.artifacts.cpio import CpioWriter
from testbed.artifacts.module_tree import ModuleTree
from testbed.artifacts.targets import Target, Workspace

_INIT = lists.GUESTS / "init"
_GUEST_SCRIPTS = lists.GUESTS / "guest"
_COMMON = _INIT / "testbed-init"
_OWN_SOURCES = (Path(__file__), Path(cpio.__file__), Path(module_tree.__file__))


def host_initramfs_target(kernel: Target, busybox: Target, *, boot: Sequence[str] = ()) -> Target:
    """Output: initramfs.cpio.

    `boot` names the modules without which the host finds no disk: none when `kernel` has those
    drivers built in.
    """
    return _target("host initramfs", kernel, busybox, _INIT / "initramfs-init", {"boot": boot})


def guest_initramfs_target(
    kernel: Target,
    busybox: Target,
    programs: Target,
    *,
    boot: Sequence[str] = (),
    system: Sequence[str] = (),
) -> Target:
    """Output: initramfs.cpio, with the agent and the tools in /bin.

    `boot` names the modules without which the agent has no channel, `system` those that the host's
    disks need beside them.
    """
    modules = {"boot": boot, "system": system}
    return _target("guest initramfs", kernel, busybox, _INIT / "guest-init", modules, programs)


def _target(
    name: str,
    kernel: Target,
    busybox: Target,
    init: Path,
    modules: Mapping[str, Sequence[str]],
    programs: Target | None = None,
) -> Target:
    scripts = [] if programs is None else lists.files_below(_GUEST_SCRIPTS)

    def build(work: Workspace) -> None:
        writer = CpioWriter()
        # The kernel opens it for process 1 before anything is mounted.
        writer.character_device("dev/console", 5, 1)
        writer.file("init", init.read_bytes(), 0o755)
        writer.file("lib/testbed-init", _COMMON.read_bytes())
        writer.file("bin/busybox", (work.need(busybox.name) / "busybox").read_bytes(), 0o755)
        for place in ("proc", "sys", "tmp"):
            writer.directory(place)
        _add_modules(writer, work.need(kernel.name), modules)
        if programs is not None:
            for program in sorted(work.need(programs.name).iterdir()):
                writer.file(f"bin/{program.name}", program.read_bytes(), 0o755)
        for script in scripts:
            writer.file(f"bin/{script.name}", script.read_bytes(), 0o755)
        writer.write(work.out / "initramfs.cpio")

    return Target(
        name,
        build,
        needs=(kernel, busybox) if programs is None else (kernel, busybox, programs),
        inputs={f"{name} modules": " ".join(wanted) for name, wanted in modules.items()},
        sources=(*_OWN_SOURCES, init, _COMMON, *scripts),
    )


def _add_modules(writer: CpioWriter, kernel: Path, modules: Mapping[str, Sequence[str]]) -> None:
    """modules/NAME.ko, decompressed, and modules/LIST: names in the order to load them."""
    release = next((kernel / "modules").iterdir())
    tree = ModuleTree(release, builtin=release / "modules.builtin")
    written: set[str] = set()
    for list_name, wanted in modules.items():
        order = [name for name in tree.closure(wanted) if name not in written]
        for name in order:
            writer.file(f"modules/{name}.ko", tree.content(name))
        writer.file(f"modules/{list_name}", "".join(f"{name}\n" for name in order).encode())
        written.update(order)
