# SPDX-License-Identifier: MIT
"""Registers of an eTSEC's group 0 page, named as in the reference manual; bit 0 is the lowest here.

Offsets are those of `struct gfar` of Linux, but for TBDBPH and RBDBPH, which it has 4 bytes lower
than the manual, U-Boot and QEMU do.
"""

from __future__ import annotations

from types import new_class

from testbed.remoteport.registers import Field, Register, RegisterMap

QUEUES = 8
FILER_ENTRIES = 256


class TSEC_ID(Register, reset=0x01240000):
    """Controller ID"""

    TSEC_ID = Field(31, 16)
    TSEC_REV_MJ = Field(15, 8)
    TSEC_REV_MN = Field(7, 0)


class TSEC_ID2(Register, reset=0x003000F0):
    """Controller ID 2"""

    TSEC_INT = Field(23, 16)
    TSEC_CFG = Field(7, 0)


class IEVENT(Register):
    """Interrupt event, write 1 to clear"""

    BABR = Field(31)  # a received frame exceeds MAXFRM
    RXC = Field(30)  # a pause frame was received
    BSY = Field(29)  # a frame was dropped for want of a descriptor
    EBERR = Field(28)  # memory refused an access
    MSRO = Field(26)  # a MIB counter overflowed
    GTSC = Field(25)  # graceful transmit stop complete
    BABT = Field(24)  # a transmitted frame exceeds MAXFRM
    TXC = Field(23)  # a pause frame was sent
    TXE = Field(22)  # an error halted the transmitter
    TXB = Field(21)  # a TxBD that is not a frame's last was closed
    TXF = Field(20)  # a frame was sent
    LC = Field(18)
    CRL = Field(17)
    XFUN = Field(16)  # transmitter underrun
    RXB = Field(15)  # an RxBD that is not a frame's last was closed
    MAG = Field(11)
    MMRD = Field(10)
    MMWR = Field(9)
    GRSC = Field(8)  # graceful receive stop complete
    RXF = Field(7)  # a frame was received
    FGPI = Field(4)
    FIR = Field(3)
    FIQ = Field(2)  # the filer chose a queue that is disabled
    DPE = Field(1)
    PERR = Field(0)  # a received frame's headers contradict each other


class IMASK(Register):
    """Interrupt mask: which events drive a line"""

    BREN = Field(31)
    RXCEN = Field(30)
    BSYEN = Field(29)
    EBERREN = Field(28)
    MSROEN = Field(26)
    GTSCEN = Field(25)
    BTEN = Field(24)
    TXCEN = Field(23)
    TXEEN = Field(22)
    TXBEN = Field(21)
    TXFEN = Field(20)
    LCEN = Field(18)
    CRLEN = Field(17)
    XFUNEN = Field(16)
    RXBEN = Field(15)
    MAGEN = Field(11)
    MMRDEN = Field(10)
    MMWREN = Field(9)
    GRSCEN = Field(8)
    RXFEN = Field(7)
    FGPIEN = Field(4)
    FIREN = Field(3)
    FIQEN = Field(2)
    DPEEN = Field(1)
    PERREN = Field(0)


class EDIS(Register):
    """Error disabled: these errors are not reported in IEVENT"""

    BSYDIS = Field(29)  # nor does it halt the ring
    EBERRDIS = Field(28)
    BABTDIS = Field(24)
    TXEDIS = Field(22)
    LCDIS = Field(18)
    CRLDIS = Field(17)
    XFUNDIS = Field(16)
    FIRDIS = Field(3)
    FIQDIS = Field(2)
    DPEDIS = Field(1)
    PERRDIS = Field(0)


class EMAPG(Register):
    """Group error mapping"""


