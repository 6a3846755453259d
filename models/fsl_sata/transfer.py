# SPDX-License-Identifier: MIT
"""The controller's side of the link: what becomes of each frame that the device sends."""

from __future__ import annotations

import threading
from collections.abc import Sequence
from typing import Protocol

from models.ata.transport import (
    DmaSetup,
    LinkErrors,
    LinkLost,
    PioSetup,
    RegisterD2H,
    SetDeviceBits,
)
from models.fsl_sata.batch import Batch
from models.fsl_sata.command import HEADER_SIZE, Command, Header
from models.fsl_sata.registers import HCONTROL, HSTATUS, SLOTS
from models.fsl_sata.state import State
from models.sata.gathering import Gathering
from models.sata.memory import scatter
from models.sata.scr import serror_bits
from testbed.remoteport.device import BusError, Dma

_BUSY, _FAULT, _ERR = 0x88, 0x20, 0x01  # BSY and DRQ, DF, ERR of the Status register
_FATAL = HSTATUS.FATAL_ERR.mask
_MASTER_ERR = HSTATUS.MASTER_ERR.mask

_DATA_AT_ONCE = 2 << 20
"""Bytes that are held at the most before they go to memory, but for the last that came."""


def link_error_bits(kind: LinkErrors, fatal: bool) -> tuple[int, int]:
    """What an error of the link sets in SERROR and HSTATUS."""
    cause = 0
    if fatal:
        cause = _FATAL
        if LinkErrors.CRC in kind:
            cause |= HSTATUS.CRC_ERR_RX.mask
        if LinkErrors.HANDSHAKE in kind:
            cause |= HSTATUS.CRC_ERR_TX.mask
    return serror_bits(kind, fatal), cause


class Owner(Protocol):
    """The port, as its transfers see it."""

    state: State
    lock: threading.RLock

    @property
    def dma(self) -> Dma: ...

    def link_error(self, kind: LinkErrors, fatal: bool) -> None: ...


