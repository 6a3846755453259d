# SPDX-License-Identifier: MIT
"""What the machines boot from: both initramfs, the payload, and a root file system built here."""

from __future__ import annotations

import os
import subprocess
from collections.abc import Mapping
from pathlib import Path
from random import Random

import pytest
from artifact_rig import Steps, make_workshop, read_newc
from test_module_tree import make_module

from testbed.artifacts.cache import Cache
from testbed.artifacts.initramfs import guest_initramfs_target, host_initramfs_target
from testbed.artifacts.payload import payload_target
from testbed.artifacts.payload_modules import all_modules_target
from testbed.artifacts.root import built_root_target
from testbed.artifacts.targets import Target, Workshop, Workspace


def files(name: str, contents: Mapping[str, bytes]) -> Target:
    """A target with these outputs."""

    def build(work: Workspace) -> None:
        for path, content in contents.items():
            (work.out / path).parent.mkdir(parents=True, exist_ok=True)
            (work.out / path).write_bytes(content)

    return Target(name, build)


@pytest.fixture
def workshop(cache: Cache) -> Workshop:
    return make_workshop(cache, Steps())


@pytest.fixture
def modules(tmp_path: Path) -> dict[str, bytes]:
    """The file of each module: `disk` needs `bus`, `shell` is in the kernel."""
    return {
        "modules/6.0/kernel/disk.ko": make_module(tmp_path / "disk.ko", "bus,shell"),
        "modules/6.0/kernel/bus.ko": make_module(tmp_path / "bus.ko", ""),
        "modules/6.0/kernel/image.ko": make_module(tmp_path / "image.ko", "disk"),
        "modules/6.0/modules.builtin": b"kernel/shell.ko\n",
        "modules/6.0/modules.order": b"kernel/bus.ko\n",
    }


@pytest.fixture
def kernel(modules: dict[str, bytes]) -> Target:
    return files("kernel", {"Image": b"the kernel", **modules})


@pytest.fixture
def busybox(random: Random) -> Target:
    return files("busybox", {"busybox": random.randbytes(99)})


PROGRAMS = files("guest programs", {"testbed-agent": b"agent", "tool": b"tool"})


def output(workshop: Workshop, target: Target, name: str) -> Path:
    workshop.make([target])
    return workshop.objects.folder(target.recipe) / name


def unsquash(image: Path, out: Path) -> Path:
    subprocess.run(
        ["unsquashfs", "-no-progress", "-dest", out, image], check=True, capture_output=True
    )
    return out


def test_modules_of_an_initramfs_come_in_order_and_once(
    workshop: Workshop, kernel: Target, busybox: Target, modules: dict[str, bytes]
) -> None:
    target = guest_initramfs_target(
        kernel, busybox, PROGRAMS, boot=("shell", "disk"), system=("image", "disk")
    )
    entries = read_newc(output(workshop, target, "initramfs.cpio").read_bytes())
    assert entries["modules/boot"][1] == b"bus\ndisk\n"
    assert entries["modules/system"][1] == b"image\n"
    assert entries["modules/image.ko"][1] == modules["modules/6.0/kernel/image.ko"]
    assert entries["bin/testbed-agent"][:2] == (0o100755, b"agent")
    assert entries["bin/mount-system"][0] == 0o100755


def test_a_kernel_with_all_built_in_gets_empty_lists(
    workshop: Workshop, kernel: Target, busybox: Target
) -> None:
    target = host_initramfs_target(kernel, busybox)
    entries = read_newc(output(workshop, target, "initramfs.cpio").read_bytes())
    assert [name for name in entries if name.startswith("modules/")] == ["modules/boot"]
    assert entries["modules/boot"][1] == b""
    assert entries["init"][1].startswith(b"#!/bin/busybox sh\n")


def test_other_modules_are_another_initramfs(kernel: Target, busybox: Target) -> None:
    some, other = (host_initramfs_target(kernel, busybox, boot=(name,)) for name in ("bus", "disk"))
    assert some.recipe.digest != other.recipe.digest


def test_a_payload_has_its_trees_and_a_guest(
    workshop: Workshop, kernel: Target, busybox: Target, tmp_path: Path
) -> None:
    initramfs = files("guest initramfs", {"initramfs.cpio": b"initramfs"})

    def payload(guest_kernel: Target, *guest_modules: Target) -> Path:
        target = payload_target(
            [all_modules_target(kernel), files("qemu", {"bin/qemu": b"qemu"})],
            busybox=busybox,
            programs=PROGRAMS,
            guest_kernel=guest_kernel,
            guest_initramfs=initramfs,
            guest_modules=guest_modules,
        )
        image = output(workshop, target, "payload.squashfs")
        return unsquash(image, tmp_path / f"payload of {guest_kernel.name}")

    found = payload(kernel)
    assert (found / "guest/Image").read_bytes() == b"the kernel"
    assert (found / "guest/initramfs.cpio").read_bytes() == b"initramfs"
    assert (found / "modules/6.0/modules.dep").read_text().count(".ko:") == 3
    for name in ("qemu", "tool", "host-init", "busybox", "platform-device"):
        assert (found / "bin" / name).is_file()
    assert os.access(found / "bin/tool", os.X_OK)
    assert (found / "guest/modules/6.0/modules.dep").is_file()

    other = payload(files("other", {"Image": b"kernel"}), files("its", {"modules/6.1/order": b""}))
    assert (other / "guest/Image").read_bytes() == b"kernel"
    assert [path.name for path in (other / "guest/modules").iterdir()] == ["6.1"]
    assert [path.name for path in (other / "modules").iterdir()] == ["6.0"]


def test_a_root_file_system_of_programs_built_here(
    workshop: Workshop, busybox: Target, tmp_path: Path
) -> None:
    trees = [files("one", {"usr/sbin/one": b"1"}), files("two", {"usr/sbin/two": b"2"})]
    target = built_root_target(busybox, trees)
    found = unsquash(output(workshop, target, "root.squashfs"), tmp_path / "root")
    assert (found / "usr/bin/sh").readlink() == Path("busybox")
    assert os.access(found / "bin/busybox", os.X_OK)
    assert (found / "sbin/one").read_bytes() == b"1"
    assert (found / "sbin/two").read_bytes() == b"2"
    for place in ("dev", "proc", "sys", "testbed", "tmp", "usr/lib/modules"):
        assert (found / place).is_dir()
