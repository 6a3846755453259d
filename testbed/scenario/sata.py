# SPDX-License-Identifier: MIT
"""A SATA disk that the host or a guest drives, against the model's media."""

from __future__ import annotations

from models.ata import AtaDisk
from models.sata import SataController
from testbed.machine.assignment import Assignment
from testbed.machine.guest import Guest
from testbed.scenario.base import Scenario
from testbed.scenario.files import FileTree

SATA = "/soc/sata@221000"


class SataScenario(Scenario):
    """What scenarios of a SATA disk have in common."""

    timeout = 240

    def guest_fills(self, guest: Guest, assigned: Assignment) -> FileTree:
        """The guest's driver puts a file system with random files on the disk."""
        disk = guest.disk(assigned)
        files = FileTree.make(self.random, 60)
        guest.succeed(f"echo 'label: gpt\n start=1MiB' | sfdisk {disk}")
        guest.succeed(f"mkfs.ext4 -q {disk}1", seconds=60)
        guest.succeed(f"mkdir -p /mnt && mount -t ext4 {disk}1 /mnt")
        files.write(guest.agent, "/mnt", self.deadline(60))
        guest.succeed("sync && umount /mnt", seconds=60)
        guest.succeed(f"e2fsck -f -n {disk}1", seconds=60)
        return files

    def host_finds(self, files: FileTree) -> None:
        """The host's driver finds those files, whole."""
        disk = self.host.disk(SATA)
        self.wait_until(
            lambda: f"{disk[5:]}1" in self.host.succeed("cat /proc/partitions"),
            self.deadline(20),
            "the host to read the partition table",
        )
        self.host.succeed(f"mkdir -p /run/mnt && mount -t ext4 -o ro {disk}1 /run/mnt")
        files.compare(self.host.agent, "/run/mnt", self.deadline(60))
        self.host.succeed("umount /run/mnt")

    def host_reads(self) -> None:
        """The host's driver reads what the scenario put on the disk."""
        media = self.disk.media
        block, count = 4096, 256
        content = self.random.randbytes(count * block)
        skip = self.random.randrange(media.size // block - count)
        media.write_bytes(skip * block, content)
        device = self.host.disk(SATA)
        self.host.succeed(f"dd if={device} of=/tmp/read bs={block} skip={skip} count={count}")
        read = self.host.agent.get_file("/tmp/read", deadline=self.deadline(30))
        assert read == content, "the host read something else than is on the disk"

    def fill_the_queue(self, guest: Guest, device: str) -> None:
        """Random reads with many in flight: while the disk is busy, every slot waits for it."""
        depth = self.controller.slots
        self.disk.hold()
        reads = guest.agent.spawn(
            ["disk-io", device, "read", "random", "4096", str(depth), "500"],
            deadline=self.deadline(20),
        )
        try:
            self.wait_until(
                lambda: self.disk.outstanding.bit_count() == depth,
                self.deadline(20),
                f"{depth} commands to be outstanding",
            )
        finally:
            self.disk.release()
        assert reads.wait(deadline=self.deadline(30)) == 0, "reading with a full queue failed"
        assert self.controller.ports[0].deepest_queue == depth

    @property
    def controller(self) -> SataController:
        model = self.host.model(SATA)
        assert isinstance(model, SataController)
        return model

    @property
    def disk(self) -> AtaDisk:
        disk = self.controller.ports[0].device
        assert isinstance(disk, AtaDisk)
        return disk
