# SPDX-License-Identifier: MIT
"""The far end of the serial line: what a scenario reads, writes and watches."""

from __future__ import annotations

import threading
from collections import deque
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from enum import IntFlag
from typing import Literal, Protocol

from models.ns16550a.registers import LSR, MCR, MSR
from testbed.deadline import Deadline

Parity = Literal["none", "odd", "even", "mark", "space"]

_BREAK = LSR.BI.mask << 8
_SHOWN = 64  # bytes of the line quoted in an error


class LineError(IntFlag):
    """What is wrong with a character on its way to the receiver; values are the bits of LSR."""

    NONE = 0
    PARITY = LSR.PE.mask
    FRAMING = LSR.FE.mask


class LineTimeout(TimeoutError):
    """The line did not show in time what was waited for: the scenario judges what that means."""


@dataclass(frozen=True, slots=True)
class LineSettings:
    """How the driver programmed the line. `baud` is None while the divisor is zero."""

    baud: float | None
    data_bits: int
    parity: Parity
    stop_bits: float

    @property
    def character_bits(self) -> float:
        """Bits on the line per character: start, data, parity and stop."""
        return 1 + self.data_bits + (self.parity != "none") + self.stop_bits


@dataclass(frozen=True, slots=True)
class ModemOutputs:
    """Modem control outputs; True is asserted (the pin is low)."""

    dtr: bool
    rts: bool
    out1: bool
    out2: bool


@dataclass(frozen=True, slots=True)
class ModemInputs:
    """Modem status inputs; True is asserted (the pin is low)."""

    cts: bool
    dsr: bool
    ri: bool
    dcd: bool


@dataclass(frozen=True, slots=True)
class Transmitted:
    """The UART sent a character."""

    character: int


@dataclass(frozen=True, slots=True)
class BreakChanged:
    """The UART began or ended a break."""

    on: bool


@dataclass(frozen=True, slots=True)
class OutputsChanged:
    outputs: ModemOutputs


@dataclass(frozen=True, slots=True)
class SettingsChanged:
    settings: LineSettings


@dataclass(frozen=True, slots=True)
class Drained:
    """The line holds no characters any more: the receiver took the last, or they are forgotten."""


LineEvent = Transmitted | BreakChanged | OutputsChanged | SettingsChanged | Drained


class Uart(Protocol):
    """What the line needs of the model; every call is made with `lock` held."""

    name: str
    lock: threading.RLock

    def line_settings(self) -> LineSettings: ...
    def line_moved(self) -> None: ...
    def receive_now(self, entries: list[int]) -> int: ...
    def set_modem_inputs(self, inputs: int) -> None: ...


