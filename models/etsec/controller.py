# SPDX-License-Identifier: MIT
"""The controller: its register page, its events and lines, and its two halves."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from models.alarm import AlarmFactory, WallAlarm
from models.etsec.coalescing import Coalescing
from models.etsec.engine import Engine
from models.etsec.line import EthernetLine, Frame
from models.etsec.mib import COUNTER_REGISTERS, Mib
from models.etsec.receive import Receiver
from models.etsec.registers import (
    CAM1,
    CAM2,
    CAR1,
    CAR2,
    COUNTERS,
    DMACTRL,
    ECNTRL,
    EDIS,
    ERROR_EVENTS,
    IEVENT,
    IMASK,
    MACCFG1,
    QUEUES,
    RBASES,
    RBPTRS,
    RECEIVE_EVENTS,
    REGISTERS,
    RFBPTRS,
    RQFAR,
    RQFCR,
    RQFPR,
    RQUEUE,
    RREJ,
    RSTAT,
    RXIC,
    RXICS,
    TBASES,
    TBPTRS,
    TCTRL,
    TQUEUE,
    TRANSMIT_EVENTS,
    TSTAT,
    TXIC,
    TXICS,
    TYPES,
    writable,
)
from models.etsec.state import State
from models.etsec.timers import Timers
from models.etsec.transmit import Transmitter
from models.words import WordDevice
from testbed.remoteport.device import Link, Region
from testbed.remoteport.registers import Register

__all__ = ["Etsec"]

_SIZE = 0x1000
_MASKS = {register: writable(register) for register in TYPES.values()}
_COUNTERS = frozenset(COUNTER_REGISTERS.values())
_SELF_CLEARING = {
    ECNTRL: ECNTRL.CLRCNT.mask,
    TCTRL: TCTRL.TFC_PAUSE.mask,
    DMACTRL: DMACTRL.TOD.mask,
    MACCFG1: MACCFG1.Syncd_Rx_EN.mask | MACCFG1.Syncd_Tx_EN.mask,
}


class Etsec(WordDevice):
    """One eTSEC. `line` is the far end of its cable; `alarm` makes its source of time."""

    regions = (Region("etsec", _SIZE, REGISTERS),)
    wires = ("transmit", "receive", "error")

    def __init__(self, name: str = "ethernet", *, alarm: AlarmFactory = WallAlarm) -> None:
        super().__init__(name, "big", self.regions)
        self.state = State()
        self.resting = False  # nothing is looked at again by the model's own clock
        self.line = EthernetLine(self)
        self.mib = Mib(lambda: self.state, lambda: self.event(IEVENT.MSRO.mask))
        self.timers = Timers(alarm, self.lock)
        self.transmitter = Transmitter(self)
        self.receiver = Receiver(self)
        self.transmitter.coalescing = Coalescing(
            lambda: self.state,
            self.timers,
            TXIC,
            TXICS,
            lambda state: state.tx_waiting,
            self._sent,
        )
        self.receiver.coalescing = Coalescing(
            lambda: self.state,
            self.timers,
            RXIC,
            RXICS,
            lambda state: state.rx_waiting,
            self._received,
        )
        self._writers = self._make_writers()

    # Device

    def read_word(self, region: int, offset: int) -> int:
        if self.resting:
            self._wake()
        register = TYPES.get(offset)
        if register is None:
            return 0
        if register in _COUNTERS:
            return self.mib.read(register)
        if register is RQFCR or register is RQFPR:
            return self.state.filer[self._filer_place(register)]
        return self.state[register]

    def write_word(self, region: int, offset: int, value: int) -> None:
        if self.resting:
            self._wake()
        register = TYPES.get(offset)
        if register is None:
            return
        writer = self._writers.get(register)
        if writer is None:
            self._store(register, value)
        else:
            writer(value)

    def reset(self) -> None:
        """Power-on of the controller. The cable stays as it is."""
        self._take(State())

    def quiesce(self) -> None:
        # What the timers look at again would be DMA; it goes on with the next register access.
        self.resting = True
        self.transmitter.poll()
        self.receiver.look_again()

    def attach(self, link: Link) -> None:
        super().attach(link)
        with self.lock:
            self._go_on()

    def save(self) -> dict[str, Any]:
        """The registers, and what waits to be reported; not what is on the cable."""
        return self.state.to_json()

    def load(self, state: dict[str, Any]) -> None:
        self._take(State.from_json(self.name, state))
        self._go_on()

    # For the line and the two halves

    def line_moved(self) -> None:
        """Frames wait on the cable."""
        self.receiver.poke()

    def loop(self, frames: list[Frame]) -> None:
        """Frames that the transmitter sends to the receiver."""
        self.receiver.loop(frames)

    def event(self, events: int) -> None:
        """Note events, but for errors that EDIS disables."""
        events &= ~self.state[EDIS]
        if events:
            self.state[IEVENT] |= events
            self._update_wires()

    # Registers

    def _make_writers(self) -> dict[type[Register], Callable[[int], None]]:
        writers: dict[type[Register], Callable[[int], None]] = {
            IEVENT: self._write_ievent,
            IMASK: self._write_imask,
            ECNTRL: self._write_ecntrl,
            DMACTRL: self._write_dmactrl,
            TCTRL: self._write_tctrl,
            TSTAT: self._write_tstat,
            TQUEUE: lambda value: self._store_and(TQUEUE, value, self.transmitter.poke),
            RSTAT: self._write_rstat,
            RQUEUE: lambda value: self._store_and(RQUEUE, value, self.receiver.look_again),
            RQFCR: lambda value: self._write_filer(RQFCR, value),
            RQFPR: lambda value: self._write_filer(RQFPR, value),
            MACCFG1: self._write_maccfg1,
            CAR1: lambda value: self._clear(CAR1, value),
            CAR2: lambda value: self._clear(CAR2, value),
        }
        controls: tuple[tuple[Engine, list[type[Register]]], ...] = (
            (self.transmitter, [TXIC, *TXICS]),
            (self.receiver, [RXIC, *RXICS]),
        )
        for engine, registers in controls:
            for register in registers:
                writers[register] = self._storing(register, engine.coalescing.written)
        for ring in range(QUEUES):
            writers[TBASES[ring]] = self._pointing(TBASES[ring], TBPTRS[ring], self._tx_moved)
            writers[TBPTRS[ring]] = self._storing(TBPTRS[ring], self._tx_moved)
            writers[RBASES[ring]] = self._pointing(RBASES[ring], RBPTRS[ring], self._rx_moved)
            writers[RBPTRS[ring]] = self._storing(RBPTRS[ring], self._rx_moved)
            writers[RFBPTRS[ring]] = self._storing(RFBPTRS[ring], self.receiver.look_again)
        for register in _COUNTERS:
            writers[register] = self._counting(register)
        return writers

    def _store(self, register: type[Register], value: int) -> None:
        mask = _MASKS[register]
        if mask:
            self.state[register] = value & mask & ~_SELF_CLEARING.get(register, 0)

    def _store_and(self, register: type[Register], value: int, then: Callable[[], None]) -> None:
        self._store(register, value)
        then()

    def _storing(self, register: type[Register], then: Callable[[], None]) -> Callable[[int], None]:
        return lambda value: self._store_and(register, value, then)

    def _pointing(
        self, base: type[Register], pointer: type[Register], moved: Callable[[], None]
    ) -> Callable[[int], None]:
        def write(value: int) -> None:
            self._store(base, value)
            self._store_and(pointer, value, moved)

        return write

    def _counting(self, register: type[Register]) -> Callable[[int], None]:
        bits, _ = COUNTERS.get(register.__name__, RREJ)

        def write(value: int) -> None:
            self.state[register] = value & (1 << bits) - 1

        return write

    def _clear(self, register: type[Register], value: int) -> None:
        self.state[register] &= ~value
        carries = self.state[CAR1] & ~self.state[CAM1] | self.state[CAR2] & ~self.state[CAM2]
        if carries:
            self.event(IEVENT.MSRO.mask)

    def _tx_moved(self) -> None:
        self.transmitter.abandon()
        self.transmitter.poke()

    def _rx_moved(self) -> None:
        self.receiver.abandon()
        self.receiver.look_again()

    def _write_ievent(self, value: int) -> None:
        self.state[IEVENT] &= ~value
        self._update_wires()
        if value & RECEIVE_EVENTS:
            self.receiver.look_again()

    def _write_imask(self, value: int) -> None:
        self._store(IMASK, value)
        self._update_wires()
        self.receiver.look_again()

    def _write_ecntrl(self, value: int) -> None:
        self._store(ECNTRL, value)
        if value & ECNTRL.CLRCNT.mask:
            self.mib.clear()

    def _write_dmactrl(self, value: int) -> None:
        self._store(DMACTRL, value)
        if value & DMACTRL.GRS.mask:
            self.receiver.stop()
        if value & DMACTRL.GTS.mask:
            self.transmitter.stop()
        if value & DMACTRL.TOD.mask:
            self.state[TSTAT] &= ~TSTAT.THLT0.mask
        self.transmitter.poll()
        self.receiver.look_again()

    def _write_tctrl(self, value: int) -> None:
        self._store(TCTRL, value)
        if value & TCTRL.TFC_PAUSE.mask:
            self.transmitter.pause()

    def _write_tstat(self, value: int) -> None:
        self.state[TSTAT] &= ~value
        self.transmitter.kick(value)

    def _write_rstat(self, value: int) -> None:
        self.state[RSTAT] &= ~value
        self.receiver.look_again()

    def _write_maccfg1(self, value: int) -> None:
        self._store(MACCFG1, value)
        state = self.state
        for enable, synchronised in (
            (MACCFG1.Rx_EN, MACCFG1.Syncd_Rx_EN),
            (MACCFG1.Tx_EN, MACCFG1.Syncd_Tx_EN),
        ):
            if value & enable.mask and not value & MACCFG1.Soft_Reset.mask:
                state[MACCFG1] |= synchronised.mask
        self.transmitter.poke()
        self.receiver.look_again()

    def _filer_place(self, register: type[Register]) -> int:
        return 2 * self.state[RQFAR] + (register is RQFPR)

    def _write_filer(self, register: type[Register], value: int) -> None:
        self.state.filer[self._filer_place(register)] = value & _MASKS[register]

    # Events

    def _sent(self, ring: int) -> None:
        self.state[TSTAT] |= TSTAT.TXF0.mask >> ring
        self.event(IEVENT.TXF.mask)

    def _received(self, ring: int) -> None:
        self.state[RSTAT] |= RSTAT.RXF0.mask >> ring
        self.event(IEVENT.RXF.mask)

    def _update_wires(self) -> None:
        active = self.state[IEVENT] & self.state[IMASK]
        self.set_wire("transmit", bool(active & TRANSMIT_EVENTS))
        self.set_wire("receive", bool(active & RECEIVE_EVENTS))
        self.set_wire("error", bool(active & ERROR_EVENTS))

    def _take(self, state: State) -> None:
        self.transmitter.abandon()
        self.receiver.abandon()
        self.timers.clear()
        self.state = state
        self._update_wires()

    def _wake(self) -> None:
        self.resting = False
        self.transmitter.poll()
        self.receiver.look_again()

    def _go_on(self) -> None:
        """Timers, and work that was deferred, start anew."""
        self.resting = False
        self.transmitter.coalescing.written()
        self.receiver.coalescing.written()
        for engine in (self.transmitter, self.receiver):
            engine.poke_anew()