class Transfers(Gathering[Batch, Command]):
    """A `models.ata.transport.Transport` that gathers what it gets in a `Batch`."""

    _port: Owner

    # The device's side

    def send_register(self, fis: RegisterD2H) -> None:
        batch = self._live()
        state = self._port.state
        if state.update_signature:
            state.update_signature = False
            batch.sig = (fis.lba & 0xFFFFFF) << 8 | fis.count & 0xFF
            batch.hstatus |= HSTATUS.SIGNATURE.mask
        else:
            self._status_received(batch, fis.status, fis)

    def send_pio_setup(self, fis: PioSetup) -> None:
        batch = self._live()
        self._port.state.pio = (fis.error << 8 | fis.end_status, fis.transfer_count)
        self._pio_moved(batch, 0)

    def send_dma_setup(self, fis: DmaSetup) -> None:
        self._live()
        state = self._port.state
        if fis.tag >= SLOTS or not self._is_queued(fis.tag):
            self.link_error(LinkErrors.SEQUENCE, fatal=True)
            raise LinkLost("a DMA Setup FIS for no queued command")
        state.tag = fis.tag
        command = self._active.get(fis.tag) or self._fetch_again(fis.tag)
        if fis.offset != command.transferred:
            command.seek(fis.offset, self.read)

    def send_dma_activate(self) -> None:
        self._live()

    def send_set_device_bits(self, fis: SetDeviceBits) -> None:
        batch = self._live()
        if fis.notification:
            batch.sntf |= 1 << fis.pm_port
            batch.hstatus |= HSTATUS.SNOTIFY.mask
        tags = fis.sactive & self._queued(batch)
        while tags and not batch.fatal:
            tag = tags.bit_length() - 1
            tags ^= 1 << tag
            self._finished(batch, self._active.get(tag) or self._fetch_again(tag))
        if fis.status & _ERR and not batch.fatal:
            # Whose error it is the frame does not say, so no command is given it.
            self._failed(batch, self._queued(batch))

    def send_data(self, data: bytes) -> int:
        batch = self._live()
        count = len(data)
        command = self._target()
        begin = command.transferred
        pieces = command.take(count, self.read)
        taken = command.transferred - begin
        batch.data += scatter(data, pieces)
        batch.size += taken
        batch.held += taken
        if batch.held >= _DATA_AT_ONCE:
            self._write_data(batch)
        self._check_room(batch, taken, count)
        self._pio_moved(batch, count)
        return taken

    def receive_data(self, count: int) -> bytes:
        batch = self._live()
        command = self._target()
        if command.packet is not None and self._port.state.pio is not None:
            packet, command.packet = command.packet[:count], None
            self._pio_moved(batch, count)
            return packet
        begin = command.transferred
        pieces = command.take(count, self.read)
        taken = command.transferred - begin
        ahead = command.ahead
        if ahead is not None and begin + taken <= len(ahead):
            data = ahead[begin : begin + taken]
        elif pieces:
            data = b"".join(self.read_many(pieces))
        else:
            data = b""
        batch.size += taken
        self._check_room(batch, taken, count)
        self._pio_moved(batch, count)
        return data

    def link_error(self, kind: LinkErrors, fatal: bool) -> None:
        with self._port.lock:
            batch = self._batch
            if batch is None or batch.epoch != self.epoch:
                self._port.link_error(kind, fatal)
                return
            serr, hstatus = link_error_bits(kind, fatal)
            batch.serr |= serr
            batch.hstatus |= hstatus
            batch.fatal = batch.fatal or fatal

    # Memory

    def read(self, address: int, size: int) -> bytes:
        """Memory that a structure lies in; LinkLost after it was refused or all was aborted."""
        return self.read_many([(address, size)])[0]

    def read_many(self, pieces: Sequence[tuple[int, int]]) -> list[bytes]:
        """Several pieces of memory; as `read`."""
        try:
            data = self._port.dma.read_many(pieces)
        except BusError:
            raise self._refused() from None
        self._live()
        return data

    def _write_data(self, batch: Batch) -> None:
        data, batch.data = batch.data, []
        batch.held = 0
        try:
            self._port.dma.write_many(data)
        except BusError:
            batch.fail(_FATAL | _MASTER_ERR)
        self._live()

    def _refused(self) -> LinkLost:
        """Stop since memory refused an access."""
        batch = self._batch
        if batch is not None and batch.epoch == self.epoch:
            batch.hstatus |= _FATAL | _MASTER_ERR
            batch.fatal = True
        return LinkLost("the host's memory refused an access")

    # Commands

    def _with_device(self, batch: Batch) -> int:
        """The slots whose commands the device has, as things are in this piece of work."""
        state = self._port.state
        return (state.car & ~batch.dropped | batch.given) & ~(batch.completed | batch.cer)

    def _queued(self, batch: Batch) -> int:
        """Those among them that are queued in the device."""
        return (self._port.state.queued | batch.queued) & self._with_device(batch)

    def _is_queued(self, slot: int) -> bool:
        return bool(self._queued(self._live()) >> slot & 1)

    def _check_room(self, batch: Batch, taken: int, count: int) -> None:
        """The buffer was to have room for, or to hold, `count` bytes."""
        if taken < count:
            batch.hstatus |= _FATAL | HSTATUS.DATA_OVERRUN.mask
            batch.fatal = True

    def _fetch_again(self, slot: int) -> Command:
        state = self._port.state
        header = Header(self.read(state.chba + slot * HEADER_SIZE, HEADER_SIZE), 0)
        command = Command(slot, header, self.read(header.descriptor, header.size))
        command.seek(state.transfers.pop(slot, 0), self.read)
        self._active[slot] = command
        return command

    def _pio_moved(self, batch: Batch, count: int) -> None:
        """`count` bytes of the DRQ block that a PIO Setup FIS announced have moved."""
        state = self._port.state
        if state.pio is None or batch.fatal:
            return
        end, left = state.pio
        left -= count
        if left > 0:
            state.pio = (end, left)
            return
        state.pio = None
        self._status_received(batch, end & 0xFF, RegisterD2H(end & 0xFF, end >> 8))

    def _status_received(self, batch: Batch, status: int, fis: RegisterD2H) -> None:
        """The Status register, with or without BSY: whether a command has ended, and how."""
        state = self._port.state
        if (status & _BUSY and not status & _ERR) or state.current is None:
            return
        slot = state.current
        state.current = None
        command = self._active.get(slot) or self._fetch_again(slot)
        failed = status & (_ERR | _FAULT)
        if failed or state.hcontrol & HCONTROL.COPYOUT_STATFIS.mask:
            batch.status(command, fis)
        if failed:
            self._failed(batch, self._queued(batch) | 1 << slot)
        elif not command.header.fpdma:
            self._finished(batch, command)

    def _finished(self, batch: Batch, command: Command) -> None:
        """A command ended well, as the device says."""
        if command.transferred < command.header.total:
            batch.hstatus |= _FATAL | HSTATUS.DATA_UNDERRUN.mask
            batch.fatal = True
            return
        batch.completed |= 1 << command.slot
        self._active.pop(command.slot, None)

    def _failed(self, batch: Batch, slots: int) -> None:
        """The commands of these slots are in error, and those behind them wait for software."""
        devices = self._port.state.devices
        for slot in range(SLOTS):
            if slots >> slot & 1:
                self._active.pop(slot, None)
                batch.der |= 1 << devices[slot]
        batch.cer |= slots
