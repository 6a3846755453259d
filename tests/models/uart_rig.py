# SPDX-License-Identifier: MIT
"""A UART on the bench: registers by name, time by hand. Numbers are the datasheet's, not the
model's, so that a wrong register map shows."""

from __future__ import annotations

import random
import threading
from collections.abc import Callable
from typing import Any

from alarm_rig import HandAlarm

from models.ns16550a import Ns16550a

RBR = THR = DLL = 0
IER = DLM = 1
IIR = FCR = 2
LCR, MCR, LSR, MSR, SCR = 3, 4, 5, 6, 7

DR, OE, PE, FE, BI, THRE, TEMT, ERF = (1 << bit for bit in range(8))
EMPTY = THRE | TEMT
DLAB = 0x80
LOOP = 0x10

NONE, LINE_STATUS, DATA, TIMEOUT, THR_EMPTY, MODEM = 0x01, 0x06, 0x04, 0x0C, 0x02, 0x00
FIFO_ON = 0xC0  # in IIR

CLOCK = 1_843_200


class Rig:
    """One UART with a hand-driven clock."""

    def __init__(self, **parameters: Any) -> None:
        self.alarms: list[HandAlarm] = []

        def alarm(lock: threading.RLock, callback: Callable[[], None]) -> HandAlarm:
            self.alarms.append(HandAlarm(lock, callback))
            return self.alarms[-1]

        self.uart = Ns16550a("uart", alarm=alarm, **parameters)
        self.line = self.uart.line

    def read(self, register: int) -> int:
        return self.uart.read(0, register, 1)

    def write(self, register: int, value: int) -> None:
        self.uart.write(0, register, 1, value)

    def advance(self, seconds: float) -> None:
        self.alarms[0].advance(seconds)

    @property
    def irq(self) -> bool:
        return self.uart.wire_level("interrupt")

    def program(self, *, lcr: int = 0x03, divisor: int = 1, fcr: int = 0x01, ier: int = 0) -> None:
        """A driver's usual set-up; 8N1 at 115200, FIFOs on with trigger level 1."""
        self.write(LCR, lcr | DLAB)
        self.write(DLL, divisor & 0xFF)
        self.write(DLM, divisor >> 8)
        self.write(LCR, lcr)
        self.write(FCR, fcr)
        self.write(IER, ier)

    def drain(self) -> bytes:
        """Read as a driver does: RBR while LSR.DR."""
        data = bytearray()
        while self.read(LSR) & DR:
            data.append(self.read(RBR))
            assert len(data) <= 1 << 20, "the receiver never runs empty"
        return bytes(data)

    def send(self, data: bytes) -> None:
        for character in data:
            self.write(THR, character)


def seeded() -> random.Random:
    """A fresh random generator; its seed is printed, and pytest shows it when the test fails."""
    seed = random.SystemRandom().getrandbits(32)
    print(f"seed {seed:#x}")
    return random.Random(seed)
