# SPDX-License-Identifier: MIT
"""The host's second disk, mounted at /testbed: its modules and programs, and the guest's system.

Not compressed: the emulated host reads it faster than it could decompress it.
"""

from __future__ import annotations

import shutil
from collections.abc import Callable, Sequence
from pathlib import Path

from testbed.artifacts import lists, squashfs
from testbed.artifacts.digest import file_sha256
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
    kernel: Target,
    guest_initramfs: Target,
    guest_kernel: Path | None,
    as_loaded: Callable[[Path], bytes],
) -> Target:
    """Output: payload.squashfs.

    Outputs of `trees` lie where they do below the disk's root: kernel modules, and programs in bin/
    beside those of `programs`. `guest_kernel` takes the place of `kernel`'s Image in the guest, in
    the form in which `as_loaded` gives it to QEMU.
    """

    def build(work: Workspace) -> None:
        tree = work.scratch / "payload"
        for name in ("bin", "guest", "lib"):
            (tree / name).mkdir(parents=True)
        for part in trees:
            shutil.copytree(work.need(part.name), tree, symlinks=True, dirs_exist_ok=True)
        _place_guest(work, tree / "guest")
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

    def _place_guest(work: Workspace, folder: Path) -> None:
        if guest_kernel is None:
            shutil.copyfile(work.need(kernel.name) / "Image", folder / "Image")
        else:
            (folder / "Image").write_bytes(as_loaded(guest_kernel))
        initramfs = work.need(guest_initramfs.name) / "initramfs.cpio"
        shutil.copyfile(initramfs, folder / "initramfs.cpio")

    return Target(
        "payload",
        build,
        needs=(*trees, busybox, programs, kernel, guest_initramfs),
        inputs={} if guest_kernel is None else {"guest kernel": file_sha256(guest_kernel)},
        sources=(
            Path(__file__),
            Path(squashfs.__file__),
            _HOST_INIT,
            _COMMON_INIT,
            *lists.files_below(_HOST_PROGRAMS),
        ),
    )
