# SPDX-License-Identifier: MIT
"""What drivers do to a 16550A, access by access, with what they expect to read.

Sequences after drivers/tty/serial/8250/8250_port.c of Linux 6.12 (functions named at each) and
drivers/serial/ns16550.c of U-Boot 2020.04. A step is `W(register, value)` or
`R(register, mask, expected)`.
"""

from __future__ import annotations

from dataclasses import dataclass

from uart_rig import (
    CLOCK,
    DATA,
    DLAB,
    DLL,
    DLM,
    DR,
    EMPTY,
    FCR,
    FIFO_ON,
    IER,
    IIR,
    LCR,
    LOOP,
    LSR,
    MCR,
    MSR,
    NONE,
    RBR,
    SCR,
    THR,
    THR_EMPTY,
    THRE,
    TIMEOUT,
    Rig,
    seeded,
)


@dataclass(frozen=True)
class W:
    register: int
    value: int


@dataclass(frozen=True)
class R:
    register: int
    mask: int = 0
    expected: int = 0


def play(rig: Rig, *steps: W | R) -> None:
    for number, step in enumerate(steps):
        if isinstance(step, W):
            rig.write(step.register, step.value)
        else:
            value = rig.read(step.register)
            assert value & step.mask == step.expected, f"step {number}: {step} read {value:#04x}"


CLEAR_FIFOS = (W(FCR, 0x01), W(FCR, 0x07), W(FCR, 0x00))

AUTOCONFIG = (
    # There is a UART: IER holds its four bits.
    R(IER, 0xFF, 0x00),
    W(IER, 0x00),
    R(IER, 0x0F, 0x00),
    W(IER, 0x0F),
    R(IER, 0x0F, 0x0F),
    W(IER, 0x00),
    R(MCR, 0xFF, 0x00),
    R(LCR, 0xFF, 0x00),
    # Loopback test: OUT2 and RTS come back as DCD and CTS.
    W(MCR, LOOP | 0x08 | 0x02),
    R(MSR, 0xF0, 0x90),
    W(MCR, 0x00),
    # Which type: FIFO bits of IIR.
    W(LCR, 0xBF),
    W(FCR, 0x00),
    W(LCR, 0x00),
    W(FCR, 0x01),
    R(IIR, 0xC0, 0xC0),
)

VARIANTS = (
    # autoconfig_16550a(): no EFR behind DLAB, nor behind 0xBF.
    W(LCR, DLAB),
    R(IIR, 0xFF, FIFO_ON | NONE),
    W(LCR, 0xBF),
    R(IIR, 0xFF, FIFO_ON | NONE),
    # No National SuperIO bank behind 0xE0: register 2 does not follow MCR.LOOP.
    W(LCR, 0x00),
    R(MCR, 0xFF, 0x00),
    W(LCR, 0xE0),
    R(IIR, LOOP, 0x00),
    W(LCR, 0x00),
    W(MCR, LOOP),
    W(LCR, 0xE0),
    R(IIR, LOOP, 0x00),
    W(LCR, 0x00),
    W(MCR, 0x00),
    # No 64-byte FIFO, with and without DLAB.
    W(LCR, 0x00),
    W(FCR, 0x21),
    R(IIR, 0xE0, 0xC0),
    W(FCR, 0x01),
    W(LCR, DLAB),
    W(FCR, 0x21),
    R(IIR, 0xE0, 0xC0),
    W(FCR, 0x01),
    W(LCR, 0x00),
    # No XScale unit enable.
    R(IER, 0xFF, 0x00),
    W(IER, 0x00),
    R(IER, 0x40, 0x00),
    W(IER, 0x40),
    R(IER, 0x40, 0x00),
    W(IER, 0x00),
)

AUTOCONFIG_END = (W(LCR, 0x00), W(MCR, 0x00), *CLEAR_FIFOS, R(RBR), W(IER, 0x00))

STARTUP = (
    *CLEAR_FIFOS,
    R(LSR),
    R(RBR),
    R(IIR),
    R(MSR),
    R(LSR, 0xFF, EMPTY),  # not 0xff: there is a UART
    # THRE test: the interrupt comes again each time it is enabled.
    R(LSR, THRE, THRE),
    W(IER, 0x02),
    R(LCR),
    R(IIR, 0x0F, THR_EMPTY),
    W(IER, 0x00),
    W(IER, 0x02),
    R(LCR),
    R(IIR, 0x0F, THR_EMPTY),
    W(IER, 0x00),
    W(LCR, 0x03),
    W(MCR, 0x08),
    # TX enable test: an empty transmitter interrupts at once.
    W(IER, 0x02),
    R(LSR, EMPTY, EMPTY),
    R(IIR, NONE, 0x00),
    W(IER, 0x00),
    R(LSR),
    R(RBR),
    R(IIR),
    R(MSR),
)

# serial8250_do_set_termios(): 115200 8N1, then set_mctrl()
SET_TERMIOS = (
    W(IER, 0x05),
    W(LCR, 0x03 | DLAB),
    W(DLL, 0x01),
    W(DLM, 0x00),
    W(LCR, 0x03),
    W(FCR, 0x01),
    W(FCR, 0x81),
    W(MCR, 0x0B),
)

SHUTDOWN = (
    W(IER, 0x00),
    W(MCR, 0x03),
    R(LCR, 0x40, 0x00),
    W(LCR, 0x03),
    *CLEAR_FIFOS,
    R(RBR),
)


