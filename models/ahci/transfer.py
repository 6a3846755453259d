# SPDX-License-Identifier: MIT
"""The controller's side of the link: what becomes of each frame that the device sends."""

from __future__ import annotations

import threading
from collections.abc import Sequence
from typing import Protocol

from models.ahci.batch import DSFIS, PSFIS, RFIS, Batch
from models.ahci.command import HEADER_SIZE, BadPrd, Command, Header
from models.ahci.config import Config
from models.ahci.registers import PxIS, PxTFD
from models.ahci.state import PortState
from models.ata.transport import (
    DmaSetup,
    LinkErrors,
    LinkLost,
    PioSetup,
    RegisterD2H,
    SetDeviceBits,
)
from models.sata.gathering import Gathering
from models.sata.memory import scatter
from models.sata.scr import serror_bits
from testbed.remoteport.device import BusError, Dma

BSY = PxTFD.BSY.mask
DRQ = PxTFD.DRQ.mask
ERR = PxTFD.ERROR.mask
_BUSY = BSY | DRQ
_DHRS, _PSS, _DSS, _SDBS, _DPS = (
    field.mask for field in (PxIS.DHRS, PxIS.PSS, PxIS.DSS, PxIS.SDBS, PxIS.DPS)
)
_TFES, _HBFS, _HBDS, _IFS = (field.mask for field in (PxIS.TFES, PxIS.HBFS, PxIS.HBDS, PxIS.IFS))

_DATA_AT_ONCE = 2 << 20
"""Bytes that are held at the most before they go to memory, but for the last that came."""


def link_error_bits(kind: LinkErrors, fatal: bool) -> tuple[int, int]:
    """What an error of the link sets in PxSERR and PxIS."""
    return serror_bits(kind, fatal), PxIS.IFS.mask if fatal else PxIS.INFS.mask


