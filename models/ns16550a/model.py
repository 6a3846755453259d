# SPDX-License-Identifier: MIT
"""The NS16550A itself: registers, FIFOs, interrupts. Behaviour is described in the package."""

from __future__ import annotations

from collections import deque
from typing import Any, Literal

from models.alarm import AlarmFactory, WallAlarm
from models.ns16550a.line import LineSettings, Parity, SerialLine
from models.ns16550a.registers import FCR, IER, IIR, LCR, LSR, MCR, MSR
from models.ns16550a.state import FIFO_DEPTH, State
from models.ns16550a.window import RegisterWindow
from testbed.errors import Stage, TestbedError

__all__ = ["Ns16550a"]

# Attribute look-ups cost more than the work of an access: the masks it needs are plain globals.
_ERBFI, _ETBEI, _ELSI, _EDSSI = IER.ERBFI.mask, IER.ETBEI.mask, IER.ELSI.mask, IER.EDSSI.mask
_FE = FCR.FE.mask
_DLAB, _SB, _WLS, _PEN = LCR.DLAB.mask, LCR.SB.mask, LCR.WLS.mask, LCR.PEN.mask
_LOOP, _RTS = MCR.LOOP.mask, MCR.RTS.mask
_DR, _OE, _THRE, _TEMT, _ERF = (
    field.mask for field in (LSR.DR, LSR.OE, LSR.THRE, LSR.TEMT, LSR.ERF)
)
_PE, _FRAMING, _BI = LSR.PE.mask, LSR.FE.mask, LSR.BI.mask
_FCR_KEPT = _FE | FCR.DMA.mask | FCR.TRIGGER.mask

_NONE = IIR.NIP.mask
_LINE_STATUS, _DATA, _TIMEOUT, _EMPTY, _MODEM = 0x6, 0x4, 0xC, 0x2, 0x0  # table IV
_FIFO_MODE = IIR.FIFOEN.mask

_TRIGGER = (1, 4, 8, 14)
_TIMEOUT_CHARACTERS = 4
_PARITY: tuple[Parity, ...] = ("odd", "even", "mark", "space")


