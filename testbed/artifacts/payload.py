# SPDX-License-Identifier: MIT
"""The host's second disk, mounted at /testbed: its modules and programs, and the guest's system.

Not compressed: the emulated host reads it faster than it could decompress it.
"""

from __future__ import annotations

import shutil
from collections.abc import Sequence
from pathlib import Path

from testbed.artifacts import lists, squashfs
from testbed.artifacts.squashfs import make_squashfs
from testbed.artifacts.targets import Target, Workspace

_HOST_INIT = lists.GUESTS / "init" / "host-init"
_COMMON_INIT = lists.GUESTS / "init" / "testbed-init"
_HOST_PROGRAMS = lists.GUESTS / "host"


def payload_target(
    trees: Sequence[Target],
    *,
    busybox: Target,
    programs: Target,
    guest_kernel: Target,
    guest_initramfs: Target,
    guest_modules: Sequence[Target] = (),
) -> Target:
    """Output: payload.squashfs.

    Outputs of `trees` lie where they do below the disk's root: kernel modules, and programs in bin/
    beside those of `programs`. Below guest/ is what a guest boots: the Image of `guest_kernel`, and
    its modules. Without `guest_modules` they are the host's.
    """

    def build(work: Workspace) -> None:
        tree = work.scratch / "payload"
        for name in ("bin", "guest", "lib"):
            (tree / name).mkdir(parents=True)
        _add(work, trees, tree)
        guest = tree / "guest"
        shutil.copyfile(work.need(guest_kernel.name) / "Image", guest / "Image")
        initramfs = work.need(guest_initramfs.name) / "initramfs.cpio"
        shutil.copyfile(initramfs, guest / "initramfs.cpio")
        if guest_modules:
            _add(work, guest_modules, guest)
        else:
            (guest / "modules").symlink_to("../modules")
        for program in (
            *work.need(programs.name).iterdir(),
            *lists.files_below(_HOST_PROGRAMS),
            _HOST_INIT,
            work.need(busybox.name) / "busybox",
        ):
            shutil.copyfile(program, tree / "bin" / program.name)
            (tree / "bin" / program.name).chmod(0o755)
        shutil.copyfile(_COMMON_INIT, tree / "lib" / _COMMON_INIT.name)
        make_squashfs(work, tree, work.out / "payload.squashfs", compression="none")

    return Target(
        "payload",
        build,
        needs=(*trees, *guest_modules, busybox, programs, guest_kernel, guest_initramfs),
        sources=(
            Path(__file__),
            Path(squashfs.__file__),
            _HOST_INIT,
            _COMMON_INIT,
            *lists.files_below(_HOST_PROGRAMS),
        ),
    )


def _add(work: Workspace, trees: Sequence[Target], folder: Path) -> None:
    for part in trees:
        shutil.copytree(work.need(part.name), folder, symlinks=True, dirs_exist_ok=True)
