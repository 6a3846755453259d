# SPDX-License-Identifier: MIT
"""The command list engine: fetches command slots, gives them to the device, reports what is done.

All of it is the deferred work of `models.sata.worker`.
"""

from __future__ import annotations

from typing import Protocol

from models.ahci.batch import UFIS, Batch
from models.ahci.command import HEADER_SIZE, Command, Header
from models.ahci.registers import PxCMD, PxIS, PxTFD
from models.ahci.transfer import Owner, Transfers, link_error_bits
from models.ata.transport import AtaDevice, FisType, LinkErrors, LinkLost, RegisterH2D
from models.sata import worker
from models.sata.memory import read_ahead, read_until_refused
from models.sata.worker import SIZE_BUDGET, TIME_BUDGET, Worker
from testbed.remoteport.device import BusError

_BUSY = PxTFD.BSY.mask | PxTFD.DRQ.mask
_SDBS = PxIS.SDBS.mask
_HBFS, _HBDS = PxIS.HBFS.mask, PxIS.HBDS.mask
_ST, _FRE = PxCMD.ST.mask, PxCMD.FRE.mask
_COMMAND_FIS_DWORDS = RegisterH2D.SIZE // 4
_SRST = 0x04  # in Device Control


class Host(Owner, worker.Port, Protocol):
    """The port, as its engine sees it."""

    def link_awake(self, batch: Batch) -> None: ...

    def changed(self) -> None: ...