class ECNTRL(Register, reset=0x40):
    """Ethernet control"""

    FIFM = Field(15)
    CLRCNT = Field(14)  # clear the MIB counters; clears itself
    AUTOZ = Field(13)  # reading a MIB counter clears it
    STEN = Field(12)  # the MIB counters count
    GMIIM = Field(6)
    TBIM = Field(5)
    RPM = Field(4)
    R100M = Field(3)  # 100 Mbps in a reduced or serial mode, else 10
    RMM = Field(2)
    SGMIIM = Field(1)


class MINFLR(Register, reset=0x40):
    """Minimum frame length"""

    MINFL = Field(6, 0)


class PTV(Register):
    """Pause time value"""

    PTE = Field(31, 16)
    PT = Field(15, 0)


class DMACTRL(Register):
    """DMA control"""

    LE = Field(15)
    TDSEN = Field(7)
    TBDSEN = Field(6)
    GRS = Field(4)  # graceful receive stop
    GTS = Field(3)  # graceful transmit stop
    TOD = Field(2)  # transmit on demand: look at ring 0 now; clears itself
    WWR = Field(1)
    WOP = Field(0)  # wait for TSTAT[THLT0] instead of polling ring 0


class TBIPA(Register):
    """Address of the ten-bit interface's PHY"""

    TBIPA = Field(4, 0)


class FIFO_RX_PAUSE(Register, reset=0x40):
    """FIFO receive pause start threshold"""


class FIFO_RX_PAUSE_SHUTOFF(Register, reset=0x80):
    """FIFO receive pause shut-off threshold"""


class FIFO_RX_ALARM(Register, reset=0x40):
    """FIFO receive alarm start threshold"""


class FIFO_RX_ALARM_SHUTOFF(Register, reset=0x80):
    """FIFO receive alarm shut-off threshold"""


class FIFO_TX_THR(Register, reset=0x80):
    """FIFO transmit threshold"""


class FIFO_TX_STARVE(Register, reset=0x40):
    """FIFO transmit starve"""


class FIFO_TX_STARVE_SHUTOFF(Register, reset=0x80):
    """FIFO transmit starve shut-off"""


class TCTRL(Register):
    """Transmit control"""

    IPCSEN = Field(14)  # IP header checksums, where a frame's FCB asks for them
    TUCSEN = Field(13)  # TCP and UDP checksums
    VLINS = Field(12)  # VLAN tags
    THDF = Field(11)
    RFC_PAUSE = Field(4)
    TFC_PAUSE = Field(3)  # send a pause frame; clears itself
    TXSCHED = Field(2, 1)


class TSTAT(Register):
    """Transmit status, write 1 to clear"""

    THLT0, THLT1, THLT2, THLT3 = Field(31), Field(30), Field(29), Field(28)
    THLT4, THLT5, THLT6, THLT7 = Field(27), Field(26), Field(25), Field(24)
    TXF0, TXF1, TXF2, TXF3 = Field(15), Field(14), Field(13), Field(12)
    TXF4, TXF5, TXF6, TXF7 = Field(11), Field(10), Field(9), Field(8)


class DFVLAN(Register, reset=0x81000000):
    """Default VLAN control word"""

    TAG = Field(31, 16)
    PRI = Field(15, 13)
    CFI = Field(12)
    VID = Field(11, 0)


class TBDLEN(Register):
    """Transmit buffer descriptor data length"""


class TXIC(Register):
    """Transmit interrupt coalescing"""

    ICEN = Field(31)
    ICCS = Field(30)
    ICFT = Field(28, 21)  # frames
    ICTT = Field(15, 0)  # in 64 clocks of the interface


class TQUEUE(Register, reset=0x8000):
    """Transmit queue control"""

    EN0, EN1, EN2, EN3 = Field(15), Field(14), Field(13), Field(12)
    EN4, EN5, EN6, EN7 = Field(11), Field(10), Field(9), Field(8)


class TR03WT(Register):
    """Round-robin weights of rings 0 to 3"""

    WT0, WT1, WT2, WT3 = Field(31, 24), Field(23, 16), Field(15, 8), Field(7, 0)