class Owner(Protocol):
    """The port, as its transfers see it."""

    config: Config
    state: PortState
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
        if not state.receiving and not state.update_signature:
            return
        status = fis.status
        batch.tfd = fis.error << 8 | status
        if state.update_signature:
            state.update_signature = False
            batch.sig = (fis.lba & 0xFFFFFF) << 8 | fis.count & 0xFF
        batch.frames[RFIS] = fis
        if fis.interrupt and state.receiving:
            batch.is_ |= _DHRS
        self._status_received(batch, status)

    def send_pio_setup(self, fis: PioSetup) -> None:
        batch = self._live()
        batch.tfd = fis.error << 8 | fis.status
        batch.frames[PSFIS] = fis
        end = fis.error << 8 | fis.end_status
        self._port.state.pio = (end, fis.transfer_count, fis.interrupt)
        self._pio_moved(batch, 0)

    def send_dma_setup(self, fis: DmaSetup) -> None:
        batch = self._live()
        tag = fis.tag & 0x1F
        batch.frames[DSFIS] = fis
        if fis.interrupt:
            batch.is_ |= _DSS
        self._port.state.tag = tag
        command = self._active.get(tag) or self._fetch_again(tag)
        if fis.offset != command.transferred:
            try:
                command.seek(fis.offset, self.read)
            except BadPrd:
                raise self._refused(_HBFS) from None

    def send_dma_activate(self) -> None:
        self._live()

    def send_set_device_bits(self, fis: SetDeviceBits) -> None:
        batch = self._live()
        status = fis.status
        batch.tfd = fis.error << 8 | batch.tfd & 0x88 | status & 0x77
        batch.set_device_bits(fis)
        if fis.interrupt:
            batch.is_ |= _SDBS
        if fis.notification:
            batch.sntf |= 1 << fis.pm_port
        active = self._active
        tags = fis.sactive
        while tags:
            tag = tags.bit_length() - 1
            tags ^= 1 << tag
            active.pop(tag, None)
        if status & ERR:
            batch.is_ |= _TFES
            batch.fatal = True

    def send_data(self, data: bytes) -> int:
        batch = self._live()
        count = len(data)
        if self._port.state.tag is None:
            batch.unqueued = True
        pieces, taken = self._take(batch, count, to_device=False)
        batch.data += scatter(data, pieces)
        batch.size += taken
        batch.held += taken
        if batch.held >= _DATA_AT_ONCE:
            self._write_data(batch)
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
        pieces, taken = self._take(batch, count, to_device=True)
        ahead = command.ahead
        if ahead is not None and begin + taken <= len(ahead):
            data = ahead[begin : begin + taken]
        elif pieces:
            data = b"".join(self.read_many(pieces, _HBDS))
        else:
            data = b""
        batch.size += taken
        self._pio_moved(batch, count)
        return data

    def link_error(self, kind: LinkErrors, fatal: bool) -> None:
        with self._port.lock:
            batch = self._batch
            if batch is None or batch.epoch != self.epoch:
                self._port.link_error(kind, fatal)
                return
            serr, is_ = link_error_bits(kind, fatal)
            batch.serr |= serr
            batch.is_ |= is_
            batch.fatal = batch.fatal or fatal

    # Memory

    def read(self, address: int, size: int) -> bytes:
        """Memory that a structure lies in; LinkLost after it was refused or all was aborted."""
        try:
            data = self._port.dma.read(address, size)
        except BusError:
            raise self._refused(_HBFS) from None
        self._live()
        return data

    def read_many(self, pieces: Sequence[tuple[int, int]], refusal: int) -> list[bytes]:
        """Several pieces of memory; `refusal` is the PxIS bit when one is refused."""
        try:
            data = self._port.dma.read_many(pieces)
        except BusError:
            raise self._refused(refusal) from None
        self._live()
        return data

    def _write_data(self, batch: Batch) -> None:
        data, batch.data = batch.data, []
        batch.held = 0
        try:
            self._port.dma.write_many(data)
        except BusError:
            batch.fail(_HBDS)
        self._live()

    def _refused(self, bit: int) -> LinkLost:
        """Stop at a host bus error: PxIS bit HBFS or HBDS."""
        batch = self._batch
        if batch is not None and batch.epoch == self.epoch:
            batch.is_ |= bit
            batch.fatal = True
        return LinkLost("the host's memory refused an access")

    # Commands

    def _take(
        self, batch: Batch, count: int, *, to_device: bool
    ) -> tuple[list[tuple[int, int]], int]:
        """Where the next `count` bytes lie in memory, and how many of them there is room for."""
        command = self._target()
        if command.header.write is not to_device:
            self.link_error(LinkErrors.TRANSPORT, fatal=True)
            raise LinkLost("data against the direction of the command header")
        begin = command.transferred
        try:
            pieces, interrupt = command.take(count, self.read)
        except BadPrd:
            raise self._refused(_HBFS) from None
        if interrupt:
            batch.is_ |= _DPS
        taken = command.transferred - begin
        if taken < count:
            batch.is_ |= PxIS.OFS.mask
        return pieces, taken

    def _fetch_again(self, slot: int) -> Command:
        port = self._port
        mask = port.config.address_mask
        address = (port.state.clb + slot * HEADER_SIZE) & mask
        header = Header(self.read(address, HEADER_SIZE), 0, mask)
        command = Command(slot, header, self.read(header.table, header.table_size), mask)
        try:
            command.seek(port.state.transfers.pop(slot, 0), self.read)
        except BadPrd:
            raise self._refused(_HBFS) from None
        self._active[slot] = command
        return command

    def _pio_moved(self, batch: Batch, count: int) -> None:
        """`count` bytes of the DRQ block that a PIO Setup FIS announced have moved."""
        state = self._port.state
        if state.pio is None:
            return
        end, left, interrupt = state.pio
        left -= count
        if left > 0:
            state.pio = (end, left, interrupt)
            return
        state.pio = None
        batch.tfd = end
        if interrupt:
            batch.is_ |= _PSS
        self._status_received(batch, end & 0xFF)

    def _status_received(self, batch: Batch, status: int) -> None:
        state = self._port.state
        if status & _BUSY and not status & ERR:
            return
        slot = state.current
        if slot is not None:
            command = self._active.get(slot)
            if command is not None and command.transferred:
                batch.transferred(state.clb + slot * HEADER_SIZE, command.transferred)
        if status & ERR:
            batch.is_ |= _TFES
            batch.fatal = state.running
            return
        if slot is not None:
            state.current = None
            batch.ci |= 1 << slot
            if not state.sact >> slot & 1:
                self._active.pop(slot, None)
