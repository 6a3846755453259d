# SPDX-License-Identifier: MIT
from __future__ import annotations

import os
from dataclasses import replace
from itertools import pairwise
from pathlib import Path

import pytest
from machine_rig import BOARD, E500, device

from testbed.artifacts import BoardArtifacts
from testbed.machine.command import Chardevs, HostCommand

UART = replace(device("serial@11c500", [(0x11C500, 0x100)], [180]), stream_id=0xF8)


@pytest.fixture
def artifacts() -> BoardArtifacts:
    return BoardArtifacts(
        qemu=Path("/usr/bin/qemu"),
        qemu_version="7.2",
        bridge=Path("/cache/a,b/testbed-rp.so"),
        host_kernel=Path("/cache/Image"),
        host_initramfs=Path("/cache/host.cpio"),
        root=Path("/cache/a,b/root.squashfs"),
        payload=Path("/cache/payload.squashfs"),
        guest_kernel=Path("/cache/Image"),
        guest_initramfs=Path("/cache/guest.cpio"),
        nested_qemu="stock",
        nested_kernel="stock",
        manifest={},
    )


def values(argv: list[str], option: str) -> list[str]:
    return [value for name, value in pairwise(argv) if name == option]


def test_a_device_is_described_to_the_bridge(artifacts: BoardArtifacts) -> None:
    command = HostCommand(BOARD, artifacts, (UART,), "host.dtb")
    assert (
        "remote-port-device,id=serial-11c500,path=serial-11c500.sock,"
        "addr=0xd11c500,size=0x100,irq=180,sid=0xf8"
    ) in values(command.script_argv(), "-device")


def test_further_windows_and_lines_are_numbered(artifacts: BoardArtifacts) -> None:
    sata = replace(
        device("sata@221000", [(0x221000, 0x1000), (0x223000, 8)], [1, 2, 3]), posted_writes=True
    )
    last = HostCommand(BOARD, artifacts, (sata,), "host.dtb").script_argv()[-1]
    assert last.split(",")[3:] == [
        *("addr=0xd221000", "size=0x1000", "addr1=0xd223000", "size1=0x8"),
        *("irq=1", "irq1=2", "irq2=3", "posted-writes=on"),
    ]


def test_commas_in_file_names_are_doubled_where_qemu_splits(artifacts: BoardArtifacts) -> None:
    argv = HostCommand(BOARD, artifacts, (), "host.dtb").script_argv()
    assert values(argv, "-plugin") == ["file=/cache/a,,b/testbed-rp.so"]
    assert any(v.endswith("file.filename=/cache/a,,b/root.squashfs") for v in argv)


def test_arguments_of_the_bridge_follow_its_name(artifacts: BoardArtifacts) -> None:
    command = HostCommand(BOARD, artifacts, (), "host.dtb", bridge=("el2-timers=off",))
    assert values(command.script_argv(), "-plugin") == [
        "file=/cache/a,,b/testbed-rp.so,el2-timers=off"
    ]


def test_the_bridge_is_named_as_a_file_whatever_signs_its_name_has(
    artifacts: BoardArtifacts,
) -> None:
    """QEMU takes what stands before a '=' for an option of the plugin."""
    bridge = Path("/cache/a=b/testbed-rp.so")
    argv = HostCommand(BOARD, replace(artifacts, bridge=bridge), (), "host.dtb").script_argv()
    assert values(argv, "-plugin") == ["file=/cache/a=b/testbed-rp.so"]


def test_a_guest_qemu_of_the_user_is_one_more_drive(artifacts: BoardArtifacts) -> None:
    without = HostCommand(BOARD, artifacts, (), "host.dtb")
    given = replace(without, guest_qemu=Path("/home/me/qemu"), append="mem=1G")
    more = set(given.script_argv()) - set(without.script_argv())
    assert {word for word in more if "guest-qemu" in word} == {
        "driver=raw,node-name=guest-qemu,read-only=on,file.driver=file,file.filename=/home/me/qemu",
        "virtio-blk-pci,drive=guest-qemu,serial=guest-qemu,romfile=",
    }
    assert values(given.script_argv(), "-append") == [f"{BOARD.kernel_arguments} mem=1G"]


def test_qemu_inherits_one_end_of_each_stream(artifacts: BoardArtifacts) -> None:
    chardevs = Chardevs()
    argv = HostCommand(BOARD, artifacts, (), "host.dtb").argv(chardevs)
    assert values(argv, "-chardev") == [
        f"socket,id={name},fd={end}"
        for name, end in zip(("qmp", "console", "agent"), chardevs.inherited, strict=True)
    ]
    os.write(chardevs.inherited[1], b"booting")
    assert chardevs.ours["console"].recv(100) == b"booting"
    chardevs.close_theirs()
    assert chardevs.ours["console"].recv(100) == b""
    for end in chardevs.ours.values():
        end.close()


def test_only_an_iommu_of_qemu_is_told_of_stream_ids(artifacts: BoardArtifacts) -> None:
    command = HostCommand(E500, artifacts, (UART,), "host.dtb")
    assert (
        "remote-port-device,id=serial-11c500,path=serial-11c500.sock,"
        "addr=0xfe011c500,size=0x100,irq=180"
    ) in values(command.script_argv(), "-device")


def test_a_tree_that_has_to_be_complete_is_made_with_all_that_is_loaded(
    artifacts: BoardArtifacts,
) -> None:
    blob = Path("a,b/qemu.dtb")
    argv = HostCommand(E500, artifacts, (UART,), "host.dtb", append="more").tree_argv(blob)
    assert values(argv, "-machine") == ["ppce500,dumpdtb=a,,b/qemu.dtb"]
    assert values(argv, "-kernel") == ["/cache/Image"]
    assert values(argv, "-initrd") == ["/cache/host.cpio"]
    assert values(argv, "-append") == [f"{E500.kernel_arguments} more"]
    assert values(argv, "-serial") == ["null"]
    other = HostCommand(BOARD, artifacts, (UART,), "host.dtb", append="more").tree_argv(blob)
    assert values(other, "-machine")[0].endswith(",dumpdtb=a,,b/qemu.dtb")
    assert "-kernel" not in other
