# SPDX-License-Identifier: MIT
"""A disk and its link fail in many ways, and the guest's libata recovers from each as it should.

What the guest's kernel says is libata's of Linux 6.12, as the controller's driver lets it. Of three
faults it is worth saying why:

- A CRC error that is fatal to the transfer stops the port before the disk can report anything. One
  that is not comes as the disk's own error, ICRC. libata resets the link for both.
- A short transfer that the disk reports (ABRT) is retried. One that ends in good status is noticed
  by an FSL controller, which compares lengths, and by nobody with AHCI: a queued command has no
  byte count that a driver could compare (PRDBC is not for it), and libata does not look at that of
  other commands either. The read succeeds with what its buffer held before, and the write leaves
  old sectors.
- libata counts the errors of each disk. More than three link errors and timeouts within ten
  minutes slow the link down. What is checked about it is in an order that makes sure of the count:
  a link that comes back while libata recovers may count twice, and a disk plugged in has none.
"""

from collections.abc import Iterator
from contextlib import contextmanager

from models.ahci import Ahci
from models.ata import AtaDisk, Media
from models.fsl_sata import FslSata
from models.sata import SataController, SataPort
from testbed.channel import Process
from testbed.machine.assignment import Assignment
from testbed.machine.guest import Guest
from testbed.scenario import Scenario, libata
from testbed.scenario.kernel_log import KernelLog
from testbed.scenario.libata import DOWN, FROZEN, LOSS, READ, RESET, TIMEOUT, UP, WRITE

SATA = "/soc/sata@221000"
SECTORS = 8
SHORT_TIMEOUT = 2  # seconds
FILLER = b"\xa5"  # what guests/tools/disk-sector.c reads where nothing was written

DRIVERS: dict[type[object], libata.Driver] = {Ahci: libata.AHCI, FslSata: libata.SATA_FSL}