class TR47WT(Register):
    """Round-robin weights of rings 4 to 7"""

    WT4, WT5, WT6, WT7 = Field(31, 24), Field(23, 16), Field(15, 8), Field(7, 0)


class TBDBPH(Register):
    """Bits 35:32 of the addresses of transmit buffers"""

    TBDBPH = Field(3, 0)


class TBPTR(Register):
    """TxBD pointer"""

    TBPTR = Field(31, 3)


class TBASEH(Register):
    """Bits 35:32 of the addresses of TxBDs"""

    TBASEH = Field(3, 0)


class TBASE(Register):
    """TxBD base address; writing it writes the ring's TBPTR, too"""

    TBASE = Field(31, 3)


class RCTRL(Register):
    """Receive control"""

    TS = Field(24)
    PAL = Field(20, 16)  # bytes before each frame
    LFC = Field(14)
    VLEX = Field(13)  # take VLAN tags out of frames
    FILREN = Field(12)  # the filer chooses queues
    FSQEN = Field(11)  # all that the filer accepts goes to queue 0
    GHTX = Field(10)  # 512 hash entries, all for groups
    IPCSEN = Field(9)
    TUCSEN = Field(8)
    PRSDEP = Field(7, 6)  # headers parsed: none, to layer 2, 3, 4
    PRSFM = Field(5)
    BC_REJ = Field(4)
    PROM = Field(3)
    RSF = Field(2)  # receive short frames
    EMEN = Field(1)  # MAC01ADDR to MAC15ADDR are this station's, too


class RSTAT(Register):
    """Receive status, write 1 to clear"""

    QHLT0, QHLT1, QHLT2, QHLT3 = Field(23), Field(22), Field(21), Field(20)
    QHLT4, QHLT5, QHLT6, QHLT7 = Field(19), Field(18), Field(17), Field(16)
    RXF0, RXF1, RXF2, RXF3 = Field(7), Field(6), Field(5), Field(4)
    RXF4, RXF5, RXF6, RXF7 = Field(3), Field(2), Field(1), Field(0)


class RXIC(Register):
    """Receive interrupt coalescing"""

    ICEN = Field(31)
    ICCS = Field(30)
    ICFT = Field(28, 21)
    ICTT = Field(15, 0)


class RQUEUE(Register, reset=0x00800080):
    """Receive queue control"""

    EX0, EX1, EX2, EX3 = Field(23), Field(22), Field(21), Field(20)
    EX4, EX5, EX6, EX7 = Field(19), Field(18), Field(17), Field(16)
    EN0, EN1, EN2, EN3 = Field(7), Field(6), Field(5), Field(4)
    EN4, EN5, EN6, EN7 = Field(3), Field(2), Field(1), Field(0)


class RIR(Register):
    """Ring mapping"""


class RBIFX(Register):
    """Receive bit field extract control"""

    B0CTL, B0OFFSET = Field(31, 30), Field(29, 24)
    B1CTL, B1OFFSET = Field(23, 22), Field(21, 16)
    B2CTL, B2OFFSET = Field(15, 14), Field(13, 8)
    B3CTL, B3OFFSET = Field(7, 6), Field(5, 0)


class RQFAR(Register):
    """Index of the filer's entry that RQFCR and RQFPR show"""

    RQFAR = Field(7, 0)


class RQFCR(Register):
    """Filer entry: control"""

    GPI = Field(31)
    HASHTBL = Field(19, 17)
    HASH = Field(16)
    Q = Field(15, 10)
    CLE = Field(9)
    REJ = Field(8)
    AND = Field(7)
    CMP = Field(6, 5)
    PID = Field(3, 0)


class RQFPR(Register):
    """Filer entry: property"""


class MRBLR(Register):
    """Maximum receive buffer length"""

    MRBL = Field(15, 6)


class RBDBPH(Register):
    """Bits 35:32 of the addresses of receive buffers"""

    RBDBPH = Field(3, 0)


