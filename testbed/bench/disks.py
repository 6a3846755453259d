# SPDX-License-Identifier: MIT
"""The modelled disk beside others: QEMU's own AHCI in the same host, virtio-blk in the same guest.

Every disk has the same size and content, and every figure comes from the same program, which reads
and writes past the page cache.
"""

from __future__ import annotations

from collections.abc import Generator, Iterator
from pathlib import Path

from testbed.artifacts import BoardArtifacts
from testbed.bench.figures import Figure
from testbed.boards.board import Board
from testbed.machine.command import escape
from testbed.machine.disk import wait_for_disk
from testbed.machine.guest import Guest
from testbed.machine.host import Host
from testbed.run import Run

_MIB = 1 << 20
_SIZE = 256 * _MIB
_MILLISECONDS = 1500
_SERIAL = "bench"

Rates = dict[str, float]

# Name, what disk-io is asked, unit, and what one unit is: bytes, or requests.
_LOADS = (
    ("1 MiB sequential read", f"read sequential {_MIB} 4", "MB/s"),
    ("1 MiB sequential write", f"write sequential {_MIB} 4", "MB/s"),
    ("4 KiB random read, depth 1", "read random 4096 1", "IO/s"),
    ("4 KiB random read, depth 32", "read random 4096 32", "IO/s"),
    ("4 KiB random write, depth 32", "write random 4096 32", "IO/s"),
)


def measure_disks(run: Run, board: Board, artifacts: BoardArtifacts) -> Iterator[Figure]:
    """Boot a host with QEMU's AHCI beside the modelled one, then a guest, and give the figures."""
    path = next(d.path for d in board.devices if d.name.startswith("sata@"))
    image = run.directory / "bench.img"
    with image.open("wb") as stream:
        stream.truncate(_SIZE)
    host = Host(
        run,
        board,
        artifacts,
        append=board.bench.around_iommu,
        extra=_ahci_of_qemu(image),
        traced=False,
    )
    try:
        host.boot()
        theirs = yield from _measure("host, QEMU's AHCI", host, _pci_disk(host))
        ours = yield from _measure("host, modelled SATA", host, host.disk(path))
        yield from _ratios("host: QEMU's AHCI / modelled", theirs, ours, "under 3")

        assigned = host.assign(path)
        host.succeed(f"truncate -s {_SIZE} /run/{_SERIAL}.img")
        guest = Guest(host, "guest0", [assigned], extra=_virtio_disk(host))
        guest.boot()
        guest.mount_system()
        theirs = yield from _measure("guest, virtio-blk", guest, _virtio_device(guest))
        ours = yield from _measure("guest, modelled SATA", guest, guest.disk(assigned))
        yield from _ratios("guest: virtio-blk / modelled SATA", theirs, ours)
        guest.shutdown()
    finally:
        host.shutdown()
        image.unlink()


def _measure(name: str, machine: Host | Guest, device: str) -> Generator[Figure, None, Rates]:
    """Figures of one disk, and as this generator's value the medians by load."""
    machine.succeed(f"disk-io {device} write sequential {_MIB} 4 {_MILLISECONDS}", seconds=120)
    rates: Rates = {}
    for load, arguments, unit in _LOADS:
        text = machine.succeed(f"disk-io {device} {arguments} {_MILLISECONDS}", seconds=120)
        found = dict(line.split("=") for line in text.split())
        amount = float(found["requests"]) if unit == "IO/s" else float(found["bytes"]) / 1e6
        rates[load] = amount / (float(found["nanoseconds"]) / 1e9)
        aim = "over 200" if load.startswith("1 MiB") and "modelled" in name else ""
        yield Figure(f"{name}: {load}", unit, rates[load], aim=aim)
    return rates


def _ratios(name: str, theirs: Rates, ours: Rates, aim: str = "") -> Iterator[Figure]:
    for load, rate in theirs.items():
        wanted = aim if load.endswith("depth 32") else ""
        yield Figure(f"{name}: {load}", "times", rate / ours[load], aim=wanted)


def _ahci_of_qemu(image: Path) -> list[str]:
    return [
        *("-device", "ich9-ahci,id=ahci"),
        "-blockdev",
        f"driver=raw,node-name={_SERIAL},file.driver=file,file.filename={escape(image)}",
        *("-device", f"ide-hd,bus=ahci.0,drive={_SERIAL},serial={_SERIAL}"),
    ]


def _pci_disk(host: Host) -> str:
    """The disk on QEMU's controller, the only one on PCI."""
    host.succeed("modprobe ahci")
    return wait_for_disk(host.agent, "pci/drivers/ahci/0*", "the host", host.run.deadline(30))


def _virtio_disk(host: Host) -> list[str]:
    return [
        "-blockdev",
        f"driver=raw,node-name={_SERIAL},file.driver=file,file.filename=/run/{_SERIAL}.img",
        *("-device", f"{host.board.guest_virtio.block},drive={_SERIAL},serial={_SERIAL}"),
    ]


def _virtio_device(guest: Guest) -> str:
    found = guest.succeed(f"grep -l ^{_SERIAL}$ /sys/block/vd*/serial")
    return f"/dev/{found.split('/')[3]}"
