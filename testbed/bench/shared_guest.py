# SPDX-License-Identifier: MIT
"""A guest whose system lies in a folder that the host has mounted, not on the host's disks."""

from __future__ import annotations

from typing import ClassVar

from testbed.machine.command import loading
from testbed.machine.guest import Guest

_ON_DISK = "file.driver=host_device,file.filename=/run/testbed/disk/{}"
_IN_FOLDER = "file.driver=file,file.filename={}/{}.squashfs"


class SharedGuest(Guest):
    """Kernel, initramfs and disks are files of `FOLDER`."""

    FOLDER: ClassVar[str] = "/run/shared"
    KERNEL: ClassVar[str] = "Image"

    def _system(self) -> tuple[str, ...]:
        return loading(
            f"{self.FOLDER}/{self.KERNEL}",
            f"{self.FOLDER}/initramfs.cpio",
            f"{self.host.board.guest_kernel_arguments} {self.append}",
        )

    def _machine(self) -> list[str]:
        argv = super()._machine()
        for name in ("root", "payload"):
            there = _IN_FOLDER.format(self.FOLDER, name)
            argv = [word.replace(_ON_DISK.format(name), there) for word in argv]
        return argv