class RBPTR(Register):
    """RxBD pointer"""

    RBPTR = Field(31, 3)


class RBASEH(Register):
    """Bits 35:32 of the addresses of RxBDs"""

    RBASEH = Field(3, 0)


class RBASE(Register):
    """RxBD base address; writing it writes the ring's RBPTR, too"""

    RBASE = Field(31, 3)


class MACCFG1(Register):
    """MAC configuration 1"""

    Soft_Reset = Field(31)  # nothing is sent or received while it is set
    Reset_Rx_MC = Field(19)
    Reset_Tx_MC = Field(18)
    Reset_Rx_Fun = Field(17)
    Reset_Tx_Fun = Field(16)
    Loop_Back = Field(8)
    Rx_Flow = Field(5)
    Tx_Flow = Field(4)
    Syncd_Rx_EN = Field(3)  # follows Rx_EN
    Rx_EN = Field(2)
    Syncd_Tx_EN = Field(1)  # follows Tx_EN
    Tx_EN = Field(0)


class MACCFG2(Register, reset=0x7000):
    """MAC configuration 2"""

    Preamble_Length = Field(15, 12)
    I_F_Mode = Field(9, 8)  # 1: nibbles (10, 100 Mbps), 2: bytes (1000 Mbps)
    PreAM_RxEN = Field(7)
    PreAM_TxEN = Field(6)
    Huge_Frame = Field(5)  # frames beyond MAXFRM are not cut
    Length_check = Field(4)
    MPEN = Field(3)
    PAD_CRC = Field(2)
    CRC_EN = Field(1)
    Full_Duplex = Field(0)


class IPGIFG(Register, reset=0x40605060):
    """Inter-packet and inter-frame gap"""


class HAFDUP(Register, reset=0x00A1F037):
    """Half-duplex control"""


class MAXFRM(Register, reset=0x600):
    """Maximum frame length"""

    Maximum_Frame = Field(15, 0)


class IFCTRL(Register):
    """Interface control"""


class IFSTAT(Register):
    """Interface status"""

    Excess_Defer = Field(9)


class MACADDR1(Register):
    """MAC address, octets 6 to 3"""

    Octet_6, Octet_5, Octet_4, Octet_3 = Field(31, 24), Field(23, 16), Field(15, 8), Field(7, 0)


class MACADDR2(Register):
    """MAC address, octets 2 and 1"""

    Octet_2, Octet_1 = Field(31, 24), Field(23, 16)


class MACSTNADDR1(MACADDR1):
    """Station address, octets 6 to 3"""


class MACSTNADDR2(MACADDR2):
    """Station address, octets 2 and 1"""


class CAR1(Register):
    """Carry 1: counters that overflowed, write 1 to clear"""

    C164, C1127, C1255, C1511, C11K = Field(31), Field(30), Field(29), Field(28), Field(27)
    C1MAX, C1MGV, C1REJ, C1RBY, C1RPK = Field(26), Field(25), Field(17), Field(16), Field(15)
    C1RFC, C1RMC, C1RBC, C1RXC, C1RXP = Field(14), Field(13), Field(12), Field(11), Field(10)
    C1RXU, C1RAL, C1RFL, C1RCD, C1RCS = Field(9), Field(8), Field(7), Field(6), Field(5)
    C1RUN, C1ROV, C1RFR, C1RJB, C1RDR = Field(4), Field(3), Field(2), Field(1), Field(0)


class CAR2(Register):
    """Carry 2: counters that overflowed, write 1 to clear"""

    C2TJB, C2TFC, C2TCF, C2TOV, C2TUN = Field(19), Field(18), Field(17), Field(16), Field(15)
    C2TFG, C2TBY, C2TPK, C2TMC, C2TBC = Field(14), Field(13), Field(12), Field(11), Field(10)
    C2TPF, C2TDF, C2TED, C2TSC, C2TMA = Field(9), Field(8), Field(7), Field(6), Field(5)
    C2TLC, C2TXC, C2TNC, C2TDP = Field(4), Field(3), Field(2), Field(0)


