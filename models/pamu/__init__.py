# SPDX-License-Identifier: MIT
"""PAMU, the IOMMU of QorIQ parts with Power cores: `Pamu`, and a `PamuPort` for each LIODN.

Written without the parts' reference manuals, which are not public. Sources: fsl_pamu.c and .h in
drivers/iommu of Linux 6.12, and of Linux 5.10, which used subwindows; fsl_pamu.c in
arch/powerpc/cpu/mpc8xxx of U-Boot, and its header; src/pamu.c and lib/pamu.c of Freescale's
embedded hypervisor, whose comments tell of errata and coherence; the device-tree binding
`fsl,pamu`. Registers, fields and entries are named as in Linux. What only a manual could settle is
under "Decided, not verified".

What it does
------------
A device's accesses carry a LIODN. It selects an entry (PAACE, 64 bytes) of the primary table
(PPAACT): a window of bus addresses, of a power of two and naturally aligned. The window is one, or
has up to 256 subwindows of equal size; the primary entry describes the first of them, entries of
the secondary table (SPAACT), from FSPI on, the others. Each says what is allowed there, how much of
it is there (SWSE) and where it lies in memory (TWBA), or that addresses stay as they are. An entry
may name an entry of the operation mapping table (OMT), which says what operations are allowed.

What the tables forbid is refused, captured in AVS1 and AVA, and noted in PICS.AVICS; that makes
the first wire, "interrupt", active while PICS.AVIE is set. Entries that memory refuses, and such as
make no sense, are operation errors: POES1, POEA, PICS.POEICS, and the second wire, "error". The
PAMU changes no entry; it is software that makes a LIODN invalid after a violation.

A PAMU that PAMUBYPENR of the device configuration block bypasses sees nothing. One that is not
enabled (PC.PE) lets everything pass, unless PC.PGC closes its gate. The PAMUs of a part lie one
behind the other, share the two wires, and have tables of their own, mostly the same.

How it works
------------
A port is the `iommu` of a device's `Dma` and works on the thread that transfers. It takes the
registers, lets the lock go, and walks the tables, whose entries it reads over the device's own
link, the primary one first, in one batch where the last transfer's tell which ones it will need. It
reads them for every transfer: hardware caches entries, but snoops, so software cannot tell. A
transfer of several pieces is checked by one reading. So DMA costs one wait more, seldom two or
three.

Decided, not verified
---------------------
- Limit registers hold the first address behind a table, as all software writes them, and have all
  their bits: the last mapping table of Linux ends within a page.
- PC.PGC counts only while PC.PE is clear: U-Boot never clears it when it enables PAMUs after a
  secure boot.
- Codes of AVS1: LAV 1 is documented (LIODN not in the table), 2 is an invalid entry or one that is
  marked secondary. WAV: 1 outside of the window, or of the used part of a subwindow; 2 an entry
  beyond the secondary table; 3 an invalid one, or one that is marked primary; 4 one of another
  LIODN. APV: 1 reading, 2 writing. OTV: 1 an entry beyond the mapping table, 2 an operation that
  is not valid there. PDV is never set. Of POES1 only POED is known, and its place is a guess.
- Checks are made in this order: LIODN, window, entry, permission, operation, used part.
- The first violation is captured and stays until AVS1.AV is cleared; LIODN and AVA keep their
  values then. Every violation sets AVICS, captured or not: otherwise one that comes between a
  handler's writes to AVS1 and to PICS would keep all later ones from being told. POES1 and POEICS
  are alike.
- AVICS and POEICS are set whether their interrupt is enabled or not. POEICS and POEIE are bits 1
  and 0.
- Bits of a window's address, and of TWBA, below the (sub)window's size are ignored. TWBA is never
  added.
- A (sub)window of less than 4 KiB, more subwindows than PC3.MWCE allows, translation by pages (ATM
  2 and 3) and OTM 3 make no sense.
- A plain read is operation 0 and a plain write 1 of a mapping; others do not exist here. Whatever
  valid operation they are mapped to, they stay a read and a write. Immediate translation (OTM 1)
  changes nothing and refuses nothing.
- PC2, PC3 and PR1 are those of a P4080 as far as software tells: 12 bits of LIODN, 256 subwindows,
  version 1.0. The other capability registers are zero.

Errata
------
- A-003638: an access by a LIODN whose entry is invalid is meant to be refused silently; silicon
  reports it as a violation. So does the model, unless it is made with `report_invalid` False.
- PAMU-A001, a status bit that writing 1 sets while it is 0, and PAMU 3, one that has to be cleared
  twice, are not reproduced. Nor is A-004510, for which Linux makes a coherence subdomain, nor
  A-005982: there are no caches.

Differences from hardware
-------------------------
- Hardware checks each bus transaction: what lies before the first refused byte of a transfer is
  transferred. Here nothing of a piece is.
- Attributes of an access (destination, partition and snoop ids, coherence, stashing) have no
  effect; neither has DD: everything goes to the machine's bus.
- AVS2 and UDAD, which tell of the refused operation, are zero; so are POES2 and the ECC registers,
  as no bit ever flips. The debug registers, PFA1 and PFA2, and the bits of PC that enable caches
  keep what is written and do nothing.
- Byte enables do not matter to a check: a byte that is not written has to be writable.
- Between reading the tables and the transfer itself the tables may change; hardware ends
  transactions under way before software can know that its change has taken effect.
"""

from models.pamu.pamu import Pamu, PamuPort

__all__ = ["Pamu", "PamuPort"]
