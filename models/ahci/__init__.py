# SPDX-License-Identifier: MIT
"""AHCI SATA controller: `Ahci`, its `Port`s, and what hangs on them through `models.ata.transport`.

Source: Serial ATA Advanced Host Controller Interface (AHCI) 1.3.1; section numbers in this package
are that document's. Frames: Serial ATA revision 3, section 10. The vendor registers of Freescale
QorIQ and Layerscape parts: drivers/ata/ahci_qoriq.c of Linux 6.12 and the `ccsr_ahci` of U-Boot's
arch-fsl-layerscape/soc.h. Checked against what drivers/ata/libahci.c of Linux 6.12 asks of the
hardware.

What it is: 1 to 32 ports, up to 32 slots, native command queuing, 64- or 32-bit addressing,
staggered spin-up or not, partial and slumber by PxCMD.ICC and by PxCMD.ALPE, SNotification, command
list override, hot plug. What it says it has not, in CAP, CAP2 and PxCMD: port multipliers (CAP.SPM)
and FIS-based switching, command completion coalescing, enclosure management, external ports,
activity LED, mechanical presence switches, cold presence detection, DevSleep, automatic partial to
slumber, NVMHCI, BIOS handoff, and a legacy register interface.

Where the specification leaves room, the model does this
--------------------------------------------------------
- PxCMD.ST may be set at any time; CR follows, and the list is processed, when FRE is set, PxTFD has
  BSY and DRQ clear and the link is up. PxCI and PxSACT ignore writes while ST is clear. CR and FR
  drop at once, or when the memory accesses under way have been answered.
- PxCMD.CLO works while ST was clear before the write, and is ignored otherwise.
- A COMRESET, or the loss of the link, with CR set ends all transfers; commands stay in PxCI and
  PxSACT and nothing is processed until ST was cleared.
- Fatal errors (TFES, IFS, HBFS, HBDS) halt the port in the same way, with CR set.
- Memory that refuses an access gives HBFS for command lists, command tables, PRD tables and the
  received FIS area, and HBDS for data. Nothing that was to be reported together with data that
  memory refused is reported: those commands stay outstanding.
- A PRD with an odd address or byte count is refused with HBFS when its turn comes. Reserved low
  bits of PxCLB, PxFB and CTBA are zero whatever is written.
- Fewer bytes in the PRD table than the device moves give OFS, in both directions.
- Data against the direction that the command header gives (W), and data that belongs to no
  command, are protocol errors: IFS, PxSERR.T or S, and ERR.P.
- A command FIS that is not a Register H2D FIS of five dwords, and a BIST FIS (B), are answered with
  R_ERR by the device: INFS and PxSERR.H. Hardware repeats the frame for ever; the model halts with
  the command outstanding.
- A (ATAPI) only makes the first PIO block to the device come from ACMD; a disk aborts PACKET. P
  (prefetch) has no effect, PMP is passed on in the frame's own field only. R (reset) needs BSY and
  DRQ clear as every command does: clear them with CLO.
- PRDBC is written when a non-queued command that moved data ends, not for queued commands.
- PxSSTS.DET reads 1 while a device is there and its link is lost, and 0 during COMRESET. The link
  comes up at the generation that PxSCTL.SPD and the controller allow, 3 at the most.
- Entering and leaving partial and slumber change PhyRdy: PxSERR.N. A refused PxCMD.ICC is dropped.
- An unsolicited COMINIT (a device plugged in) brings the link up by itself. With SUD clear, listen
  mode, it only sets PxSERR.X. PxSERR.X set does not hold back the signature.

The bus
-------
An access of any size and alignment within the window reaches the bytes it covers, in ascending
dwords; a write of less than a dword leaves a register's other bytes alone. Registers that are not
implemented read as zero. Accesses that leave the window are refused with an address error.
`byteorder` is that of the registers; structures in memory are little-endian, as the specification
has them. The vendor registers keep what is written and do nothing; PTS, PLS and PLS1 read as zero.

How it works
------------
A write to PxCI notes the slots. Deferred work, at once or some milliseconds later, then fetches
all that wait in two reads (headers, tables), gives them to the device in order, lets it carry out
what is queued, and writes the data, PRDBC and frames of all that was done in one go, before the
registers change and the interrupt rises. A piece of work begins nothing more after 2 ms or 2 MiB,
and goes on after the registers' turn. Several frames of one type in a piece are written once, the
last; Set Device Bits FISes become one that names all their tags. `Port.deepest_queue` tells how
many commands were outstanding at once.

An interrupt costs a driver many register accesses, each a few microseconds in a host and up to a
millisecond in a guest whose QEMU passes them on one by one. So interrupts are moderated, as high
performance controllers do it, when queued commands alone wait: the port begins with them when as
many are there as lately, when the list is full, or after a pause without a doorbell (four times
what the host takes to acknowledge an interrupt, 50 ms at the most), and in all cases after 0.2 s;
what it then completes is reported with one Set Device Bits FIS. Commands that come one at a time
do not wait, but for one in 61, which finds out whether more would have come: they are done when
PxCI's write is answered (`Device.defer`, `before_answer`). Nothing waits either among large
commands (over 64 KiB each), while no interrupt is enabled, or when there is something else to
do, too: IDENTIFY, a reset, READ LOG EXT after an error. A machine that stops leaves nothing
waiting. `models.sata.moderation` has the rules.

Differences from hardware
-------------------------
- Nothing takes time but memory: COMRESET is answered at once, HBA reset and CLO end within their
  register write, link power states change within it, and PxCMD.ICC is never seen busy.
- Frames on the wire exist only as far as software sees them: there is no primitive, no CRC and no
  retry; link errors come from `Transport.link_error` or `Port.link_error`. Data FISes are not cut
  to 8 KiB, PRDBC does not count up while data moves, and DMA Activate is taken for granted.
- Moderation has no registers and cannot be switched off; command completion coalescing, with which
  software would ask for something like it, is absent.
- Command headers, tables, and the data of several queued writes are read earlier than hardware
  does, after PxCI was written for them. A refusal counts when the command's turn has come.
- HBDS and HBFS come with the end of a piece of work: commands of that piece that had ended before
  are reported as outstanding, and frames of theirs may be in the received FIS area.
- While PxCMD.ST is clear the device does not go on with what it was given; hardware's would, and
  would be left waiting.
- With PxCMD.FRE clear only the first Register FIS after a reset is taken; others are dropped
  silently, where hardware would keep the device waiting.
- BIST is absent, and PxSCTL.DET = 4 is seen in PxSSTS only: the device does not notice.
- The aggressive power states begin without the idle time that parts wait.
- Erratum A-009042 of the LS1021A (PxCMD and PxIS lost by COMRESET) is not reproduced, and the
  vendor registers' values after reset are zero, not the silicon's.
- The capabilities are not those of a QorIQ part, which has port multipliers, FIS-based switching,
  command completion coalescing and DevSleep.
"""

from models.ahci.config import Vendor
from models.ahci.controller import Ahci
from models.ahci.port import Port

GENERIC = Vendor.GENERIC
QORIQ = Vendor.QORIQ

__all__ = ["GENERIC", "QORIQ", "Ahci", "Port", "Vendor"]