class CAM1(CAR1, reset=0xFE03FFFF):
    """Carry mask 1: carries that do not set IEVENT[MSRO]"""


class CAM2(CAR2, reset=0x000FFFFD):
    """Carry mask 2"""


class IGADDR(Register):
    """Individual, or group, hash table"""


class GADDR(Register):
    """Group hash table"""


class FIFOCFG(Register):
    """FIFO interface configuration"""


class ATTR(Register):
    """Attributes"""

    ELCWT = Field(14, 13)
    BDLWT = Field(11, 10)
    RDSEN = Field(7)
    RBDSEN = Field(6)


class ATTRELI(Register):
    """Extract length and index"""

    EL = Field(29, 16)
    EI = Field(13, 0)


class RQPRM(Register):
    """Receive queue parameters"""

    FBTHR = Field(31, 24)
    LEN = Field(23, 0)


class RFBPTR(Register):
    """Last free RxBD pointer"""

    RFBPTR = Field(31, 3)


class ISRG(Register):
    """Interrupt steering group"""

    RR = Field(31, 24)
    TR = Field(23, 16)


def numbered(base: type[Register], pattern: str, count: int) -> tuple[type[Register], ...]:
    """`count` registers like `base`, named by `pattern` with the number put in."""
    return tuple(
        _named(pattern.format(number), base, f"{base.__doc__}, number {number}")
        for number in range(count)
    )


def _named(name: str, base: type[Register], text: str) -> type[Register]:
    return new_class(
        name, (base,), {"reset": base.reset}, lambda members: members.update(__doc__=text)
    )


TBPTRS = numbered(TBPTR, "TBPTR{}", QUEUES)
TBASES = numbered(TBASE, "TBASE{}", QUEUES)
RBPTRS = numbered(RBPTR, "RBPTR{}", QUEUES)
RBASES = numbered(RBASE, "RBASE{}", QUEUES)
RFBPTRS = numbered(RFBPTR, "RFBPTR{}", QUEUES)
TXICS = numbered(TXIC, "TXIC{}", QUEUES)
RXICS = numbered(RXIC, "RXIC{}", QUEUES)

FIRST_COUNTER = 0x680

COUNTERS: dict[str, tuple[int, int]] = {
    "TR64": (22, CAR1.C164.mask),
    "TR127": (22, CAR1.C1127.mask),
    "TR255": (22, CAR1.C1255.mask),
    "TR511": (22, CAR1.C1511.mask),
    "TR1K": (22, CAR1.C11K.mask),
    "TRMAX": (22, CAR1.C1MAX.mask),
    "TRMGV": (22, CAR1.C1MGV.mask),
    "RBYT": (32, CAR1.C1RBY.mask),
    "RPKT": (22, CAR1.C1RPK.mask),
    "RFCS": (16, CAR1.C1RFC.mask),
    "RMCA": (22, CAR1.C1RMC.mask),
    "RBCA": (22, CAR1.C1RBC.mask),
    "RXCF": (16, CAR1.C1RXC.mask),
    "RXPF": (16, CAR1.C1RXP.mask),
    "RXUO": (16, CAR1.C1RXU.mask),
    "RALN": (16, CAR1.C1RAL.mask),
    "RFLR": (16, CAR1.C1RFL.mask),
    "RCDE": (16, CAR1.C1RCD.mask),
    "RCSE": (16, CAR1.C1RCS.mask),
    "RUND": (16, CAR1.C1RUN.mask),
    "ROVR": (16, CAR1.C1ROV.mask),
    "RFRG": (16, CAR1.C1RFR.mask),
    "RJBR": (16, CAR1.C1RJB.mask),
    "RDRP": (16, CAR1.C1RDR.mask),
    "TBYT": (32, CAR2.C2TBY.mask),
    "TPKT": (22, CAR2.C2TPK.mask),
    "TMCA": (22, CAR2.C2TMC.mask),
    "TBCA": (22, CAR2.C2TBC.mask),
    "TXPF": (16, CAR2.C2TPF.mask),
    "TDFR": (12, CAR2.C2TDF.mask),
    "TEDF": (12, CAR2.C2TED.mask),
    "TSCL": (12, CAR2.C2TSC.mask),
    "TMCL": (12, CAR2.C2TMA.mask),
    "TLCL": (12, CAR2.C2TLC.mask),
    "TXCL": (12, CAR2.C2TXC.mask),
    "TNCL": (12, CAR2.C2TNC.mask),
    "": (0, 0),
    "TDRP": (16, CAR2.C2TDP.mask),
    "TJBR": (12, CAR2.C2TJB.mask),
    "TFCS": (12, CAR2.C2TFC.mask),
    "TXCF": (12, CAR2.C2TCF.mask),
    "TOVR": (12, CAR2.C2TOV.mask),
    "TUND": (12, CAR2.C2TUN.mask),
    "TFRG": (12, CAR2.C2TFG.mask),
}
"""The MIB counters in the order of their offsets: bits that they have, and their bit in CAR1, or,
from TBYT on, in CAR2."""

