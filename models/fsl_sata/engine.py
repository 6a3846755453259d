# SPDX-License-Identifier: MIT
"""The command engine: fetches command slots, gives them to the device, reports what is done.

All of it is the deferred work of `models.sata.worker`.
"""

from __future__ import annotations

from typing import Protocol

from models.ata.transport import AtaDevice, FisType, LinkErrors, LinkLost, RegisterH2D
from models.fsl_sata.batch import Batch
from models.fsl_sata.command import HEADER_SIZE, Command, Header
from models.fsl_sata.registers import COMMANDS, HCONTROL, HSTATUS, SLOTS
from models.fsl_sata.transfer import Owner, Transfers, link_error_bits
from models.sata import worker
from models.sata.memory import read_ahead, read_until_refused
from models.sata.scr import ACTIVE, COMMUNICATION, SError
from models.sata.worker import SIZE_BUDGET, TIME_BUDGET, Worker
from testbed.remoteport.device import BusError

_ONOFF, _CMD_COMPLETE = HCONTROL.ONOFF.mask, HCONTROL.CMD_COMPLETE.mask
_MASTER_ERR = HSTATUS.FATAL_ERR.mask | HSTATUS.MASTER_ERR.mask
_WAKE = SError.N.mask | SError.W.mask
_SRST = 0x04  # in Device Control


class Host(Owner, worker.Port, Protocol):
    """The port, as its engine sees it."""

    def completed(self) -> None:
        """CCR has more bits."""

    def changed(self) -> None: ...


