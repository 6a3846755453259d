# SPDX-License-Identifier: MIT
"""DMA through an IOMMU that is a model: translated here, carried by the device's own link.

What the IOMMU has to read of memory goes over that same link: no device waits for the connection,
the thread or the lock of another one.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Protocol

from testbed.remoteport.codec import MAX_DATA, Response
from testbed.remoteport.device import BusError, Link, ServerLink, one_by_one

__all__ = ["Fetch", "Piece", "TranslatedLink", "Translator"]

Piece = tuple[int, int]
"""Address and size in bytes."""
Fetch = Callable[[Sequence[Piece]], list[bytes | None]]
"""Reads pieces of memory by physical address; None for each that memory refuses."""


class Translator(Protocol):
    """What an IOMMU does for one device."""

    def translate(
        self, pieces: Sequence[Piece], write: bool, fetch: Fetch
    ) -> list[list[Piece] | BusError]:
        """For each piece of bus addresses: where it lies in memory, or why it is refused.

        The parts of a piece are in order, and as long together as the piece is. Pieces are not
        empty and lie within 64 bits.
        """
        ...


class TranslatedLink:
    """A ServerLink whose addresses are bus addresses, over `link`, whose are physical.

    A piece of which some byte is refused is not transferred at all; the others of a batch are.
    Where several pieces are refused, the error is that of the first, by the IOMMU or by memory.
    """

    def __init__(self, link: Link, translator: Translator) -> None:
        self._link = link
        self._server = link if isinstance(link, ServerLink) else None
        self._translator = translator

    def dma_read(self, address: int, size: int) -> bytes:
        return self.dma_read_many([(address, size)])[0] if size else b""

    def dma_write(self, address: int, data: bytes, byte_enable: bytes | None) -> None:
        if byte_enable is None:
            if data:
                self.dma_write_many([(address, data)])
            return
        if not byte_enable or not data:
            self._link.dma_write(address, data, byte_enable)
            return
        placed = _Placed(self._translate([(address, len(data))], write=True))
        placed.raise_refusal()
        done = 0
        for where, size in placed.parts:
            turn = done % len(byte_enable)
            enable = byte_enable[turn:] + byte_enable[:turn]
            self._link.dma_write(where, data[done : done + size], enable)
            done += size

    def dma_read_many(self, pieces: Sequence[Piece]) -> list[bytes]:
        placed = _Placed(self._translate(pieces, write=False))
        parts: list[bytes] = []
        try:
            parts = self._read(placed.parts)
        except BusError as error:
            placed.refused_by_memory(error)
        placed.raise_refusal()
        if len(parts) == len(pieces):
            return parts
        joined = [bytearray() for _ in pieces]
        for owner, part in zip(placed.owners, parts, strict=True):
            joined[owner] += part
        return [bytes(data) for data in joined]

    def dma_write_many(self, pieces: Sequence[tuple[int, bytes]]) -> None:
        placed = _Placed(
            self._translate([(address, len(data)) for address, data in pieces], write=True)
        )
        done = [0] * len(pieces)
        parts: list[tuple[int, bytes]] = []
        for owner, (where, size) in zip(placed.owners, placed.parts, strict=True):
            start = done[owner]
            done[owner] = start + size
            parts.append((where, pieces[owner][1][start : start + size]))
        try:
            self._write(parts)
        except BusError as error:
            placed.refused_by_memory(error)
        placed.raise_refusal()

    def work_deferred(self) -> None:
        if self._server is not None:
            self._server.work_deferred()

    def wire_changed(self, wire: int, level: bool) -> None:
        self._link.wire_changed(wire, level)

    def _translate(self, pieces: Sequence[Piece], *, write: bool) -> list[list[Piece] | BusError]:
        for index, (address, size) in enumerate(pieces):
            if address < 0 or address + size > 1 << 64:
                verb = "write" if write else "read"
                what = f"DMA {verb} of {size} bytes at {address:#x}: beyond a 64-bit address space"
                raise BusError(Response.ADDRESS_ERROR, what, index)
        return self._translator.translate(pieces, write, self._fetch)

    # Physical addresses

    def _fetch(self, pieces: Sequence[Piece]) -> list[bytes | None]:
        try:
            return list(self._read(pieces))
        except BusError:
            return [self._fetch_one(*piece) for piece in pieces]

    def _fetch_one(self, address: int, size: int) -> bytes | None:
        try:
            return self._link.dma_read(address, size)
        except BusError:
            return None

    def _read(self, pieces: Sequence[Piece]) -> list[bytes]:
        """BusError, with the index of the first refused, after all were tried."""
        if self._server is not None:
            return self._server.dma_read_many(pieces) if pieces else []
        return one_by_one(self._link.dma_read, pieces)

    def _write(self, pieces: Sequence[tuple[int, bytes]]) -> None:
        if self._server is not None:
            if pieces:
                self._server.dma_write_many(pieces)
            return
        one_by_one(lambda address, data: self._link.dma_write(address, data, None), pieces)


class _Placed:
    """Parts in memory, none bigger than a packet, the piece that each belongs to, and refusals."""

    def __init__(self, translated: Sequence[list[Piece] | BusError]) -> None:
        self.parts: list[Piece] = []
        self.owners: list[int] = []
        self._refused: BusError | None = None
        for owner, places in enumerate(translated):
            if isinstance(places, BusError):
                self._refuse(places, owner)
                continue
            for address, size in places:
                for done in range(0, size, MAX_DATA):
                    self.parts.append((address + done, min(MAX_DATA, size - done)))
                    self.owners.append(owner)

    def refused_by_memory(self, error: BusError) -> None:
        self._refuse(error, self.owners[error.index])

    def raise_refusal(self) -> None:
        if self._refused is not None:
            raise self._refused

    def _refuse(self, error: BusError, index: int) -> None:
        error.index = index
        if self._refused is None or index < self._refused.index:
            self._refused = error
