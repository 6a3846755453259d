# SPDX-License-Identifier: MIT
"""ATA disk on a serial link: `AtaDisk`, the `Media` it stores on, and the faults it can suffer.

Source: ATA/ATAPI Command Set - 3 (ACS-3), T13/2161-D revision 5, and ATA8-ACS for what ACS-3 took
from it; Serial ATA revision 3.x for the frames (section 10), the device's command layer (11), and
NCQ, its logs, phy event counters and software settings preservation (13). Section and table
numbers in this package are theirs. SMART attributes: SFF-8035i revision 2. Checked against what
drivers/ata/libata-*.c of Linux 6.12 ask of a disk, and, for the bits of the IDENTIFY DEVICE data
log, sys/sys/ata.h of FreeBSD.

A controller reaches the disk through `models.ata.transport`, and no other way: `AtaDisk` is an
`AtaDevice`, the controller a `Transport`.

    disk = AtaDisk(Media.of_file("disk.img"), serial="TB42", order=RandomOrder(seed))
    fault = disk.faults.uncorrectable(lba=2048, count=8)
    ...
    assert fault.struck
    assert disk.media.digest() == ...

What it does
------------
- Commands: the list is `registers.Command`. Anything else is aborted, as are subcommands, log
  addresses, transfer modes and counts that the disk does not announce. PIO, DMA and queued data
  transfers, 28- and 48-bit addresses, FUA, trim (also queued), SMART with self-tests and its logs,
  the logs of `registers.Log`, power modes with the standby timer, software settings preservation.
- Announced absent, and aborted: CHS addresses, host protected area, device configuration overlay,
  streaming, sense data, extended power conditions, SCT, sanitize, trusted computing, microcode
  download, write-read-verify, WRITE UNCORRECTABLE, free-fall, power-up in standby, non-zero buffer
  offsets, in-order delivery, device-initiated power management, DevSleep, hybrid information.
- Security: supported and frozen from power-on, as a disk is once a PC's firmware has seen it, so
  SECURITY FREEZE LOCK is accepted, every other security command aborted, and no password exists.
- Queued commands are executed by `step`, highest priority first, in the order that `QueueOrder`
  chooses. The first error stops the queue until log 10h is read or the disk is reset; a
  non-queued command while queued ones are outstanding, a tag in use and a tag beyond the queue's
  depth abort all of them.
- A read that meets an uncorrectable sector delivers the sectors before it, then ends with UNC and
  that sector's address; a trim list with a bad range discards nothing.
- A command that arrives while a non-queued one is stuck replaces it. SRST and COMRESET end
  everything; while SRST is set, and in sleep mode, commands are not heard.

Where the standards leave room
------------------------------
- 16 logical sectors of 512 bytes (2 of 4096) are the largest block of READ MULTIPLE, and the one
  after power-on.
- The standby timer is looked at when a command asks; nothing happens at the moment it runs out.
- A command whose address range ends beyond the disk moves no data. IDNF comes with the first
  address that is not there.
- Isochronous priority ranks between high and none; its deadline (ICC) is ignored.
- Only errors of data (UNC, IDNF, ICRC) enter the error logs, 20 of them.

Differences from hardware
-------------------------
- Nothing takes time: seeks, spin-up, flushes, self-tests and off-line collection are done at once,
  a captive self-test never keeps the disk busy, STANDBY and SLEEP neither. Pacing is the
  controller's.
- The write cache is a setting without effect: what a write stored is stored. FUA and FLUSH CACHE
  find nothing to do, and no power cut loses data. Look-ahead and APM levels have no effect either.
- Transfer modes are remembered and have no effect; a PIO mode is accepted and forgotten. The
  negotiated link speed is not reported (IDENTIFY word 77), since the disk is not told.
- The disk knows no link power states, and does not report PhyRdy changes; link errors come from
  `faults` alone. Phy event counters other than those of CRC errors and COMRESETs do not exist.
- A write whose host buffers end early waits for the rest for ever, as does hardware; a read whose
  host buffers end early goes on and ends well, since the overflow is the controller's to report.
- One DMA Setup covers the whole of a queued transfer. Non-queued DMA asks for up to 1 MiB with one
  DMA Activate, a queued write too; hardware asks for 8 KiB.
- A CRC error on the link spoils all of a command's data, not one frame, and no data arrives.
- The medium has no defects but injected ones: no reallocation takes place, and attributes 1 and 5
  do not move unless the scenario sets them. Temperature is always 30 degrees Celsius.
- A self-test looks only for sectors that `faults` made unreadable. ABORT of a self-test finds none.
- SMART attributes are not saved and restored over power cycles; the disk object remembers them.
- The error log has one entry per failed command with a state of "active"; the vendor's bytes are
  zero. Queued commands appear in it, with the failing address in place of their own.
- Data written stay in memory, in chunks of 64 KiB; chunks of zeros take none. A read-only file
  under `Media` must not change meanwhile, and a saved state knows it only by its size.
- Faults are the scenario's and are not part of a saved state. The order object's state (a random
  generator's position) is not either.
- pm_port is ignored and sent as zero: there is no port multiplier between. NIEN is the controller's
  affair, HOB has no meaning on a serial link.
"""

from models.ata.counters import Counters
from models.ata.disk import AtaDisk
from models.ata.faults import Fault, Faults, Kind
from models.ata.media import Media
from models.ata.order import AscendingLba, InOrder, NewestFirst, QueueOrder, RandomOrder
from models.ata.power import PowerMode
from models.ata.smart import Smart
from models.ata.transport import AtaDevice, LinkErrors, LinkLost, Transport

__all__ = [
    "AscendingLba",
    "AtaDevice",
    "AtaDisk",
    "Counters",
    "Fault",
    "Faults",
    "InOrder",
    "Kind",
    "LinkErrors",
    "LinkLost",
    "Media",
    "NewestFirst",
    "PowerMode",
    "QueueOrder",
    "RandomOrder",
    "Smart",
    "Transport",
]