class Engine(Worker, Transfers):
    """Works off the command queue of `port`."""

    def __init__(self, port: Host) -> None:
        Transfers.__init__(self, port)
        Worker.__init__(self, port)
        self._host = port
        self._fetched: dict[int, Command] = {}  # and not yet given to the device
        self._only_queued = False  # the last commands were, so that the next may be, too
        self._rang = False  # while it was at work

    def transport(self) -> Engine:
        return self

    # What registers and lines ask for

    def rung(self) -> None:
        """CQR was written. Queued commands, if that is what they are, may wait for more."""
        state = self._host.state
        self._rang = True
        outstanding = state.cqr | state.car
        self.ring(
            outstanding.bit_count(),
            at_once=not self._only_queued or outstanding == COMMANDS,
        )

    def hurry(self) -> None:
        if self._host.state.cqr:
            self.poke()

    def abort(self) -> None:
        """End every transfer under way."""
        state = self._host.state
        self.epoch += 1
        self.moderation.forget()
        self._only_queued = False
        self._fetched.clear()
        self._active.clear()
        state.transfers.clear()
        state.current = state.tag = state.pio = None
        state.queued = 0

    # Work

    def abandoned(self) -> None:
        # What was under way stays as the registers show it.
        self._fetched.clear()

    def settle(self) -> None:
        self._batch = None

    def rested(self, served: bool, epoch: int) -> None:
        state = self._host.state
        if epoch != self.epoch and state.hcontrol & _ONOFF:
            self.poke()
        elif (
            served
            and state.det == COMMUNICATION
            and not state.halted
            and (self._rang or state.current is None)
            and self._waiting()
        ):
            self.rung()  # for doorbells that rang while memory was awaited

    def serve(self) -> bool:
        state = self._host.state
        device = self._host.device
        batch = self._batch = Batch(self.epoch)
        self._rang = again = False
        try:
            if device is None or state.det != COMMUNICATION:
                pass
            elif state.connecting:
                state.connecting = False
                state.update_signature = True
                device.comreset()
                again = True
            elif state.hcontrol & _ONOFF and not state.halted:
                again = self._run(batch, device)
        except LinkLost:
            again = True
        return self._flush(batch) and again

    def _run(self, batch: Batch, device: AtaDevice) -> bool:
        state = self._host.state
        self.moderation.begun((state.cqr | state.car).bit_count())
        until = self.now() + TIME_BUDGET
        self._fetch()
        if state.ipm != ACTIVE and (self._fetched or state.queued):
            state.ipm = ACTIVE
            batch.serr |= _WAKE
        more = self._issue_all(batch, device)
        working = self.step(
            device,
            until,
            lambda: not batch.fatal and self.epoch == batch.epoch and batch.size < SIZE_BUDGET,
        )
        return working or more

    def _waiting(self) -> int:
        """The slots that can be given to a device, but not those of a device in error."""
        state = self._host.state
        waiting = state.cqr
        der = state.der if self._batch is None else state.der | self._batch.der
        if self._batch is not None:
            waiting &= ~(self._batch.given | self._batch.dropped)
        device = 0
        while der >> device:
            if der >> device & 1:
                waiting &= ~state.of_device(device)
            device += 1
        return waiting

    def _issue_all(self, batch: Batch, device: AtaDevice) -> bool:
        """Give fetched slots to the device, as long as it takes them; whether some are left."""
        fetched = self._fetched
        while not batch.fatal and self.epoch == batch.epoch:
            slot = self._next()
            if slot is None:
                return False
            if batch.size >= SIZE_BUDGET:
                return True
            command = fetched.pop(slot)
            if self._waiting() >> slot & 1:
                self._issue(batch, device, command)
        return False

    def _next(self) -> int | None:
        """The fetched slot whose turn it is: while the device is busy, only a reset's."""
        busy = self._host.state.current is not None
        return next(
            (slot for slot, command in self._fetched.items() if command.header.reset or not busy),
            None,
        )

    def _issue(self, batch: Batch, device: AtaDevice, command: Command) -> None:
        state = self._host.state
        slot = command.slot
        header = command.header
        frame = command.fis
        state.last = slot
        state.tag = state.pio = None
        state.transfers.pop(slot, None)
        if header.bist:
            batch.hstatus |= HSTATUS.BIST_ERR.mask | HSTATUS.FATAL_ERR.mask
            batch.fatal = True
            return
        if header.fis_size != RegisterH2D.SIZE or frame[0] != FisType.REGISTER_H2D:
            # The device answers R_ERR to a frame it cannot take, however often it is repeated.
            serr, hstatus = link_error_bits(LinkErrors.HANDSHAKE, True)
            batch.serr |= serr
            batch.hstatus |= hstatus
            batch.fatal = True
            return
        fis = RegisterH2D.from_bytes(frame[: RegisterH2D.SIZE])
        self._active[slot] = command
        batch.given |= 1 << slot
        self._only_queued = header.fpdma and fis.is_command
        if not fis.is_command:
            self._control(batch, device, command, fis)
            return
        if header.fpdma:
            batch.queued |= 1 << slot
        state.current = slot
        device.command(fis)

    def _control(self, batch: Batch, device: AtaDevice, command: Command, fis: RegisterH2D) -> None:
        """A Device Control FIS is done when it was sent; a reset takes from the device all else."""
        state = self._host.state
        slot = 1 << command.slot
        if fis.control & _SRST:
            state.update_signature = True
            batch.dropped |= self._with_device(batch) & ~slot
            batch.given &= slot
            batch.queued = 0
            self._active.clear()
            state.transfers.clear()
            state.current = None
        device.control(fis)
        batch.completed |= slot
        self._active.pop(command.slot, None)

    # Memory

    def _fetch(self) -> None:
        """Read the command slots that wait, in the order they are to be issued."""
        state = self._host.state
        waiting = self._waiting()
        fetched = self._fetched
        for slot in fetched:
            waiting &= ~(1 << slot)
        if not waiting:
            return
        first = 0 if state.last is None else state.last + 1
        if fetched:
            first = next(reversed(fetched)) + 1
        slots = [slot for slot in (*range(first, SLOTS), *range(first)) if waiting >> slot & 1]
        low, high = min(slots), max(slots)
        data = self.read(state.chba + low * HEADER_SIZE, (high - low + 1) * HEADER_SIZE)
        headers = [Header(data, (slot - low) * HEADER_SIZE) for slot in slots]
        dma = self._host.dma
        try:
            tables = read_until_refused(dma, [(head.descriptor, head.size) for head in headers])
        except BusError:
            raise self._refused() from None
        self._live()
        for slot, header, table in zip(slots, headers, tables, strict=False):
            fetched[slot] = Command(slot, header, table)
        self._fetch_prds()
        read_ahead(dma, fetched.values())
        self._live()

    def _fetch_prds(self) -> None:
        """Read what the indirect PRDs of several commands point to in one go."""
        wanted = [
            (command, more)
            for command in self._fetched.values()
            if (more := command.more_prds()) is not None
        ]
        if not wanted:
            return
        try:
            tables = self._host.dma.read_many([more for _, more in wanted])
        except BusError:
            return  # each command meets its own refusal when it gets that far
        self._live()
        for (command, _), table in zip(wanted, tables, strict=True):
            command.add_prds(table)

    def _flush(self, batch: Batch) -> bool:
        """Memory first, registers when it has taken everything; whether the port can go on."""
        if self.epoch != batch.epoch:
            return False
        data = batch.data
        data.extend(batch.statuses.items())
        if data:
            try:
                self._host.dma.write_many(data)
            except BusError:
                batch.fail(_MASTER_ERR)
            if self.epoch != batch.epoch:
                return False
        self._commit(batch)
        return not batch.fatal

    def _commit(self, batch: Batch) -> None:
        state = self._host.state
        ended = batch.completed | batch.cer
        state.cqr &= ~(batch.given | batch.dropped)
        state.car = (state.car & ~batch.dropped | batch.given) & ~ended
        state.queued = (state.queued & ~batch.dropped | batch.queued) & ~ended
        state.ccr |= batch.completed
        state.cer |= batch.cer
        state.der |= batch.der
        state.hstatus |= batch.hstatus
        state.serr |= batch.serr
        state.sntf |= batch.sntf
        if batch.sig is not None:
            state.sig = batch.sig
        if batch.fatal:
            state.halted = True
            self._fetched.clear()
        self.moderation.ended(
            batch.completed.bit_count(),
            batch.size,
            interrupts=bool(batch.completed and state.hcontrol & _CMD_COMPLETE),
        )
        if batch.completed:
            self._host.completed()
        self._host.changed()