class SerialLine:
    """One serial line, seen from the far end. Every method may be called from any thread.

    Towards the UART it is lossless: what `write` is given is held here until the receiver has room
    and is taken in order. Nothing is offered while the UART is in loopback, nor, with
    `flow_control`, while it does not assert RTS (the far end's CTS). From the UART, `capacity`
    bytes are kept for the scenario; when they are full the transmitter is stopped until some are
    read, so that nothing is lost here either.
    """

    def __init__(self, uart: Uart, capacity: int = 16 << 20) -> None:
        self._uart = uart
        self.capacity = capacity
        self._changed = threading.Condition(uart.lock)
        self._conditions: list[Callable[[], bool]] = []
        self._subscribers: tuple[Callable[[LineEvent], None], ...] = ()
        self._received = bytearray()
        self._stopped = False
        self._flow_control = False
        self._outputs = 0
        self._break = False
        self._breaks = 0
        self._settings: LineSettings | None = None
        # For the model, with the lock held:
        self.held: deque[int] = deque()  # characters offered, error bits of LSR above bit 8
        self.accepting = True  # the transmitter may send
        self.inputs = MSR.CTS.mask | MSR.DSR.mask | MSR.DCD.mask  # bits of MSR

    @property
    def name(self) -> str:
        return self._uart.name

    # Towards the UART

    def write(self, data: bytes, errors: LineError = LineError.NONE) -> None:
        """Offer characters; returns at once. Each carries `errors`.

        A parity error is seen only while the driver has parity enabled, as in the receiver.
        """
        with self._changed:
            self.held.extend(_entries(data, errors) if errors else data)
            self._uart.line_moved()
            self._wake()

    def send_break(self) -> None:
        """Offer a break: longer than a character, then the line is idle again."""
        with self._changed:
            self.held.append(_BREAK)
            self._uart.line_moved()
            self._wake()

    def force(self, data: bytes, errors: LineError = LineError.NONE) -> int:
        """Characters arrive now, room or not, before any that are held. How many were lost.

        In FIFO mode a full FIFO loses the new character, in 16450 mode the unread one is lost;
        either way LSR.OE is set. In loopback the receiver is disconnected: all are lost, no OE.
        """
        with self._changed:
            lost = self._uart.receive_now(_entries(data, errors))
            self._wake()
            return lost

    @property
    def pending(self) -> int:
        """Characters held that the receiver has not taken."""
        return len(self.held)

    def discard_pending(self) -> int:
        """Forget what is held; how many characters that was."""
        with self._changed:
            count = len(self.held)
            self.held.clear()
            self._uart.line_moved()
            if count:
                self.drained()
            return count

    @property
    def flow_control(self) -> bool:
        """Offer characters only while the UART asserts RTS."""
        return self._flow_control

    @flow_control.setter
    def flow_control(self, on: bool) -> None:
        with self._changed:
            self._flow_control = on
            self._uart.line_moved()
            self._wake()

    def set_modem(
        self,
        *,
        cts: bool | None = None,
        dsr: bool | None = None,
        ri: bool | None = None,
        dcd: bool | None = None,
    ) -> None:
        """Change modem inputs, all at once; None leaves one as it is. CTS, DSR, DCD start on."""
        with self._changed:
            inputs = self.inputs
            for field, on in ((MSR.CTS, cts), (MSR.DSR, dsr), (MSR.RI, ri), (MSR.DCD, dcd)):
                if on is not None:
                    inputs = field.put(inputs, on)
            self.inputs = inputs
            self._uart.set_modem_inputs(inputs)
            self._wake()

    @property
    def modem_inputs(self) -> ModemInputs:
        bits = self.inputs
        return ModemInputs(
            cts=bool(bits & MSR.CTS.mask),
            dsr=bool(bits & MSR.DSR.mask),
            ri=bool(bits & MSR.RI.mask),
            dcd=bool(bits & MSR.DCD.mask),
        )

    # From the UART

    @property
    def available(self) -> int:
        """Bytes sent by the UART and not read."""
        return len(self._received)

    def read(self, count: int | None = None) -> bytes:
        """What has come and was not read, at most `count` bytes; does not wait."""
        with self._changed:
            return self._take(len(self._received) if count is None else count)

    def read_exactly(self, count: int, deadline: Deadline) -> bytes:
        """The next `count` bytes. LineTimeout when they do not come; what came stays unread."""
        with self._changed:
            if count > self.capacity:
                raise ValueError(
                    f"serial line {self.name}: {count} bytes at once, but the line keeps"
                    f" {self.capacity}; read them in pieces"
                )
            self.wait_until(lambda: len(self._received) >= count, deadline, f"{count} bytes")
            return self._take(count)

    def read_until(self, pattern: bytes, deadline: Deadline) -> bytes:
        """Everything up to and with `pattern`. LineTimeout as `read_exactly`."""
        if not pattern:
            raise ValueError(f"serial line {self.name}: read_until needs at least one byte")
        start = 0
        end = -1

        def found() -> bool:
            nonlocal start, end
            if end < 0:
                end = self._received.find(pattern, start)
                start = max(0, len(self._received) - len(pattern) + 1)
            return end >= 0

        with self._changed:
            self.wait_until(found, deadline, repr(pattern))
            return self._take(end + len(pattern))

    def stop(self) -> None:
        """Stop the UART's transmitter, as if its clock stood still; characters queue up in it."""
        with self._changed:
            self._stopped = True
            self.accepting = False

    def resume(self) -> None:
        """Let the transmitter go on."""
        with self._changed:
            self._stopped = False
            self._accept()

    @property
    def outputs(self) -> ModemOutputs:
        bits = self._outputs
        return ModemOutputs(
            dtr=bool(bits & MCR.DTR.mask),
            rts=bool(bits & MCR.RTS.mask),
            out1=bool(bits & MCR.OUT1.mask),
            out2=bool(bits & MCR.OUT2.mask),
        )

    @property
    def settings(self) -> LineSettings:
        """The line as the driver programmed it."""
        with self._changed:
            return self._uart.line_settings()

    @property
    def break_condition(self) -> bool:
        """The UART holds the line in a break."""
        return self._break

    @property
    def breaks(self) -> int:
        """Breaks that the UART has begun."""
        return self._breaks

    # Both

    def wait_until(self, condition: Callable[[], bool], deadline: Deadline, what: str) -> None:
        """Wait until `condition()` holds; LineTimeout, naming `what`, when it does not in time.

        It is evaluated with the device's lock held, after every change on either side of the line,
        on the thread that made it.
        """
        with self._changed:
            self._conditions.append(condition)
            try:
                while not condition():
                    if deadline.expired:
                        raise LineTimeout(
                            f"serial line {self.name}: waited {deadline.seconds:g} s for {what};"
                            f" {len(self._received)} bytes are there and end in"
                            f" {bytes(self._received[-_SHOWN:])!r}"
                        )
                    self._changed.wait(deadline.remaining)
            finally:
                self._conditions.remove(condition)

    def wait_drained(self, deadline: Deadline) -> None:
        """Wait until the receiver has taken everything that was written."""
        self.wait_until(lambda: not self.held, deadline, "the receiver to take what is held")

    def subscribe(self, callback: Callable[[LineEvent], None]) -> Callable[[], None]:
        """Call `callback` with every event, on the thread that caused it, with the device's lock
        held: it must be short. Returns what ends the subscription."""
        with self._changed:
            self._subscribers = (*self._subscribers, callback)

        def unsubscribe() -> None:
            with self._changed:
                self._subscribers = tuple(s for s in self._subscribers if s is not callback)

        return unsubscribe

    @contextmanager
    def subscribed(self, callback: Callable[[LineEvent], None]) -> Iterator[None]:
        unsubscribe = self.subscribe(callback)
        try:
            yield
        finally:
            unsubscribe()

    # For the model, with the lock held

    def transmitted(self, character: int) -> None:
        received = self._received
        received.append(character)
        if len(received) >= self.capacity:
            self.accepting = False
        if self._conditions:
            self._wake()
        if self._subscribers:
            self._tell(Transmitted(character))

    def drive_break(self, on: bool) -> None:
        if on != self._break:
            self._break = on
            self._breaks += on
            self._wake()
            self._tell(BreakChanged(on))

    def drive_outputs(self, outputs: int) -> None:
        if outputs != self._outputs:
            self._outputs = outputs
            self._wake()
            self._tell(OutputsChanged(self.outputs))

    def settings_written(self) -> None:
        settings = self._uart.line_settings()
        if settings != self._settings:
            self._settings = settings
            self._wake()
            self._tell(SettingsChanged(settings))

    def drained(self) -> None:
        self._wake()
        self._tell(Drained())

    def offers(self, rts: bool) -> bool:
        """Whether a character is there for a receiver that is listening."""
        return bool(self.held) and (rts or not self._flow_control)

    def _wake(self) -> None:
        # A waiting thread is woken only when it can go on: one switch per wait, not per character.
        for condition in self._conditions:
            if condition():
                self._changed.notify_all()
                return

    def _tell(self, event: LineEvent) -> None:
        for callback in self._subscribers:
            callback(event)

    def _take(self, count: int) -> bytes:
        data = bytes(self._received[:count])
        del self._received[:count]
        if data and not self.accepting:
            self._accept()
        return data

    def _accept(self) -> None:
        self.accepting = not self._stopped and len(self._received) < self.capacity
        if self.accepting:
            self._uart.line_moved()


def _entries(data: bytes, errors: LineError) -> list[int]:
    bits = int(errors) << 8
    return [character | bits for character in data]
