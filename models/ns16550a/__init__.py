# SPDX-License-Identifier: MIT
"""NS16550A UART: the device (`Ns16550a`) and the far end of its line (`SerialLine`, `SocketLine`).

Source: PC16550D Universal Asynchronous Receiver/Transmitter with FIFOs, National Semiconductor
TL/C/8652, June 1995 (also SNLS378). Section and table numbers in this package are that
document's. Checked against what drivers/tty/serial/8250 of Linux 6.12 and drivers/serial/ns16550.c
of U-Boot ask of the hardware. The 256-byte register window is that of a DUART half in Freescale
QorIQ parts.

Where the datasheet leaves room, the model does this
----------------------------------------------------
- A machine reset is power-on: every register, both FIFOs, the shift register, the divisor latches
  and SCR become zero (IIR 0x01, LSR 0x60). The datasheet's master reset leaves RBR, THR and the
  divisor latches alone; its text clears SCR, its table I does not list it, and TI's part keeps it.
  Their values at power-on are undefined.
- In FIFO mode PE, FE and BI belong to a character: they show in LSR, raise the receiver line
  status interrupt and are cleared by reading LSR while that character is the oldest. Reading RBR
  first discards them with it. In 16450 mode they stay until LSR is read. OE always stays until
  then, also when the FIFO is cleared.
- A received break is one zero character with BI and FE, and PE where the checked parity of that
  zero would be one.
- Reading RBR with nothing received gives the last character again, or zero after the FIFO was
  cleared. A character written to a full transmitter FIFO is lost; in 16450 mode it replaces the
  one in THR.
- MSR's delta bits look at the inputs behind the loopback switch: entering or leaving loopback sets
  them where the level changes. LCR.SB acts on the output pin only (8.1), so a break is neither
  received nor seen on the line during loopback, and characters sent during a break vanish.
- OUT2 does not gate the interrupt: that is a circuit of the PC, not of the 16550. The wire is
  always driven, active high, level = not IIR.NIP.
- While a character timeout stands, IIR shows it (0xCC) even when the FIFO reaches its trigger
  level meanwhile; both have the same priority.

The bus
-------
Registers are `1 << reg_shift` bytes apart and `reg_io_width` bytes wide: the value is zero-extended
to that width in the device's byte order, and bytes of the slot beyond it read as zero. A wider
access is what a bridge to a narrower bus makes of it: one access to each register it covers, in
address order; an access that does not touch a register's value byte does not reach it. Slots 8 and
up are reserved: they read as zero and ignore writes. The QorIQ DUART allows single-byte accesses
only and has two more registers, UAFR (register 2 with DLAB) and UDSR (0x10), which the 16550 has
not and the model leaves out. Accesses that leave the window are refused with an address error.

Differences from hardware
-------------------------
- Transmission takes no time: a character written to THR leaves at once, in order, so THRE and TEMT
  are set again before the next access, and the THRE interrupt returns at once; the delay of one
  character that 8.11 describes for it is absent. With `paced=True` characters take their programmed
  time in both directions, by wall clock and on average: after a late wake-up of the workstation
  several go at once. `SerialLine.stop` halts the transmitter, so that its FIFO can be seen filling.
- The receiver takes characters as fast as the driver reads them, and the far end waits for room,
  which no serial line does. Overruns come only from `SerialLine.force` and from loopback.
- The character timeout is four character times, by the programmed divisor and format, of the
  workstation's wall clock, not of the machine's own, and as punctual as the workstation's
  scheduler. It is not counted while the FIFO is at or above its trigger level, where the interrupt
  stands anyway. A restored state starts it anew.
- With a divisor of zero there is no clock: no character timeout, and nothing moves when paced.
  Unpaced characters still move, whatever the divisor. The far end never disagrees about baud rate
  or format; wrong parity and framing are injected.
- The receiver does not resynchronise after a framing error: the characters that follow are good.
- Writes to LSR (a factory test) and MSR do nothing. RXRDY, TXRDY, BAUDOUT and DDIS are not
  modelled; FCR.DMA is kept and has no effect. RCLK is BAUDOUT, as boards wire it.
- Interrupts are not frozen during a read of IIR: an access is one step, nothing happens within it.
"""

from models.ns16550a.line import (
    BreakChanged,
    Drained,
    LineError,
    LineEvent,
    LineSettings,
    LineTimeout,
    ModemInputs,
    ModemOutputs,
    OutputsChanged,
    SerialLine,
    SettingsChanged,
    Transmitted,
)
from models.ns16550a.model import Ns16550a
from models.ns16550a.socket_line import SocketLine

__all__ = [
    "BreakChanged",
    "Drained",
    "LineError",
    "LineEvent",
    "LineSettings",
    "LineTimeout",
    "ModemInputs",
    "ModemOutputs",
    "Ns16550a",
    "OutputsChanged",
    "SerialLine",
    "SettingsChanged",
    "SocketLine",
    "Transmitted",
]
