# SPDX-License-Identifier: MIT
"""SATA controller of PowerQUICC and QorIQ parts (`fsl,pq-sata`, `fsl,pq-sata-v2`): `FslSata`.

Source: what its drivers ask of the hardware, drivers/ata/sata_fsl.c of Linux 6.12 and
drivers/ata/fsl_sata.c and fsl_sata.h of U-Boot 2020; there is no public text of the block that goes
beyond the registers they name. Frames and SStatus, SControl and SError: Serial ATA revision 3.

What it is: one port, 16 command slots, native command queuing, PRD tables with indirect entries,
ATAPI commands, interrupt coalescing by count and time, partial and slumber by SCONTROL.SPM,
SNOTIFICATION, hot plug; 1.5 and 3 Gbit/s. Version 2 differs from 1 in the place of the PRD's snoop
bit alone, and snooping has no effect here: one model is both.

What the drivers do not tell, the model does this way
-----------------------------------------------------
- A slot's CQR bit is set by software and moves to CAR when the command is given to the device; CCR
  has it when the command has ended well, CER when in error. Bits of a slot that is queued or active
  are not set again. While offline, CQR ignores writes.
- HSTATUS.CMD_COMPLETE follows CCR, as ICC has it, and DEVICE_ERR follows DER. Writing ones to them
  has no effect, so that what completes while an interrupt is served is not lost.
- An error that the device reports sets its bit in DER, by the port that CQPMP named when the
  command was queued, and CER: the slot of a command that is not queued; all slots that are queued
  in the device, since a Set Device Bits FIS does not tell which one failed. What is in CQR waits.
  Writing a one to the bit in DER forgets that device's commands in CQR and CCR, and lets new ones
  begin.
- A command's status FIS (SFIS) is the Register FIS that answers it, or what a PIO Setup FIS says
  its end is: for a queued command that it was taken. It is given when it is an error, or when
  HCONTROL.COPYOUT_STATFIS is set, as it is after reset: Linux reads it and does not set the bit.
  A Set Device Bits FIS is given to nobody. (As sata_fsl does not read log 10h, libata then cannot
  tell which queued command failed: it resets the link and does all of them again, until it has had
  enough and goes on without queuing.)
- Less data moved than the command header's TTL says is DATA_UNDERRUN although the device reports no
  error; more than there are PRDs for is DATA_OVERRUN, in both directions.
- A fatal error (FATAL_ERR and its causes: memory that refuses an access, data length, CRC) stops
  everything with the commands left in CQR and CAR, until the controller goes offline or
  HCONTROL.CLEAR_ERROR is set. What memory did not take is not reported as done. A link that goes
  while commands are outstanding stops everything in the same way, with PHY_RDY alone.
- HCONTROL.ONOFF cleared, or FORCE_OFFLINE set, which clears both, holds the Phy in reset and
  forgets all commands, completions and errors; SERROR stays. HSTATUS shows ONLINE and GOING_OFFLINE
  until the memory accesses under way have been answered. Software that takes the link down gets no
  PHY_RDY for it. ONLINE does not need a device.
- A Device Control FIS is done when it was sent. One that sets SRST takes all other commands from
  the device, and is sent even while a command keeps it busy; a header's R bit says that it may.
- A command FIS that is not a Register H2D FIS of five dwords is answered with R_ERR: SERROR.H and
  CRC_ERR_TX. Data or a DMA Setup FIS for no command is a protocol error: SERROR.S, and FATAL_ERR.
- BIST commands set BIST_ERR and stop the controller.
- The slots are taken in ascending order, beginning after the last. The header's tag is not looked
  at: a slot's number is its tag. Low bits of CDA, DBA, DDC and TTL are zero whatever is written, a
  DDC of zero is 4 MiB, and that of an indirect entry is not looked at. An entry with EXT ends its
  part of a table and points to the next, wherever it stands, as long as the header's count goes.
- ICC's ticks are periods of `tick`; none means that only the count matters.

The bus
-------
Registers are little-endian 32-bit words, whatever the processor is, as are headers, descriptors
and PRDs. SYSPR alone is big-endian: it keeps what is written, and shows with its bytes swapped in
traces. Wider and narrower accesses are those of `models.words`.

How it works
------------
As `models.ahci`: a write to CQR notes the slots, deferred work fetches all that wait (headers,
descriptors, indirect PRDs in a read each), gives them to the device in order, and writes data and
status FISes of all that was done in one go, before the registers change and the interrupt rises.
Queued commands are moderated as there, beside ICC; whether commands are queued shows in their
headers only, so the first of them, and all after an error or a reset, do not wait.

Differences from hardware
-------------------------
- Nothing takes time but memory: going on- and offline and the device's reset are over at once.
- Frames on the wire exist only as far as software sees them; link errors come from
  `Transport.link_error` or `Port.link_error`. Causes of other errors (parity, FIFOs) never show.
- Port multipliers and BIST are absent. HCONTROL.LEGACY, the parity and snoop bits, TRANSCFG,
  LINKCFG and PHYCTRLCFG keep what is written and do nothing; the status registers beside them read
  as zero. Values after reset are those that U-Boot calls default, or zero.
- Moderation has no register and cannot be switched off.
- Headers, descriptors, and the data of several queued writes are read earlier than hardware does. A
  refusal counts when the command's turn has come, and stops what ended in the same piece of work
  from being reported.
- Erratum: on parts, ATAPI commands whose data is shorter than TTL report an overrun.
"""

from models.fsl_sata.controller import FslSata
from models.fsl_sata.port import Port

__all__ = ["FslSata", "Port"]
