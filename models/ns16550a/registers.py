# SPDX-License-Identifier: MIT
"""Registers of the NS16550AF, named as in the PC16550D datasheet (table II)."""

from __future__ import annotations

from testbed.remoteport.registers import At, Field, Register, RegisterMap


class RBR(Register, width=8):
    """Receiver buffer register: the oldest received character"""


class THR(Register, width=8):
    """Transmitter holding register: the next character to send"""


class DLL(Register, width=8):
    """Divisor latch, least significant byte"""


class DLM(Register, width=8):
    """Divisor latch, most significant byte"""


class IER(Register, width=8):
    """Interrupt enable register"""

    EDSSI = Field(3)  # modem status
    ELSI = Field(2)  # receiver line status
    ETBEI = Field(1)  # transmitter holding register empty
    ERBFI = Field(0)  # received data available, character timeout


class IIR(Register, width=8, reset=0x01):
    """Interrupt identification register"""

    FIFOEN = Field(7, 6)  # 3: FIFO mode
    IID = Field(3, 1)  # highest pending: 3 line status, 2 data, 6 timeout, 1 THRE, 0 modem
    NIP = Field(0)  # no interrupt pending


class FCR(Register, width=8):
    """FIFO control register"""

    TRIGGER = Field(7, 6)  # receiver FIFO level that interrupts: 1, 4, 8, 14 characters
    DMA = Field(3)  # mode of the RXRDY and TXRDY pins
    XFR = Field(2)  # clear the transmitter FIFO, self-clearing
    RFR = Field(1)  # clear the receiver FIFO, self-clearing
    FE = Field(0)  # FIFO mode


class LCR(Register, width=8):
    """Line control register"""

    DLAB = Field(7)  # divisor latch access
    SB = Field(6)  # set break
    SP = Field(5)  # stick parity
    EPS = Field(4)  # even parity
    PEN = Field(3)  # parity enable
    STB = Field(2)  # 1: two stop bits, one and a half with a word of 5 bits
    WLS = Field(1, 0)  # word length, 5 + WLS bits


class MCR(Register, width=8):
    """Modem control register"""

    LOOP = Field(4)  # local loopback
    OUT2 = Field(3)
    OUT1 = Field(2)
    RTS = Field(1)
    DTR = Field(0)


class LSR(Register, width=8, reset=0x60):
    """Line status register"""

    ERF = Field(7)  # some character in the receiver FIFO has PE, FE or BI
    TEMT = Field(6)  # transmitter FIFO and shift register empty
    THRE = Field(5)  # transmitter holding register (or FIFO) empty
    BI = Field(4)  # break
    FE = Field(3)  # framing error
    PE = Field(2)  # parity error
    OE = Field(1)  # overrun
    DR = Field(0)  # data ready


class MSR(Register, width=8):
    """Modem status register"""

    DCD = Field(7)
    RI = Field(6)
    DSR = Field(5)
    CTS = Field(4)
    DDCD = Field(3)  # DCD changed
    TERI = Field(2)  # RI went from asserted to not
    DDSR = Field(1)  # DSR changed
    DCTS = Field(0)  # CTS changed


class SCR(Register, width=8):
    """Scratch register"""


REGISTERS: tuple[At, ...] = (
    At(read=RBR, write=THR),
    At(read=IER, write=IER),
    At(read=IIR, write=FCR),
    At(read=LCR, write=LCR),
    At(read=MCR, write=MCR),
    At(read=LSR, write=LSR),
    At(read=MSR, write=MSR),
    At(read=SCR, write=SCR),
)

DIVISOR_LATCHES: tuple[At, ...] = (At(read=DLL, write=DLL), At(read=DLM, write=DLM))
"""What registers 0 and 1 are while LCR.DLAB is set."""


def register_map(reg_shift: int = 0, lane: int = 0) -> RegisterMap:
    """The map with registers `1 << reg_shift` bytes apart, each in byte `lane` of its slot."""
    return RegisterMap({(n << reg_shift) + lane: at for n, at in enumerate(REGISTERS)})
