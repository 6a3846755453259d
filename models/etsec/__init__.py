# SPDX-License-Identifier: MIT
"""Freescale eTSEC 2.0 Ethernet controller, its MDIO block, a PHY and the far end of the cable.

`Etsec` is the controller of a P1020 or P2020 as one interrupt group shows it (a 4 KiB page, three
lines), `EtsecMdio` the MII management block beside it with a `Phy` on its bus, and `EthernetLine`
what a scenario holds at the other end of the cable.

Sources: MPC8308 PowerQUICC II Pro Processor Reference Manual, Rev. 1, Freescale, chapter 16: the
eTSEC of that part is this one's predecessor, and page numbers like 16-138 in it are meant where
behaviour is described (TSTAT 16-37, filer table 16-53, RBPTR 16-60, interrupts 16-135, coalescing
16-136, errors 16-138, offload 16-141, parser 16-145, descriptors 16-166 to 16-170). What is only in
an eTSEC 2.0 (queue registers, TXIC0 to TXIC7, the MDIO block) is taken from Linux 6.12
(drivers/net/ethernet/freescale/gianfar.[ch], gianfar_ethtool.c, fsl_pq_mdio.c), U-Boot's tsec
driver and QEMU's hw/net/fsl_etsec, which also give the values after reset. The PHY is clause 22 of
IEEE 802.3 with the numbers of include/uapi/linux/mii.h.

Where these leave room, the model does this
-------------------------------------------
- TXB and TXF drive the transmit line, RXB and RXF the receive line, and every other event the error
  line (16-135), BSY and the filer's FGPI among them.
- Each write of DMACTRL that sets GRS or GTS ends with GRSC or GTSC, at once when nothing runs, also
  when the bit was set before: gianfar and U-Boot stop a controller that somebody left stopped.
- EDIS keeps an error out of IEVENT. With BSYDIS a ring without descriptors is not halted; the other
  errors halt their rings all the same.
- A refused DMA is EBERR, with TXE when transmitting, and halts all rings of its direction. A frame
  whose data is refused is closed with UN; one whose buffer refuses a received frame is left alone.
- A ready TxBD of no length halts its ring with TXE and stays ready. Descriptors without an end (the
  next is not ready, has come round, or 64 KiB or 256 descriptors are exceeded) are closed with UN,
  TXE and XFUN are reported, and TBPTR points behind them.
- A VLAN tag is inserted where TCTRL.VLINS is set and a frame's FCB has VLN or PTP. Frames without
  an FCB get none, which is what gianfar relies on.
- A frame beyond MAXFRM is cut there when received, and has LG and TR, or whole and has LG with
  MACCFG2.Huge_Frame. When sent it is not put on the line; TxBD.TR and BABT tell.
- TXIC and RXIC count for the rings whose own register is not enabled. Switching coalescing off
  reports what waits.
- A filer without a rule for a frame sets FIR, and the frame goes to ring 0.
- Reset_Tx_*, Reset_Rx_* and Soft_Reset stop the MAC while they are set; registers stay.

Differences from hardware
-------------------------
- Frames take no time on the line, whatever its speed, and there are no FIFOs: none overflows or
  underruns by being slow, thresholds do nothing, and RxBD.OV, NO and the collision and deferral
  events (LC, CRL) and counters never occur. The line is full duplex; HAFDUP and IPGIFG are stored.
- While the line is `patient`, frames wait for empty descriptors as if the far end heeded pause
  frames, and BSY does not occur; ask for it with `patient = False`. A frame for which the ring has
  too few descriptors is then dropped whole, and none of its descriptors is closed.
- Received pause frames are counted and set RXC, and do not pause the transmitter. RCTRL.LFC sends
  none; RQPRM and RFBPTR are stored.
- Coalescing times below 0.1 ms end with the piece of work that moved the frames. Longer ones run on
  the workstation's clock. A saved state starts them anew. They count clocks of the interface: ICCS,
  which would choose the system's, is stored.
- With DMACTRL.WOP clear ring 0 is polled every millisecond, not every 512 clocks of the line.
- Rings are served in turns, a prefetch of up to 32 descriptors each; the weights and priorities of
  TCTRL.TXSCHED, TR03WT and TR47WT are stored. Each piece of work that finds a ring's end reads
  descriptors within a 4 KiB page beyond it.
- One interrupt group: ISRG and EMAPG are stored, and steer nothing. The MDIO block drives no line:
  its events are in IEVENTM, and IEVENT.MMRD and MMWR never come. EMAPM reads as zero.
- No time stamps (RCTRL.TS, the 1588 timer), no magic packets (MPEN, MAG), no FIFO interface (FIFM),
  no user-defined preambles, no little-endian descriptors (DMACTRL.LE), no length check (RFLR, RBIFX
  and the ARB property stay zero), no stashing (ATTR, ATTRELI, DMACTRL's snoop bits are stored).
- The parser knows one VLAN tag, IPv4 and IPv6 with its extension headers, TCP and UDP; no MPLS,
  PPPoE, SNAP, jumbo headers or tunnels.
- No ten-bit interface: TBIPA is stored, and no TBI PHY answers. SGMII and the reduced modes differ
  only in the clock that coalescing counts.
- MIB counters count frames, not symbols: RCDE, RCSE and RALN stay zero. IFCTRL and MINFLR, which
  the eTSEC's manual has not, are stored. Registers without a meaning here (0xd1c) read as zero,
  and so do IFSTAT and TBDLEN. No parity is wrong: DPE never comes.
- MII management cycles and auto-negotiation take no time, the link partner can do everything, and
  the PHY has no interrupt. A link's speed is what the PHY says, and limits nothing; BMCR.LOOPBACK
  and ISOLATE are stored.
"""

from models.etsec.controller import Etsec
from models.etsec.line import Counts, EthernetLine, LineFull, LineTimeout
from models.etsec.mdio import EtsecMdio
from models.etsec.phy import PHY_ID, Phy

__all__ = [
    "PHY_ID",
    "Counts",
    "EthernetLine",
    "Etsec",
    "EtsecMdio",
    "LineFull",
    "LineTimeout",
    "Phy",
]