RREJ = (32, CAR1.C1REJ.mask)
"""As COUNTERS, for the filer's, which lies behind the others."""

COUNTER_OFFSETS = {
    name: FIRST_COUNTER + 4 * index for index, name in enumerate(COUNTERS) if name
} | {"RREJ": 0x740}


def _counters() -> dict[int, type[Register]]:
    return {
        offset: _named(name, Register, f"MIB counter {name}")
        for name, offset in COUNTER_OFFSETS.items()
    }


def _every(
    start: int, step: int, registers: tuple[type[Register], ...]
) -> dict[int, type[Register]]:
    return {start + step * index: register for index, register in enumerate(registers)}


def _addresses() -> dict[int, type[Register]]:
    result: dict[int, type[Register]] = {0x540: MACSTNADDR1, 0x544: MACSTNADDR2}
    for offset, base in ((0x540, MACADDR1), (0x544, MACADDR2)):
        part = base.__name__[-1]
        names = numbered(base, f"MAC{{:02}}ADDR{part}", 16)[1:]
        result |= _every(offset + 8, 8, names)
    return result


TYPES: dict[int, type[Register]] = {
    0x000: TSEC_ID,
    0x004: TSEC_ID2,
    0x010: IEVENT,
    0x014: IMASK,
    0x018: EDIS,
    0x01C: EMAPG,
    0x020: ECNTRL,
    0x024: MINFLR,
    0x028: PTV,
    0x02C: DMACTRL,
    0x030: TBIPA,
    0x050: FIFO_RX_PAUSE,
    0x054: FIFO_RX_PAUSE_SHUTOFF,
    0x058: FIFO_RX_ALARM,
    0x05C: FIFO_RX_ALARM_SHUTOFF,
    0x08C: FIFO_TX_THR,
    0x098: FIFO_TX_STARVE,
    0x09C: FIFO_TX_STARVE_SHUTOFF,
    0x100: TCTRL,
    0x104: TSTAT,
    0x108: DFVLAN,
    0x10C: TBDLEN,
    0x110: TXIC,
    0x114: TQUEUE,
    0x140: TR03WT,
    0x144: TR47WT,
    0x180: TBDBPH,
    **_every(0x184, 8, TBPTRS),
    0x200: TBASEH,
    **_every(0x204, 8, TBASES),
    0x300: RCTRL,
    0x304: RSTAT,
    0x310: RXIC,
    0x314: RQUEUE,
    **_every(0x318, 4, numbered(RIR, "RIR{}", 4)),
    0x330: RBIFX,
    0x334: RQFAR,
    0x338: RQFCR,
    0x33C: RQFPR,
    0x340: MRBLR,
    0x380: RBDBPH,
    **_every(0x384, 8, RBPTRS),
    0x400: RBASEH,
    **_every(0x404, 8, RBASES),
    0x500: MACCFG1,
    0x504: MACCFG2,
    0x508: IPGIFG,
    0x50C: HAFDUP,
    0x510: MAXFRM,
    0x538: IFCTRL,
    0x53C: IFSTAT,
    **_addresses(),
    **_counters(),
    0x730: CAR1,
    0x734: CAR2,
    0x738: CAM1,
    0x73C: CAM2,
    **_every(0x800, 4, numbered(IGADDR, "IGADDR{}", 8)),
    **_every(0x880, 4, numbered(GADDR, "GADDR{}", 8)),
    0xA00: FIFOCFG,
    0xBF8: ATTR,
    0xBFC: ATTRELI,
    **_every(0xC00, 4, numbered(RQPRM, "RQPRM{}", QUEUES)),
    **_every(0xC44, 8, RFBPTRS),
    **_every(0xEB0, 4, numbered(ISRG, "ISRG{}", 4)),
    **_every(0xED0, 4, RXICS),
    **_every(0xF10, 4, TXICS),
}
"""Every register by its offset."""