class Ns16550a(RegisterWindow):
    """An NS16550A with its far end at `line`.

    `clock_frequency` in Hz feeds the baud generator. `reg_shift` and `reg_io_width` (bytes) are
    the device-tree properties of those names, `size` the bytes of the register window. With
    `paced`, characters take their programmed time. `alarm` makes the model's source of time.
    """

    wires = ("interrupt",)

    _ier: int
    _fcr: int  # zero in 16450 mode
    _lcr: int
    _mcr: int
    _scr: int
    _divisor: int
    _rbr: int  # the character read last
    _latched: int  # bits of LSR that stay until it is read
    _deltas: int
    _inputs: int  # behind the loopback switch
    _receiver: deque[int]  # error bits of LSR above bit 8
    _receiver_errors: int  # how many of its characters carry some
    _transmitter: deque[int]
    _shift_register: int | None
    _thre_interrupt: bool
    _character_timeout: bool
    _depth: int
    _trigger: int
    _word: int  # mask of the word length
    _character_time: float
    _touched_at: float
    _next_character: float | None  # paced: when the one on its way is complete
    _shifted: float | None  # paced: when the shift register has sent its character
    _armed: float | None

    def __init__(
        self,
        name: str = "ns16550a",
        *,
        clock_frequency: int = 1_843_200,
        reg_shift: int = 0,
        reg_io_width: int = 1,
        size: int = 0x100,
        byteorder: Literal["little", "big"] = "little",
        paced: bool = False,
        alarm: AlarmFactory = WallAlarm,
    ) -> None:
        super().__init__(
            name, reg_shift=reg_shift, reg_io_width=reg_io_width, size=size, byteorder=byteorder
        )
        if clock_frequency <= 0:
            raise TestbedError(
                Stage.MODEL, f"{name}: clock_frequency {clock_frequency} Hz; give a positive one"
            )
        self.clock_frequency = clock_frequency
        self.paced = paced
        self.connect(
            (
                self._read_rbr,
                self._read_ier,
                self._read_iir,
                lambda: self._lcr,
                lambda: self._mcr,
                self._read_lsr,
                self._read_msr,
                lambda: self._scr,
            ),
            (
                self._write_thr,
                self._write_ier,
                self._write_fcr,
                self._write_lcr,
                self._write_mcr,
                lambda value: None,
                lambda value: None,
                self._write_scr,
            ),
        )
        self._alarm = alarm(self.lock, self._alarmed)
        self.line = SerialLine(self)
        self._take(State.power_on(self.line.inputs))

    def read(self, region: int, offset: int, size: int) -> int:
        if self.paced:
            self._advance()
        return super().read(region, offset, size)

    def write(self, region: int, offset: int, size: int, value: int) -> None:
        if self.paced:
            self._advance()
        super().write(region, offset, size, value)

    def divisor_latch_access(self) -> bool:
        return bool(self._lcr & _DLAB)

    def reset(self) -> None:
        """Power-on. The line keeps its inputs, what it holds, and what was sent before."""
        self._take(State.power_on(self.line.inputs))

    def save(self) -> dict[str, Any]:
        """Everything the device holds and the level of its inputs, not what the line holds."""
        return State(
            ier=self._ier,
            fcr=self._fcr,
            lcr=self._lcr,
            mcr=self._mcr,
            scr=self._scr,
            divisor=self._divisor,
            rbr=self._rbr,
            latched=self._latched,
            deltas=self._deltas,
            inputs=self.line.inputs,
            receiver_fifo=list(self._receiver),
            transmitter_fifo=list(self._transmitter),
            shift_register=self._shift_register,
            thre_interrupt=self._thre_interrupt,
            character_timeout=self._character_timeout,
        ).to_json()

    def load(self, state: dict[str, Any]) -> None:
        self._take(State.from_json(state, self.name))

    # The line's side of the model; the lock is held.

    def line_settings(self) -> LineSettings:
        lcr = self._lcr
        bits = 5 + LCR.WLS.get(lcr)
        return LineSettings(
            baud=self.clock_frequency / (16 * self._divisor) if self._divisor else None,
            data_bits=bits,
            parity=_PARITY[LCR.SP.get(lcr) * 2 + LCR.EPS.get(lcr)] if lcr & _PEN else "none",
            stop_bits=1.0 if not lcr & LCR.STB.mask else 1.5 if bits == 5 else 2.0,
        )

    def line_moved(self) -> None:
        """The line holds more or less than before, or lets the transmitter go on."""
        self._advance()

    def receive_now(self, entries: list[int]) -> int:
        if self._mcr & _LOOP:
            return len(entries)
        lost = 0
        for entry in entries:
            lost += not self._receive(entry)
        self._touched()
        self._arm()
        self._update()
        return lost

    def set_modem_inputs(self, inputs: int) -> None:
        if not self._mcr & _LOOP:
            self._change_inputs(inputs)
            self._update()

    # Registers

    def _read_rbr(self) -> int:
        if self._lcr & _DLAB:
            return self._divisor & 0xFF
        receiver = self._receiver
        if receiver:
            entry = receiver.popleft()
            self._rbr = entry & 0xFF
            if entry > 0xFF:
                self._receiver_errors -= 1
            self._character_timeout = False
            if self.line.held:
                self._refill()
            if self._fcr:
                self._touched()
                self._arm()
            self._update()
        return self._rbr

    def _write_thr(self, value: int) -> None:
        if self._lcr & _DLAB:
            self._divisor = self._divisor & 0xFF00 | value
            self._set_character_time()
            return
        if self._shift_register is None and self.line.accepting and not self.paced:
            self._shift_out(value)
            self._thre_interrupt = True
        else:
            self._thre_interrupt = False
            if len(self._transmitter) < self._depth:
                self._transmitter.append(value)
            elif not self._fcr:
                self._transmitter[0] = value
            self._shift()
            self._arm()
        self._update()

    def _read_ier(self) -> int:
        return self._divisor >> 8 if self._lcr & _DLAB else self._ier

    def _write_ier(self, value: int) -> None:
        if self._lcr & _DLAB:
            self._divisor = self._divisor & 0x00FF | value << 8
            self._set_character_time()
            return
        value &= IER.defined
        if value & ~self._ier & _ETBEI and not self._transmitter:
            self._thre_interrupt = True
        self._ier = value
        self._arm()
        self._update()

    def _read_iir(self) -> int:
        pending = self._pending()
        if pending == _EMPTY:
            self._thre_interrupt = False
            self._update()
        return pending | _FIFO_MODE if self._fcr else pending

    def _write_fcr(self, value: int) -> None:
        mode_changes = (value ^ self._fcr) & _FE
        fifo_mode = value & _FE
        if mode_changes or (fifo_mode and value & FCR.RFR.mask):
            self._receiver.clear()
            self._receiver_errors = 0
            self._rbr = 0
            self._character_timeout = False
        if (mode_changes or (fifo_mode and value & FCR.XFR.mask)) and self._transmitter:
            self._transmitter.clear()
            self._thre_interrupt = True
        self._set_fcr(value & _FCR_KEPT if fifo_mode else 0)
        self._advance()

    def _write_lcr(self, value: int) -> None:
        self._lcr = value
        self._set_character_time()
        self._drive_break()
        if not value & _DLAB:
            self.line.settings_written()

    def _write_mcr(self, value: int) -> None:
        self._mcr = value & MCR.defined
        self._drive_break()
        self._drive_modem()
        self._advance()

    def _read_lsr(self) -> int:
        latched = self._latched
        value = latched
        if not self._transmitter:
            value |= _THRE | _TEMT if self._shift_register is None else _THRE
        receiver = self._receiver
        if receiver:
            value |= _DR
            if self._receiver_errors:
                value |= _ERF
                oldest = receiver[0]
                if oldest > 0xFF:
                    value |= oldest >> 8
                    receiver[0] = oldest & 0xFF
                    self._receiver_errors -= 1
                    self._update()
        if latched:
            self._latched = 0
            self._update()
        return value

    def _read_msr(self) -> int:
        deltas = self._deltas
        if deltas:
            self._deltas = 0
            self._update()
        return self._inputs | deltas

    def _write_scr(self, value: int) -> None:
        self._scr = value

    # Receiver

    def _receive(self, entry: int) -> bool:
        """A character is complete in the shift register; False when one was lost."""
        errors = entry >> 8
        character = entry & self._word
        if errors:
            if errors & _BI:
                # Parity of a zero is even: a receiver that expects a one there finds it wrong.
                wrong = not self._lcr & LCR.EPS.mask
                errors = _BI | _FRAMING | (_PE if wrong else 0)
                character = 0
            if not self._lcr & _PEN:
                errors &= ~_PE
        receiver = self._receiver
        if not self._fcr:
            overrun = bool(receiver)
            receiver.clear()
            receiver.append(character)
            self._latched |= errors | (_OE if overrun else 0)
            return not overrun
        if len(receiver) >= FIFO_DEPTH:
            self._latched |= _OE
            return False
        if errors:
            character |= errors << 8
            self._receiver_errors += 1
        receiver.append(character)
        return True

    def _refill(self) -> None:
        """Take what the line offers and the receiver has room for, and is due when paced."""
        line = self.line
        if self._mcr & _LOOP or not line.offers(bool(self._mcr & _RTS)):
            self._next_character = None
            return
        room = self._depth - len(self._receiver)
        if self.paced and room:
            room = self._due_characters(min(room, len(line.held)))
            if not room:
                return
        if not room:
            self._next_character = None
            return
        held = line.held
        for _ in range(min(room, len(held))):
            self._receive(held.popleft())
        self._touched()
        if not held:
            self._next_character = None
            line.drained()

    def _due_characters(self, offered: int) -> int:
        """How many of the offered characters are complete by now."""
        duration = self._character_time
        if not duration:
            self._next_character = None
            return 0
        now = self._alarm.now()
        if self._next_character is None:
            self._next_character = now + duration
        if now < self._next_character:
            return 0
        count = min(offered, 1 + int((now - self._next_character) / duration))
        self._next_character += count * duration
        return count

    # Transmitter

    def _shift_out(self, character: int) -> None:
        character &= self._word
        if self._mcr & _LOOP:
            self._receive(character)
            self._touched()
            self._arm()
        elif not self._lcr & _SB:
            self.line.transmitted(character)

    def _shift(self) -> None:
        """Move characters on as far as the line and, when paced, time allow."""
        while self._shift_register is not None or self._transmitter:
            if self._shift_register is None:
                self._shift_register = self._transmitter.popleft()
                if not self._transmitter:
                    self._thre_interrupt = True
            if not self.line.accepting:
                self._shifted = None
                return
            if self.paced and not self._shift_is_done():
                return
            character = self._shift_register
            self._shift_register = None
            self._shift_out(character)
        self._shifted = None

    def _shift_is_done(self) -> bool:
        """Whether the character in the shift register has had its time; the next one's begins."""
        duration = self._character_time
        if not duration:
            self._shifted = None
            return False
        now = self._alarm.now()
        if self._shifted is None:
            self._shifted = now + duration
        if now < self._shifted:
            return False
        self._shifted += duration
        return True

    # Modem control

    def _drive_break(self) -> None:
        self.line.drive_break(bool(self._lcr & _SB and not self._mcr & _LOOP))

    def _drive_modem(self) -> None:
        mcr = self._mcr
        if mcr & _LOOP:
            inputs = 0
            for output, status in (
                (MCR.DTR, MSR.DSR),
                (MCR.RTS, MSR.CTS),
                (MCR.OUT1, MSR.RI),
                (MCR.OUT2, MSR.DCD),
            ):
                inputs = status.put(inputs, output.get(mcr))
            self._change_inputs(inputs)
            self.line.drive_outputs(0)
        else:
            self._change_inputs(self.line.inputs)
            self.line.drive_outputs(mcr)

    def _change_inputs(self, inputs: int) -> None:
        changed = self._inputs ^ inputs
        if changed & MSR.RI.mask and inputs & MSR.RI.mask:
            changed &= ~MSR.RI.mask  # only the end of ringing is recorded
        self._inputs = inputs
        self._deltas |= changed >> 4

    # Interrupts and time

    def _pending(self) -> int:
        """IIR's low four bits: the highest source that is pending and enabled."""
        ier = self._ier
        if not ier:
            return _NONE
        receiver = self._receiver
        if ier & _ELSI and (self._latched or (receiver and receiver[0] > 0xFF)):
            return _LINE_STATUS
        if ier & _ERBFI:
            if self._character_timeout:
                return _TIMEOUT
            if len(receiver) >= self._trigger:
                return _DATA
        if ier & _ETBEI and self._thre_interrupt:
            return _EMPTY
        if ier & _EDSSI and self._deltas:
            return _MODEM
        return _NONE

    def _update(self) -> None:
        level = self._pending() != _NONE
        if level != self._levels[0]:
            self.set_wire(0, level)

    def _touched(self) -> None:
        """A character came into the receiver or was read: four character times begin."""
        self._touched_at = self._alarm.now()

    def _timeout_due(self) -> float | None:
        """When the character timeout will stand, if nothing moves until then."""
        if (
            self._fcr
            and self._character_time
            and self._ier & _ERBFI
            and not self._character_timeout
            and 0 < len(self._receiver) < self._trigger
        ):
            return self._touched_at + _TIMEOUT_CHARACTERS * self._character_time
        return None

    def _arm(self) -> None:
        due = self._timeout_due()
        if self.paced:
            times = [t for t in (due, self._next_character) if t is not None]
            if self._shift_register is not None and self._shifted is not None:
                times.append(self._shifted)
            due = min(times, default=None)
        if due != self._armed:
            self._armed = due
            self._alarm.set(due)

    def _alarmed(self) -> None:
        self._armed = None
        self._advance()

    def _advance(self) -> None:
        """Do what is due: both directions, the character timeout, the wire."""
        if self._transmitter or self._shift_register is not None:
            self._shift()
        if self.line.held:
            self._refill()
        else:
            self._next_character = None
        due = self._timeout_due()
        if due is not None and self._alarm.now() >= due:
            self._character_timeout = True
        self._arm()
        self._update()

    def _set_character_time(self) -> None:
        """Seconds of a character by divisor and format; zero while the divisor is zero."""
        bits = self.line_settings().character_bits
        self._character_time = bits * 16 * self._divisor / self.clock_frequency
        self._word = 0xFF >> 3 - (self._lcr & _WLS)
        self._advance()

    def _set_fcr(self, fcr: int) -> None:
        self._fcr = fcr
        self._depth = FIFO_DEPTH if fcr else 1
        self._trigger = _TRIGGER[FCR.TRIGGER.get(fcr)] if fcr else 1

    # Whole states

    def _take(self, state: State) -> None:
        self._ier = state.ier
        self._lcr = state.lcr
        self._mcr = state.mcr
        self._scr = state.scr
        self._divisor = state.divisor
        self._rbr = state.rbr
        self._latched = state.latched
        self._receiver = deque(state.receiver_fifo)
        self._receiver_errors = sum(entry > 0xFF for entry in self._receiver)
        self._transmitter = deque(state.transmitter_fifo)
        self._shift_register = state.shift_register
        self._thre_interrupt = state.thre_interrupt
        self._character_timeout = state.character_timeout
        self._next_character = None
        self._shifted = None
        self._armed = None
        self._alarm.set(None)
        self._set_fcr(state.fcr)
        self._touched()
        self.line.inputs = state.inputs
        self._inputs = state.inputs
        self._deltas = 0
        self._drive_break()
        self._drive_modem()
        self._deltas = state.deltas
        self._set_character_time()
        self.line.settings_written()
