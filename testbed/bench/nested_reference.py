# SPDX-License-Identifier: MIT
"""Scenario `uart`, done the way in which QEMU's own functional test of nested pass-through works.

That test (`device_passthrough` for aarch64) powers on host and guest every time, lets both kernels
talk on their consoles, and has the guest's system in a folder of the workstation, which the host
mounts by 9p. Here that is done with the machines, kernels, QEMUs, devices and assertions of
scenario `uart`, so that the way is all that differs.

Where it is kinder to that way: the guest does not mount the folder once more through its own QEMU,
and has the memory of this project's guests instead of a GiB.
"""

from __future__ import annotations

import os
import shutil
from collections.abc import Sequence
from pathlib import Path
from typing import Any, ClassVar

from testbed.artifacts import BoardArtifacts
from testbed.artifacts.module_tree import ModuleTree
from testbed.bench.shared_guest import SharedGuest
from testbed.machine.command import escape
from testbed.machine.guest import GuestDevice
from testbed.paths import SCENARIOS
from testbed.scenario.process import load

_TAG = "host"
_LOUD = "ignore_loglevel"
_MODULES = ("9pnet_virtio", "9p")

_Uart: Any = load(SCENARIOS / "uart.py")


class NestedReference(_Uart):  # type: ignore[misc]
    """Found by avocado: this file is a scenario, which `bench/beside_qemu.py` runs by its path."""

    # The kernel that is built for e500 has no 9p.
    boards = ("arm-virt",)
    host_append: ClassVar[str] = _LOUD

    def parts(self, artifacts: BoardArtifacts) -> BoardArtifacts:
        self._packaged = artifacts.host_kernel.parent / "modules"
        self._folder: Path = self._run.folder("shared")
        for path in (artifacts.root, artifacts.payload, artifacts.guest_initramfs):
            _place(path, self._folder / path.name)
        _place(artifacts.guest_kernel, self._folder / SharedGuest.KERNEL)
        return artifacts

    def host_arguments(self) -> Sequence[str]:
        return (
            "-fsdev",
            f"local,id={_TAG},path={escape(self._folder)},security_model=mapped,readonly=on",
            *("-device", f"virtio-9p-pci,fsdev={_TAG},mount_tag={_TAG}"),
        )

    def prepare_guest(self, devices: Sequence[GuestDevice], **choices: Any) -> SharedGuest:
        self._mount()
        guest = SharedGuest(self.host, "guest0", devices, append=_LOUD)
        self._guests.append(guest)
        return guest

    def _mount(self) -> None:
        """Mount the folder in the host, whose disks lack the kernel's modules for it."""
        modules = ModuleTree(self._packaged, builtin=next(self._packaged.glob("*/modules.builtin")))
        for name in modules.closure(_MODULES):
            file = f"/run/{name}.ko"
            self.host.agent.put_file(file, modules.content(name), deadline=self.deadline(20))
            self.host.succeed(["insmod", file])
        place = SharedGuest.FOLDER
        self.host.succeed(["mkdir", place])
        self.host.succeed(f"mount -t 9p -o trans=virtio,version=9p2000.L {_TAG} {place}")

    def tearDown(self) -> None:
        super().tearDown()
        shutil.rmtree(self._folder)  # the cache has it all


def _place(source: Path, target: Path) -> None:
    """The file under another name; a copy only where the disk is another."""
    try:
        os.link(source, target)
    except OSError:
        shutil.copyfile(source, target)