REGISTERS = RegisterMap(TYPES)

OFFSETS = {register: offset for offset, register in TYPES.items()}

TRANSMIT_EVENTS = IEVENT.TXB.mask | IEVENT.TXF.mask
RECEIVE_EVENTS = IEVENT.RXB.mask | IEVENT.RXF.mask
ERROR_EVENTS = IEVENT.defined & ~(TRANSMIT_EVENTS | RECEIVE_EVENTS)
"""What drives which line."""

READ_ONLY = frozenset((TSEC_ID, TSEC_ID2, IFSTAT, TBDLEN))


def writable(register: type[Register]) -> int:
    """The bits that software can set; all where the manual names no fields."""
    if register in READ_ONLY:
        return 0
    return register.defined or (1 << register.width) - 1


class TXBD(Register, width=16):
    """Flags of a transmit buffer descriptor"""

    R = Field(15)  # ready
    PAD_CRC = Field(14)
    W = Field(13)  # wrap
    I = Field(12)  # noqa: E741 - interrupt, the manual's name
    L = Field(11)  # last in frame
    TC = Field(10)  # append the CRC; in the first descriptor, as PAD_CRC and HFE
    PRE = Field(9)
    HFE = Field(7)  # huge frame
    CF = Field(6)
    RC = Field(5, 2)
    TOE = Field(1)  # an FCB precedes the frame; as UN, written back: underrun
    TR = Field(0)  # truncated


class RXBD(Register, width=16):
    """Flags of a receive buffer descriptor"""

    E = Field(15)  # empty
    RO1 = Field(14)
    W = Field(13)
    I = Field(12)  # noqa: E741
    L = Field(11)
    F = Field(10)  # first in frame
    M = Field(8)  # for another station
    BC = Field(7)
    MC = Field(6)
    LG = Field(5)  # beyond MAXFRM
    NO = Field(4)
    SH = Field(3)  # below 64 bytes
    CR = Field(2)  # wrong FCS
    OV = Field(1)
    TR = Field(0)


class TXFCB(Register, width=16):
    """Flags of a transmit frame control block"""

    VLN = Field(15)
    IP = Field(14)
    IP6 = Field(13)
    TUP = Field(12)
    UDP = Field(11)
    CIP = Field(10)
    CTU = Field(9)
    NPH = Field(8)
    PTP = Field(0)


class RXFCB(Register, width=16):
    """Flags of a receive frame control block"""

    VLN = Field(15)
    IP = Field(14)
    IP6 = Field(13)
    TUP = Field(12)
    CIP = Field(11)  # the IP header's checksum was checked
    CTU = Field(10)  # the TCP or UDP checksum was
    EIP = Field(9)  # and is wrong
    ETU = Field(8)
    PERR = Field(3, 2)
