# SPDX-License-Identifier: MIT
"""Freescale/NXP SEC (CAAM): the controller page, the job rings, and what runs the jobs.

    sec = Sec(T4240, rings=2)
    sec.controller, sec.rings[0], sec.rings[1]    # three devices, each with a connection of its own

`SecConfig` says which part it is; presets are in `models.sec.config`. The descriptor machine behind
the rings is `models.sec.deco`, its crypto units `models.sec.cha`; both say themselves where they
differ from hardware. `models.sec.standin` makes the page that stands in for the controller in a
guest which has a ring alone.

Source: drivers/crypto/caam of Linux 6.12 (ctrl.c, jr.c, regs.h, intern.h, error.c, debugfs.c),
drivers/crypto/fsl and include/fsl_sec.h of U-Boot (2016 and later), core/drivers/crypto/caam/hal of
OP-TEE 4, Documentation/devicetree/bindings/crypto/fsl,sec-v4.0.yaml and fsl-sec6.txt. Names of
registers and fields are those of NXP's security reference manuals. Reset values of the TRNG: i.MX
RT1050 reference manual, chapter TRNG. The error types of JRINTR beyond those that regs.h names, and
what the model does where these sources leave room, are listed here.

Where the sources leave room, the model does this
-------------------------------------------------
- A flush (JRCR.RESET, ring not halted by a flush) lets the job that runs end, gives those fetched
  and not begun the status 0x4000001a, and leaves those not fetched in the input ring: a resume runs
  them, a reset (JRCR.RESET once more) forgets them. A park ends all that were fetched. JRCR.RESET
  to a parked ring flushes it first. Writing 2 to JRINTR.HALT of a halted ring resumes it.
- A reset of the ring clears all of its registers, JRCFGR as well.
- JRI and JRE are set together by an error, and cleared by writing one; JRE takes the error's type
  and index with it. The wire is JRI without IMSK. JRI comes with completions, not with ORSFR.
- Errors 1 (output ring not writable), 3 and 4 (ring base not on a word boundary; 3 also: input
  ring not readable) stop the ring until it is reset. The others ignore the write that caused them:
  5 and 6 base or size of a ring with jobs in it, 7 reset before halted, 8 and 9 too many removed
  and added, 0xa to 0xd a count or index beyond the ring, 0xe to 0x11 one written while not halted.
- IRRIR and ORWIR count bytes. Shrinking a ring to or below its index sets the index to zero.
- Coalescing: the count is of jobs since the last interrupt, zero as good as one; the timer starts
  anew with each job, and never ends with ICTT zero. Turning ICEN off releases what was held back.
- SOE fetches one job at a time and halts, as a park does, after one with a status other than zero.
- With virtualization (CTPR) a ring runs while its bit of JRSTARTR is set, and direct access to
  DECO 0 needs a source in DECORSR.
- MCFGR.SWRST resets rings, DECO port and JRSTARTR, not MCFGR's other bits, the RNG and the keys.
- The fault registers keep the first refused transfer of any ring until FADR is read.
- The TRNG's oscillator counts as many cycles as a sample has clocks (RTSDCTL.ENT_DLY). Entropy will
  do when that is within RTFRQMIN and RTFRQMAX, no shorter than `entropy_delay`, and the TRNG runs;
  otherwise RTMCTL.ERR, and an instantiation ends in a hardware error. Before RNG version 4 both
  state handles run from power-on. Power-on of the machine is the only reset of state handles.
- The SEC is in non-secure mode: keys can be read, black keys and blobs work with test keys.

The bus
-------
Registers are 32-bit words; words of 64-bit registers lie most significant first on big-endian parts
and on i.MX. A 64-bit access is two accesses, the lower address first. Reads of bytes and half words
give their part of the word, writes of them do nothing. What is reserved reads as zero. A region's
end is never crossed: address error. Pages of 64 KiB have their registers in the first 4 KiB.

Differences from hardware
-------------------------
- A ring's jobs run one after the other in the order of the input ring, and their entries come
  out in that order; silicon with several DECOs overtakes. Up to 16 are fetched with one read of
  a contiguous part of the ring and completed with one write. Rings run beside each other.
- A job is not fetched before there is room for its output entry; silicon fetches and then stalls,
  so that a flush of a ring with a full output ring waits for room. Here it halts at once.
- Time: a job takes what the workstation takes. The watchdog is the descriptor machine's count of
  steps. The coalescing timer runs by the workstation's clock at `clock` Hz, as punctual as its
  scheduler; a restored state starts it anew. Resets and DECO requests are done at once.
- JRCFGR_MS (byte swapping, endianness override) is kept and has no effect; so are cache
  attributes, AXI settings and DWT in MCFGR, SCFGR, and LIODN registers except for FALR: the stream
  that a ring's DMA carries is the board's. The include-sequence-out-length and fail-mode bits of
  rings, the address-array registers (0x700 to 0x81f) and the ring's debug registers are absent.
- Registers of MCFGR and LIODNs that silicon locks after boot or keeps for a secure world are free
  but for LIODNR.LCK. There is one security state; no partition owns a ring.
- Absent and reading as zero: queue interface, run-time integrity checker (its block is there with
  its monitor registers), secure memory, the SNVS, TRNG test outputs (RTENT, RTSCMC and the other
  statistics of run mode but RTFRQCNT), RDINT, RNG buffers and DRNG registers beside RDSTA.
- Of a DECO's block there is what running a descriptor from the buffer takes: DXJQCR, DXOPSTA,
  DXDESB, the states in DXDDR and DXDER. Class, PKHA, FIFO, math and table registers read as zero;
  only DECO 0 can be requested. DAR says that every DECO is available, DRR does nothing.
- Performance counters but for the requests dequeued (of rings, not of DECO 0) stay at zero.
- FADR knows the size and direction of a transfer, nothing of the block it came from.
- The controller's interrupt never rises: nothing in the model is a security violation.
- The recoverable error record registers (0xe00 of silicon's pages) and version words
  that no driver reads (RVID, the extensions in CCBVID, compile and integration options) are zero.
- Each part's numbers of accelerators and their revisions are chosen where `SecConfig.source` says
  so. They decide what drivers register, not how fast it goes.
"""

from models.sec.common import Memory, Runner, RunnerFactory
from models.sec.config import PRESETS, Cha, SecConfig
from models.sec.controller import SecController
from models.sec.ring import JobRing
from models.sec.sec import Sec
from models.sec.services import SecServices
from models.sec.standin import standin_page

__all__ = [
    "PRESETS",
    "Cha",
    "JobRing",
    "Memory",
    "Runner",
    "RunnerFactory",
    "Sec",
    "SecConfig",
    "SecController",
    "SecServices",
    "standin_page",
]
