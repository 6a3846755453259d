# SPDX-License-Identifier: MIT
"""The device's side of a connection: its DMA and its wires, and a nudge when it has work."""

from __future__ import annotations

from collections.abc import Sequence

from testbed.remoteport.codec import (
    MAX_DATA,
    POSTED,
    STATUS_MASK,
    STATUS_SHIFT,
    Capability,
    Interrupt,
    ProtocolError,
    Response,
    encode,
)
from testbed.remoteport.device import BusError, Device, LinkError
from testbed.remoteport.exchange import Access, Exchange
from testbed.remoteport.trace import Trace


class MachineLink:
    """A ServerLink over `exchange`; `peer` is what capabilities both sides have announced."""

    def __init__(
        self,
        exchange: Exchange,
        device: Device,
        *,
        chan: int,
        posted_wires: bool,
        trace: Trace | None,
    ) -> None:
        self.peer: frozenset[int] = frozenset()
        # The machine's lives, one for each reset or loaded state, and the one that the innermost
        # callback or work was begun in.
        self.life = 0
        self.begun_in = 0
        self._exchange = exchange
        self._device = device
        self._chan = chan
        self._posted_wires = posted_wires
        self._trace = trace

    @property
    def outlived(self) -> bool:
        """Whether the machine that the innermost callback or work belongs to is no more."""
        return self.begun_in != self.life

    def dma_read(self, address: int, size: int) -> bytes:
        if size <= MAX_DATA:
            return self._dma((Access(False, address, size),))[0] if size else b""
        return b"".join(
            self._dma((Access(False, address + done, min(MAX_DATA, size - done)),))[0]
            for done in range(0, size, MAX_DATA)
        )

    def dma_write(self, address: int, data: bytes, byte_enable: bytes | None) -> None:
        data = bytes(data)
        if byte_enable is not None and not byte_enable:
            raise ValueError("DMA write: the byte enable is empty; give None for all bytes")
        if byte_enable is not None and (
            Capability.BUSACCESS_EXT_BYTE_EN not in self.peer or len(byte_enable) > MAX_DATA
        ):
            for start, end in enabled_runs(len(data), byte_enable):
                self.dma_write(address + start, data[start:end], None)
            return
        step = MAX_DATA - (MAX_DATA % len(byte_enable) if byte_enable else 0)
        for done in range(0, len(data), step):
            part = data if len(data) <= step else data[done : done + step]
            enable = (byte_enable or b"")[: len(part)]
            self._dma((Access(True, address + done, len(part), part, enable),))

    def dma_read_many(self, pieces: Sequence[tuple[int, int]]) -> list[bytes]:
        return self._dma([Access(False, address, size) for address, size in pieces])

    def dma_write_many(self, pieces: Sequence[tuple[int, bytes]]) -> None:
        self._dma([Access(True, address, len(data), bytes(data)) for address, data in pieces])

    def work_deferred(self) -> None:
        if not self._exchange.on_thread:
            self._exchange.wake()

    def wire_changed(self, wire: int, level: bool) -> None:
        """Tell the peer. A peer that has gone learns the level when it is back: nothing raised."""
        exchange = self._exchange
        if exchange.error is not None:
            return
        id_ = exchange.next_id()
        flags = 0
        if Capability.WIRE_POSTED_UPDATES in self.peer:
            if self._posted_wires:
                flags = POSTED
            else:
                exchange.wire_sent(id_)
        if self._trace is not None:
            self._trace.wire(self._device, wire, level)
        try:
            exchange.send(encode(Interrupt(wire, int(level), id=id_, flags=flags, dev=self._chan)))
        except LinkError as error:
            exchange.fail(error)

    def _dma(self, accesses: Sequence[Access]) -> list[bytes]:
        """What was read by each access, none of which is empty or too big for a packet."""
        for index, access in enumerate(accesses):
            if access.address < 0 or access.address + access.size > 1 << 64:
                what = f"{access}: beyond a 64-bit address space"
                raise BusError(Response.ADDRESS_ERROR, what, index)
        on_thread = self._exchange.on_thread
        if on_thread:
            self._check_life(accesses)
        answers = self._exchange.transact(accesses, self._chan)
        refused: BusError | None = None
        for index, answer in enumerate(answers):
            write, address, size, _, _ = access = accesses[index]
            status = (answer.attributes & STATUS_MASK) >> STATUS_SHIFT
            if self._trace is not None:
                self._trace.dma(self._device, write, address, size, status)
            if status:
                if refused is None:
                    reason = Response(status).name.lower().replace("_", " ")
                    refused = BusError(Response(status), f"{access} refused: {reason}", index)
            elif not write and len(answer.data) != size:
                short = ProtocolError(
                    f"read response: len (of the access) holds {answer.size}, expected {size}"
                )
                self._exchange.fail(short)
                raise LinkError(f"{access}: {short}")
        if on_thread:
            self._check_life(accesses)
        if refused is not None:
            raise refused
        return [answer.data for answer in answers]

    def _check_life(self, accesses: Sequence[Access]) -> None:
        if self.outlived:
            raise LinkError(f"{accesses[0]}: the machine was reset meanwhile")


def enabled_runs(size: int, enable: bytes) -> list[tuple[int, int]]:
    """Start and end of each run of enabled bytes among `size`."""
    runs: list[tuple[int, int]] = []
    start = None
    for index in range(size):
        if enable[index % len(enable)]:
            start = index if start is None else start
        elif start is not None:
            runs.append((start, index))
            start = None
    if start is not None:
        runs.append((start, size))
    return runs