class SataFaults(Scenario):
    timeout = 240
    assigned: Assignment
    guest: Guest
    device: str

    def test(self) -> None:
        self.assigned = self.host.assign(SATA)
        self.guest = self.boot_guest(self.assigned)
        self.device = self.guest.disk(self.assigned)
        self.used: list[int] = []
        controller = self.controller
        self.driver = DRIVERS[type(controller)]
        self.fast = f"SATA link up {libata.speed(controller.speed)}"
        self.slower = libata.speed(controller.speed - 1)

        self.crc_error_of_a_read()
        self.crc_error_of_a_write()
        self.link_lost_for_a_moment()
        self.short_transfer_reported()
        self.short_transfer_unreported()
        self.another_disk()

        self.read_that_hangs()
        self.write_that_hangs()
        self.one_error_too_many()
        self.link_lost_for_longer()
        self.unreadable_sector()

    # The faults

    def crc_error_of_a_read(self) -> None:
        """A Data FIS that the controller cannot take stops the port: link reset, another read."""
        lba = self.fill()
        fault = self.disk.faults.crc_error()
        with self.kernel_says(*self.driver.bad_crc, RESET, self.fast):
            self.read(lba)
        assert fault.struck == 1

    def crc_error_of_a_write(self) -> None:
        """A Data FIS that the disk cannot take: ICRC, link reset, another write."""
        fault = self.disk.faults.crc_error(fatal=False)
        with self.kernel_says(*self.driver.refused, self.fast, never=f"{LOSS}|frozen"):
            self.write(self.somewhere())
        assert fault.struck == 1

    def link_lost_for_a_moment(self) -> None:
        """PhyRdy goes and comes with a read and a write in flight: both are done again."""
        lba, target = self.fill(), self.somewhere()
        data = self.content()
        with self.kernel_says(FROZEN, *self.driver.replugged, RESET, self.fast):
            with self.held():
                reading, writing = self.start_read(lba), self.start_write(target, data)
                self.await_outstanding(2)
                self.port.lose_link()
                self.port.restore_link()
            self.finish_read(reading, lba)
            self.finish(writing)
            assert self.disk.media.read(target, SECTORS) == data

    def another_disk(self) -> None:
        """Unplugged: the read in flight fails and the disk goes. The one plugged in is found."""
        size = self.random.randrange(64 << 20, 128 << 20) & -4096
        with self.kernel_says(
            READ,
            DOWN,
            "disable device",
            r"detaching \(SCSI",
            self.fast,
            "Attached SCSI disk",
            never="NCQ disabled",
        ) as log:
            with self.held():
                reading = self.start_read(self.somewhere())
                self.await_outstanding(1)
                self.port.unplug()
            self.finish(reading, error="EIO")
            self.wait_until(
                lambda: "/sd" not in self.guest.succeed("echo /sys/class/block/*"),
                self.deadline(20),
                "the disk to disappear",
            )
            self.port.plug(AtaDisk(Media(size), serial=f"TB{self.random.getrandbits(32):08X}"))
            self.device = self.guest.disk(self.assigned)
            self.wait_for(log, "Attached SCSI disk")
            found = self.guest.succeed(f"cat /sys/class/block/{self.device[5:]}/size")
            assert int(found) * 512 == size

    def short_transfer_reported(self) -> None:
        """The disk moves a part of the data and ends with ABRT: another read."""
        lba = self.fill()
        fault = self.disk.faults.short_transfer(self.part())
        with self.kernel_says(*self.driver.aborted, never=self.driver.aborted_never):
            self.read(lba)
        assert fault.struck == 1

    def short_transfer_unreported(self) -> None:
        """The disk moves a part of the data and says that all is well, in both directions."""
        lba, part = self.fill(), self.part()
        before = self.disk.media.read(lba, SECTORS)
        noticed, says = self.driver.counts_bytes, self.driver.incomplete
        never = LOSS if noticed else r"ata\d|sd \d|dev sd"
        with self.kernel_says(*says, *says, never=never):
            fault = self.disk.faults.short_transfer(part, reported=False)
            read = self.finish(self.start_read(lba))
            assert read == (before if noticed else before[:part].ljust(len(before), FILLER))
            assert fault.struck == 1

            fault = self.disk.faults.short_transfer(part, reported=False)
            data = self.content()
            self.finish(self.start_write(lba, data))
            whole = data if noticed else data[:part] + before[part:]
            assert self.disk.media.read(lba, SECTORS) == whole
            assert fault.struck == 1

    def read_that_hangs(self) -> None:
        """A read never completes: timeout, link reset, another read."""
        lba = self.fill()
        with self.short_timeout(), self.kernel_says(FROZEN, READ, TIMEOUT, RESET, self.fast):
            fault = self.disk.faults.hang()
            self.read(lba)
            assert fault.struck == 1

    def write_that_hangs(self) -> None:
        """As a read."""
        with self.short_timeout(), self.kernel_says(FROZEN, WRITE, TIMEOUT, RESET, self.fast):
            fault = self.disk.faults.hang()
            self.write(self.somewhere())
            assert fault.struck == 1

    def one_error_too_many(self) -> None:
        """After two timeouts, the second bad CRC slows the link down."""
        with self.kernel_says(
            *self.driver.bad_crc_written,
            WRITE,
            RESET,
            self.fast,
            f"limiting SATA link speed to {self.slower}",
            WRITE,
            RESET,
            f"SATA link up {self.slower}",
        ):
            for _ in range(2):
                fault = self.disk.faults.crc_error()
                self.write(self.somewhere())
                assert fault.struck == 1

    def link_lost_for_longer(self) -> None:
        """The first reset finds no link, a later one does: the read in flight is done again."""
        lba = self.fill()
        with self.kernel_says(RESET, DOWN, RESET, UP) as log:
            with self.held():
                reading = self.start_read(lba)
                self.await_outstanding(1)
                self.port.lose_link()
                self.wait_for(log, DOWN)
                self.port.restore_link()
            self.finish_read(reading, lba)

    def unreadable_sector(self) -> None:
        """UNC: one of the reads in flight fails and names the sector; writing that heals it."""
        lba, others = self.fill(), [self.fill() for _ in range(3)]
        bad = lba + self.random.randrange(1, SECTORS - 1)
        fault = self.disk.faults.uncorrectable(bad)
        with self.kernel_says(
            *self.driver.unreadable,
            f"I/O error, dev {self.device[5:]}, sector {bad} ",
            never=self.driver.unreadable_never,
        ):
            with self.held():
                failing = self.start_read(lba)
                going_on = [self.start_read(other) for other in others]
                self.await_outstanding(1 + len(others))
            self.finish(failing, error="EIO")
            for other, reading in zip(others, going_on, strict=True):
                self.finish_read(reading, other)
            reads = self.driver.unreadable_reads
            assert fault.struck == reads, f"an unreadable sector was read {fault.struck} times"

        self.read(lba, bad - lba)
        self.read(bad + 1, lba + SECTORS - bad - 1)
        self.finish(self.start_read(bad, 1), error="EIO")
        assert fault.struck == reads + 1
        self.write(bad, 1)
        assert not fault.pending, "the sector was written and is still bad"
        self.read(lba)

    # The guest's kernel

    @contextmanager
    def kernel_says(self, *patterns: str, never: str = LOSS) -> Iterator[KernelLog]:
        """Meanwhile the guest's kernel says these in order, and the disk is good afterwards."""
        log = KernelLog(self.guest)
        yield log
        log.check(*patterns, never=never)
        self.read(self.fill())
        self.write(self.somewhere())

    @contextmanager
    def short_timeout(self) -> Iterator[None]:
        """The guest waits less long for its disk."""
        setting = f"/sys/class/block/{self.device[5:]}/device/timeout"
        usual = self.guest.succeed(f"cat {setting} && echo {SHORT_TIMEOUT} > {setting}")
        yield
        self.guest.succeed(f"echo {usual.strip()} > {setting}")

    def wait_for(self, log: KernelLog, pattern: str) -> None:
        self.wait_until(lambda: log.has(pattern), self.deadline(20), f"'{pattern}' in the log")

    # The guest's reads and writes

    @contextmanager
    def held(self) -> Iterator[None]:
        """The disk accepts commands but begins none."""
        disk = self.disk
        disk.hold()
        try:
            yield
        finally:
            disk.release()

    def await_outstanding(self, count: int) -> None:
        self.wait_until(
            lambda: self.disk.outstanding.bit_count() == count,
            self.deadline(20),
            f"{count} commands to be outstanding",
        )

    def start_read(self, lba: int, count: int = SECTORS) -> Process:
        return self.start("read", lba, count)

    def start_write(self, lba: int, data: bytes) -> Process:
        writing = self.start("write", lba, len(data) // self.disk.media.sector_size)
        writing.stdin.write(data, deadline=self.deadline(20))
        return writing

    def start(self, what: str, lba: int, count: int) -> Process:
        argv = ["disk-sector", self.device, what, str(lba), str(count)]
        return self.guest.agent.spawn(argv, deadline=self.deadline(20))

    def finish(self, process: Process, *, error: str = "") -> bytes:
        """Wait until a request ends as it is to: well, or with this error."""
        with process:
            done = process.communicate(deadline=self.deadline(40))
        said = done.stderr.decode().strip().rpartition(": ")[2]
        assert said == error, f"{' '.join(process.argv)}: {said or 'success'}"
        return done.stdout

    def finish_read(self, process: Process, lba: int, count: int = SECTORS) -> None:
        read = self.finish(process)
        assert read == self.disk.media.read(lba, count), f"LBA {lba}: not what is on the disk"

    def read(self, lba: int, count: int = SECTORS) -> None:
        self.finish_read(self.start_read(lba, count), lba, count)

    def write(self, lba: int, count: int = SECTORS) -> None:
        data = self.content(count)
        self.finish(self.start_write(lba, data))
        assert self.disk.media.read(lba, count) == data, f"LBA {lba}: not what was written"

    # The disk

    def content(self, count: int = SECTORS) -> bytes:
        return self.random.randbytes(count * self.disk.media.sector_size)

    def somewhere(self) -> int:
        """An LBA with SECTORS from there, none of them used before."""
        while True:
            lba = self.random.randrange(self.disk.media.sectors - SECTORS)
            if all(abs(lba - other) >= SECTORS for other in self.used):
                self.used.append(lba)
                return lba

    def fill(self) -> int:
        """An LBA where the disk has SECTORS of random content."""
        lba = self.somewhere()
        self.disk.media.write(lba, self.content())
        return lba

    def part(self) -> int:
        """A number of bytes, whole sectors, that is not all of SECTORS."""
        return self.random.randrange(1, SECTORS) * self.disk.media.sector_size

    @property
    def controller(self) -> SataController:
        model = self.host.model(SATA)
        assert isinstance(model, SataController)
        return model

    @property
    def port(self) -> SataPort:
        return self.controller.ports[0]

    @property
    def disk(self) -> AtaDisk:
        disk = self.port.device
        assert isinstance(disk, AtaDisk)
        return disk
