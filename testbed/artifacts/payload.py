# SPDX-License-Identifier: MIT
"""The host's second disk, mounted at /testbed: its modules and programs, and the guest's system.

Not compressed: the emulated host reads it faster than it could decompress it.
"""

from __future__ import annotations

import shutil
from pathlib import Path

from testbed.artifacts import kernel_image, lists, module_tree, payload_modules, squashfs
from testbed.artifacts.digest import file_sha256
from testbed.artifacts.payload_modules import place_modules, place_plain_job_ring
from testbed.artifacts.selection import Selection
from testbed.artifacts.squashfs import make_squashfs
from testbed.artifacts.targets import Target, Workspace
from testbed.artifacts.unpack import one, unpack_busybox

_HOST_INIT = lists.GUESTS / "init" / "host-init"
_COMMON_INIT = lists.GUESTS / "init" / "testbed-init"
_HOST_PROGRAMS = lists.GUESTS / "host"


def payload_target(
    root: Selection,
    kernel: Target,
    vfio_modules: Target,
    plain_job_ring_modules: Target,
    programs: Target,
    guest_initramfs: Target,
    guest_kernel: Path | None,
) -> Target:
    """Output: payload.squashfs. `guest_kernel` takes the place of the distribution's."""
    busybox = one(root.packages, "busybox-static")

    def build(work: Workspace) -> None:
        tree = work.scratch / "payload"
        for name in ("bin", "guest", "lib"):
            (tree / name).mkdir(parents=True)
        place_modules(work, tree, vfio_modules)
        place_plain_job_ring(work, tree, plain_job_ring_modules)
        _place_guest(work, tree / "guest")
        host_programs = [
            *lists.files_below(_HOST_PROGRAMS),
            _HOST_INIT,
            unpack_busybox(work, busybox),
        ]
        for program in [*work.need("guest programs").iterdir(), *host_programs]:
            shutil.copyfile(program, tree / "bin" / program.name)
            (tree / "bin" / program.name).chmod(0o755)
        shutil.copyfile(_COMMON_INIT, tree / "lib" / _COMMON_INIT.name)
        make_squashfs(work, tree, work.out / "payload.squashfs", compression="none")

    def _place_guest(work: Workspace, folder: Path) -> None:
        source = guest_kernel or work.need("kernel") / "Image"
        (folder / "Image").write_bytes(kernel_image.raw_image(source))
        initramfs = work.need("guest initramfs") / "initramfs.cpio"
        shutil.copyfile(initramfs, folder / "initramfs.cpio")

    inputs = {} if guest_kernel is None else {"guest kernel": file_sha256(guest_kernel)}
    own = (
        __file__,
        kernel_image.__file__,
        module_tree.__file__,
        payload_modules.__file__,
        squashfs.__file__,
    )
    return Target(
        "payload",
        build,
        needs=(vfio_modules, plain_job_ring_modules, kernel, programs, guest_initramfs),
        packages=(busybox,),
        inputs=inputs,
        sources=(
            *map(Path, own),
            payload_modules.MODULES,
            _HOST_INIT,
            _COMMON_INIT,
            *lists.files_below(_HOST_PROGRAMS),
        ),
    )
