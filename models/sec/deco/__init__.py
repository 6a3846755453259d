# SPDX-License-Identifier: MIT
"""The descriptor controller (DECO) of the SEC: fetches job descriptors and executes them.

`Deco(config, memory, services)`; `run(address)` and `run_buffer(words)` give the job status word
of the job ring (0: done). Commands are one module each (`key_command`, `load_command`, ...), their
fields and numbers are data (`fields`, `tables`) that `disassemble` prints as well. `machine` holds
the descriptor buffer, MATH registers and sequences, `ccb` the FIFOs, alignment blocks and class
registers, `bus` the way to memory. The crypto units are `models.sec.cha`.

Source: drivers/crypto/caam of Linux 6.12 (desc.h, desc_constr.h, regs.h, error.c, and every
descriptor of caamalg_desc.c, caamhash_desc.c, pkc_desc.c, key_gen.c, blob_gen.c, caamrng.c,
caamprng.c, ctrl.c); drivers/common/dpaax/caamflib of DPDK (desc.h and rta/*.h) for what Linux does
not use: which ends MOVE, MATH, LOAD and STORE have in which era, what OFFSET and AUX of MOVE mean,
MATHI, JUMP types of four bits, SOP, RST. No reference manual of the SEC is public.

How it works
------------
- The descriptor buffer holds the shared descriptor first, then the job descriptor. Error indexes,
  local jumps and the offsets of MOVE and LOAD count from its beginning. Numbers in it are words of
  the SoC's byte order; immediate data are the bytes as memory has them; MOVE sees each word with
  its most significant byte first, as it sees the MATH registers.
- Commands run one after the other and data moves at once as far as it can: FIFO data waits in its
  alignment block for an OPERATION, a FIFO STORE for output, an information FIFO entry for its data.
  A unit of class 1 or 2 runs when data arrives and is done with LAST (with an ICV check: with the
  ICV). A STORE of its context, a FIFO STORE of its key, a JUMP that waits for its class and the end
  of the descriptor need it to be done.
- The output FIFO has a second reader, the CHA pointer, for entries with the output FIFO as source;
  what it reads is still there for a FIFO STORE.
- Fetched in few round trips: the job descriptor with one read of up to 64 words that stays in its
  4 KiB page; the shared descriptor together with the tables (up to 16 entries) or the plain input
  of SEQ IN PTR and SEQ OUT PTR where those are the job's first commands; the rest of an input
  sequence of up to 128 KiB with its first read. Refused reads ahead change nothing. Writes are
  gathered until the end, until they reach 1 MiB, or until a read needs them.
- A job shares keys only when the caller says that it follows on another (`run(follows=True)`), the
  one before had the same shared descriptor, at the same address and in the same words, and the
  share type (the job header's, or with DEFER the shared header's) is not NEVER. Then SHRD and SELF
  hold, keys stay, contexts too with SC. After an error nothing is shared, unless DECO control asked
  for sharing without propagation; with PROPAGATE DNR the next such job ends with error 0x80.

Bounds
------
A job executes at most MAX_STEPS commands (an algorithm OPERATION counts as 16 more, a PKHA one as
256, a protocol as 1024) and moves at most MAX_JOB_BYTES through memory and MOVE (a table fetch
counts as 4096); beyond that it ends with the watchdog's error 0x1c. So does, at once, a job that
waits for what cannot come: silicon waits, for ever while the watchdog (MCFGR.WDE) is off.

Differences from hardware
-------------------------
- No time passes: jobs of one DECO never overlap, waiting conditions of JUMP (CALM, NIP, NIFP, NOP,
  NCP) are plain tests of the settled state, CALM and NCP always true, JQP never. WAITCOMP, STL and
  the four-command distance of self-patched code have no meaning. FIFOs are as deep as the job's
  data.
- Sharing across DECOs does not exist; WAIT, SERIAL and ALWAYS are the same; RSLS, LIODN changes and
  their error 0x1f are ignored. A job that follows on an idle DECO never shares.
- Trusted descriptors: MAKE TRUSTED is refused with a header error; so no trusted descriptor can
  have a good signature, and each ends with 0x86. SIGNATURE elsewhere is error 0x0f. TK and TDKEK
  are refused.
- Black keys before the secure keys were generated are covered with a key of zeros (silicon of later
  eras: error 0x24). The nonce counter of AES-CCM black keys has no end (error 0x21).
- A command of class 1 before the mode of the last one was cleared is "class 1 CHA is not reset"; a
  second OPERATION of class 2 is taken when the first is done.
- MATH results are zero-extended to their register. Not verified against any public text: the
  result of ZBYT and MATHI's FBYT (0xff in each byte that matches), the carry of shifts, the halves
  of SHLD ({SRC0 low, SRC1 high}), a length of 9 as eight bytes with the halves of the immediate
  exchanged, source JOBSOURCE (0). DKP leaves the MATH registers alone; silicon uses them.
- Not verified either: that INL goes on behind the inline descriptor while RJD names no sequence,
  that RTO sets the length to the command's own; that a scatter/gather entry of zeros is null
  (error 0x02), one with an address but no length is passed over; the condition byte of a
  halt (PKHA zero, GCD 1 and prime in bits 7 to 5, N, Z, C, NV in 3 to 0); from which era on MATHI
  and SOP (5), JUMP types of four bits (4) and RJD (2) exist.
- A replacement, inline or jumped-to job descriptor may not have a shared descriptor of its own.
- Extended job headers (EXT), RIF, CIF, RBS, EWS, AIDF beyond taking data from the input FIFO, OC,
  PS, BM and BND of information FIFO entries, the OFIFO offset and OSL count of DECO control, CONT
  of FIFO STORE, checksums (MESSAGE_DATA2), nibble shift registers, gather and scatter table
  registers and the commands MOVEB and MOVEDW are not there: flags are ignored, registers and
  commands refused. The count of bits in the last byte of BITDATA is not passed on.
- STORE of DSTA and JQCTRL gives zeros, of CSTA only the two done bits.
- Addresses lose the bits above the part's width; silicon's SEC has no such wrap, its bus refuses.
- Refused memory is DECO error 0x16 with the index of the command that asked for it; silicon may be
  some commands further. What a job wrote before an error is in memory.
"""

from models.sec.deco.bus import MAX_JOB_BYTES, Memory
from models.sec.deco.deco import Deco
from models.sec.deco.disassemble import disassemble
from models.sec.deco.errors import describe
from models.sec.deco.machine import MAX_STEPS

__all__ = ["MAX_JOB_BYTES", "MAX_STEPS", "Deco", "Memory", "describe", "disassemble"]