class Engine(Worker, Transfers):
    """Runs the command list of `port`."""

    def __init__(self, port: Host) -> None:
        Transfers.__init__(self, port)
        Worker.__init__(self, port)
        self._host = port
        self._fetched: dict[int, Command] = {}  # and not yet given to the device
        self._unknown: list[bytes] = []  # frames of an unknown type, to be received

    def transport(self) -> Engine:
        return self

    # What registers and lines ask for

    def rung(self) -> None:
        """PxCI was written. Queued commands alone may have to wait for more of their kind."""
        state = self._host.state
        outstanding = state.ci | state.sact
        self.ring(
            outstanding.bit_count(),
            at_once=bool(state.ci & ~state.sact) or outstanding == self._host.config.slot_mask,
        )

    def hurry(self) -> None:
        if self._host.state.ci:
            self.poke()

    def acknowledged(self) -> None:
        """PxIS.SDBS was cleared."""
        self.moderation.acknowledged()

    def abort(self) -> None:
        """End every transfer under way."""
        state = self._host.state
        self.epoch += 1
        self.moderation.forget()
        self._fetched.clear()
        self._active.clear()
        self._unknown.clear()
        state.transfers.clear()
        state.current = state.tag = state.pio = None

    def start(self) -> None:
        """Begin at slot 0 if PxCMD.ST asks for it and the port is ready (PxCMD.CR)."""
        state = self._host.state
        if (
            not state.running
            and state.cmd & _ST
            and state.cmd & _FRE
            and state.det == 3
            and not state.tfd & _BUSY
        ):
            state.running = True
            state.ccs = None
            self.poke()

    def stop(self) -> None:
        """PxCMD.ST was cleared. CR follows at once, or when the work under way has ended."""
        state = self._host.state
        self.abort()
        state.ci = state.sact = 0
        state.ccs = None
        state.halted = False
        state.running = state.running and self.busy

    def unknown_fis(self, frame: bytes) -> None:
        """Receive a frame whose type the controller does not know."""
        self._unknown.append(frame)
        self.poke()

    # Work

    def abandoned(self) -> None:
        # What was under way stays as the registers show it.
        self._fetched.clear()

    def settle(self) -> None:
        self._batch = None
        state = self._host.state
        if state.running and not state.cmd & _ST:
            state.running = False
        if state.receiving and not state.cmd & _FRE:
            state.receiving = False
        self.start()

    def rested(self, served: bool, epoch: int) -> None:
        state = self._host.state
        if epoch != self.epoch and state.running:
            self.poke()
        elif served and state.running and not state.halted and state.ci and not state.tfd & _BUSY:
            self.rung()  # for doorbells that rang while memory was awaited

    def serve(self) -> bool:
        state = self._host.state
        device = self._host.device
        batch = self._batch = Batch(self.epoch, state.tfd)
        again = False
        try:
            if self._unknown and state.det == 3:
                self._receive_unknown(batch)
            if device is None or state.det != 3:
                pass
            elif state.connecting:
                state.connecting = False
                state.update_signature = True
                device.comreset()
            elif state.running and not state.halted:
                again = self._run(batch, device)
        except LinkLost:
            again = True
        return self._flush(batch) and again

    def _run(self, batch: Batch, device: AtaDevice) -> bool:
        state = self._host.state
        self.moderation.begun((state.ci | state.sact).bit_count())
        until = self.now() + TIME_BUDGET
        self._fetch(batch)
        if state.ipm != 1 and (self._fetched or state.sact):
            self._host.link_awake(batch)
        more = self._issue_all(batch, device)
        working = self.step(
            device,
            until,
            lambda: not batch.fatal and self.epoch == batch.epoch and batch.size < SIZE_BUDGET,
        )
        return working or more

    def _waiting(self, batch: Batch) -> int:
        """The slots that can be given to the device now."""
        return 0 if batch.tfd & _BUSY else self._host.state.ci & ~batch.ci

    def _issue_all(self, batch: Batch, device: AtaDevice) -> bool:
        """Give fetched slots to the device, as long as it takes them; whether some are left."""
        fetched = self._fetched
        while fetched:
            if batch.fatal or self.epoch != batch.epoch or batch.tfd & _BUSY:
                return False
            if batch.size >= SIZE_BUDGET:
                return True
            self._issue(batch, device, fetched.pop(next(iter(fetched))))
        return False

    def _issue(self, batch: Batch, device: AtaDevice, command: Command) -> None:
        state = self._host.state
        slot = command.slot
        header = command.header
        frame = command.fis
        state.ccs = slot
        state.tag = state.pio = None
        state.transfers.pop(slot, None)
        if header.cfl != _COMMAND_FIS_DWORDS or header.bist or frame[0] != FisType.REGISTER_H2D:
            # The device answers R_ERR to a frame it cannot take, however often it is repeated.
            serr, _ = link_error_bits(LinkErrors.HANDSHAKE, False)
            batch.serr |= serr
            batch.is_ |= PxIS.INFS.mask
            batch.fatal = True
            return
        fis = RegisterH2D.from_bytes(frame[: RegisterH2D.SIZE])
        self._active[slot] = command
        if header.clear_busy:
            batch.ci |= 1 << slot
        else:
            batch.tfd |= PxTFD.BSY.mask
            state.current = slot
        if fis.is_command:
            device.command(fis)
        else:
            if fis.control & _SRST:
                state.update_signature = True
            device.control(fis)

    # Memory

    def _fetch(self, batch: Batch) -> None:
        """Read the command slots that wait, in the order they are to be issued."""
        state = self._host.state
        waiting = self._waiting(batch)
        fetched = self._fetched
        for slot in fetched:
            waiting &= ~(1 << slot)
        if not waiting:
            return
        first = 0 if state.ccs is None else state.ccs + 1
        if fetched:
            first = next(reversed(fetched)) + 1
        slots = [slot for slot in (*range(first, 32), *range(first)) if waiting >> slot & 1]
        mask = self._host.config.address_mask
        low, high = min(slots), max(slots)
        begin = (state.clb + low * HEADER_SIZE) & mask
        data = self.read(begin, (high - low + 1) * HEADER_SIZE)
        headers = [Header(data, (slot - low) * HEADER_SIZE, mask) for slot in slots]
        dma = self._host.dma
        try:
            tables = read_until_refused(dma, [(head.table, head.table_size) for head in headers])
        except BusError:
            raise self._refused(_HBFS) from None
        self._live()
        for slot, header, table in zip(slots, headers, tables, strict=False):
            fetched[slot] = Command(slot, header, table, mask)
        read_ahead(dma, fetched.values())
        self._live()

    def _receive_unknown(self, batch: Batch) -> None:
        frame = self._unknown.pop(0)
        serr, _ = link_error_bits(LinkErrors.UNKNOWN_FIS, False)
        batch.serr |= serr
        if self._host.state.receiving:
            batch.frames[UFIS] = _Raw(frame)
            batch.is_ |= PxIS.UFS.mask
        if self._unknown:
            self.poke()

    def _flush(self, batch: Batch) -> bool:
        """Memory first, registers when it has taken everything; whether the port can go on."""
        if self.epoch != batch.epoch:
            return False
        state = self._host.state
        data = batch.data
        count = len(data)
        data.extend(batch.structures(state.fb if state.receiving else None))
        if data:
            try:
                self._host.dma.write_many(data)
            except BusError as error:
                batch.fail(_HBDS if error.index < count else _HBFS)
            if self.epoch != batch.epoch:
                return False
        self._commit(batch)
        return not batch.fatal

    def _commit(self, batch: Batch) -> None:
        state = self._host.state
        state.tfd = batch.tfd
        state.is_ |= batch.is_
        state.serr |= batch.serr
        state.ci &= ~batch.ci
        state.sact &= ~batch.sact
        state.sntf |= batch.sntf
        if batch.sig is not None:
            state.sig = batch.sig
        if batch.fatal:
            state.halted = state.running
            self._fetched.clear()
        self.moderation.ended(
            batch.sact.bit_count(), batch.size, interrupts=bool(batch.is_ & state.ie & _SDBS)
        )
        self._host.changed()


class _Raw:
    """A frame that is only bytes."""

    def __init__(self, frame: bytes) -> None:
        self._frame = frame

    def to_bytes(self) -> bytes:
        return self._frame