def size_fifo(rig: Rig) -> int:
    """size_fifo(): characters that come back from 256 sent in loopback."""
    play(rig, R(LCR), W(LCR, 0x00), R(IIR, 0xFF, FIFO_ON | NONE), R(MCR, 0xFF, 0x00))
    play(rig, W(FCR, 0x07), W(MCR, LOOP), W(LCR, DLAB))
    divisor = rig.read(DLL), rig.read(DLM)
    play(rig, W(DLL, 0x01), W(DLM, 0x00), W(LCR, 0x03))
    for count in range(256):
        rig.write(THR, count)
    rig.advance(0.02)
    count = 0
    while rig.read(LSR) & DR and count < 256:
        rig.read(RBR)
        count += 1
    play(rig, W(FCR, FIFO_ON | NONE), W(MCR, 0x00), W(LCR, DLAB))
    play(rig, W(DLL, divisor[0]), W(DLM, divisor[1]), W(LCR, 0x00))
    return count


def handle_irq(rig: Rig, received: bytearray, to_send: bytearray) -> int:
    """serial8250_interrupt(): IIR until nothing is pending. How often there was something."""
    passes = 0
    while not rig.read(IIR) & NONE:
        passes += 1
        assert passes < 512, "the driver would give up"
        lsr = rig.read(LSR)
        for _ in range(256):
            if not lsr & DR:
                break
            received.append(rig.read(RBR))
            lsr = rig.read(LSR)
        rig.read(MSR)
        if lsr & THRE and rig.uart.save()["ier"] & 0x02:
            for character in to_send[:16]:
                rig.write(THR, character)
            del to_send[:16]
            if not to_send:
                rig.write(IER, 0x05)
    return passes


def test_linux_autoconfig_finds_a_16550a() -> None:
    rig = Rig()
    play(rig, *AUTOCONFIG, *VARIANTS)
    assert size_fifo(rig) == 16
    play(rig, *AUTOCONFIG_END)
    assert not rig.irq
    assert rig.line.read() == b""


def test_linux_autoconfig_of_a_16450_finds_the_scratch_register() -> None:
    play(Rig(), R(SCR), W(SCR, 0xA5), R(SCR, 0xFF, 0xA5), W(SCR, 0x5A), R(SCR, 0xFF, 0x5A))


def test_linux_opens_transfers_and_closes() -> None:
    random = seeded()
    rig = Rig()
    play(rig, *AUTOCONFIG, *AUTOCONFIG_END, *STARTUP, *SET_TERMIOS)
    assert rig.line.settings.baud == CLOCK / 16
    assert rig.line.outputs.rts
    assert not rig.irq
    received, inward, outward = bytearray(), random.randbytes(3000), random.randbytes(3000)
    to_send = bytearray(outward)
    rig.line.write(inward)
    rig.write(IER, 0x07)  # start_tx()
    for _ in range(1000):
        if not rig.irq:
            break
        handle_irq(rig, received, to_send)
        rig.advance(0.001)
    assert received == inward
    assert rig.line.read() == outward
    play(rig, *SHUTDOWN)
    assert not rig.irq
    play(rig, *STARTUP, *SET_TERMIOS)


def test_linux_receives_what_is_below_the_trigger_level() -> None:
    rig = Rig()
    play(rig, *STARTUP, *SET_TERMIOS)
    rig.line.write(b"hi\n")
    assert not rig.irq
    rig.advance(0.001)
    play(rig, R(IIR, 0xFF, FIFO_ON | TIMEOUT))
    received = bytearray()
    handle_irq(rig, received, bytearray())
    assert received == b"hi\n"
    assert not rig.irq
    rig.line.write(b"12345678")
    play(rig, R(IIR, 0xFF, FIFO_ON | DATA))


def test_linux_transmits_paced_with_one_interrupt_per_fifo() -> None:
    data = seeded().randbytes(160)
    rig = Rig(paced=True)
    play(rig, *STARTUP, *SET_TERMIOS)
    to_send = bytearray(data)
    rig.write(IER, 0x07)
    interrupts = 0
    for _ in range(1000):
        if rig.irq:
            interrupts += handle_irq(rig, bytearray(), to_send)
        rig.advance(10 * 16 / CLOCK)
    rig.advance(1)
    assert rig.line.read() == data
    assert 10 <= interrupts <= 12


def test_uboot_init_putc_getc() -> None:
    rig = Rig()
    play(
        rig,
        # NS16550_init()
        R(LSR, 0x40, 0x40),
        W(IER, 0x00),
        W(MCR, 0x03),
        W(FCR, 0x07),
        W(LCR, 0x03),
        # NS16550_setbrg()
        R(LCR, 0xFF, 0x03),
        W(LCR, 0x83),
        W(DLL, 0x0C),
        W(DLM, 0x00),
        W(LCR, 0x03),
    )
    assert rig.line.settings.baud == 9600
    for character in b"=> ":
        play(rig, R(LSR, THRE, THRE), W(THR, character))
    assert rig.line.read() == b"=> "
    play(rig, R(LSR, DR, 0))  # NS16550_tstc()
    rig.line.write(b"boot\n")
    for character in b"boot\n":
        play(rig, R(LSR, DR, DR), R(RBR, 0xFF, character))
    play(rig, R(LSR, DR, 0))
    assert not rig.irq


def test_uboot_debug_uart_reads_its_divisor_back() -> None:
    play(
        Rig(),
        W(IER, 0x00),
        W(MCR, 0x03),
        W(FCR, 0x07),
        W(LCR, 0x83),
        W(DLL, 0x0D),
        W(DLM, 0x01),
        W(LCR, 0x03),
        W(LCR, 0x83),
        R(DLL, 0xFF, 0x0D),
        R(DLM, 0xFF, 0x01),
        W(LCR, 0x03),
        R(LSR, THRE, THRE),
        W(THR, 0x41),
    )
