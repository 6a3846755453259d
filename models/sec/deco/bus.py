# SPDX-License-Identifier: MIT
"""The DECO's way to memory during one job: few round trips, in an order that nobody can tell apart.

Reads that can be foreseen are fetched together and kept until used; writes are gathered and sent
together. A read that touches a gathered write sends the writes first; a write drops what was
fetched ahead of the same bytes.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Final, Protocol

from models.sec.deco.errors import DecoError, ErrorCode
from testbed.remoteport.device import BusError, LinkError

__all__ = ["MAX_JOB_BYTES", "Bus", "Memory"]

MAX_JOB_BYTES: Final = 16 << 20
"""Bytes that one job may read, write and move; beyond, the watchdog ends it."""

_GATHER_BYTES: Final = 1 << 20
_GATHER_PIECES: Final = 1024
_KEPT: Final = 8


class Memory(Protocol):
    """Memory as a device sees it: `testbed.remoteport.device.Dma`, or a test's stand-in.

    BusError when refused, with `index` the first refused piece of a `_many`; LinkError when there
    is no machine at the other end.
    """

    def read(self, address: int, size: int) -> bytes: ...

    def write(self, address: int, data: bytes) -> None: ...

    def read_many(self, pieces: Sequence[tuple[int, int]]) -> list[bytes]: ...

    def write_many(self, pieces: Sequence[tuple[int, bytes]]) -> None: ...


class Bus:
    """One job's memory accesses. `index` is the word of the command at work: errors carry it."""

    def __init__(self, memory: Memory) -> None:
        self._memory = memory
        self.index = 0
        self.spent = 0
        self._ahead: list[tuple[int, bytes]] = []
        self._writes: list[tuple[int, bytes]] = []
        self._owners: list[int] = []
        self._gathered = 0

    def start(self) -> None:
        """Forget the job before."""
        self.index = 0
        self.spent = 0
        self._ahead.clear()
        self._drop()

    def spend(self, size: int) -> None:
        """Account for `size` bytes of work; the watchdog's error once a job had too much."""
        self.spent += size
        if self.spent > MAX_JOB_BYTES:
            raise DecoError(ErrorCode.WATCHDOG)

    def ahead(self, pieces: Sequence[tuple[int, int]]) -> None:
        """Fetch what the job will probably read; nothing happens where that is refused."""
        try:
            if len(pieces) == 1:
                data = [self._memory.read(*pieces[0])]
            else:
                data = self._memory.read_many(pieces)
        except (BusError, LinkError):
            return
        for (address, _), content in zip(pieces, data, strict=True):
            self.keep(address, content)

    def keep(self, address: int, content: bytes) -> None:
        """`content` lies at `address`: as if fetched ahead."""
        if len(self._ahead) < _KEPT:
            self._ahead.append((address, content))

    def fetched(self, address: int) -> bytes:
        """What was fetched ahead from `address` on; empty when nothing was."""
        for base, content in self._ahead:
            if base <= address < base + len(content):
                return content[address - base :]
        return b""

    def _cached(self, address: int, size: int) -> bytes | None:
        for base, content in self._ahead:
            offset = address - base
            if offset >= 0 and offset + size <= len(content):
                return content[offset : offset + size]
        return None

    def read(self, address: int, size: int) -> bytes:
        if not size:
            return b""
        self.spend(size)
        if self._ahead:
            content = self._cached(address, size)
            if content is not None:
                return content
        if self._writes:
            self._order(address, size)
        try:
            return self._memory.read(address, size)
        except (BusError, LinkError):
            raise DecoError(ErrorCode.DMA) from None

    def read_pieces(self, pieces: Sequence[tuple[int, int]]) -> bytes:
        """The pieces of a scatter/gather read, joined, with one round trip."""
        if len(pieces) == 1:
            return self.read(*pieces[0])
        found: list[bytes | None] = []
        missing: list[tuple[int, int]] = []
        for address, size in pieces:
            self.spend(size)
            content = self._cached(address, size) if self._ahead else None
            found.append(content)
            if content is None:
                missing.append((address, size))
                if self._writes:
                    self._order(address, size)
        if missing:
            try:
                fresh = iter(self._memory.read_many(missing))
            except (BusError, LinkError):
                raise DecoError(ErrorCode.DMA) from None
            return b"".join(next(fresh) if content is None else content for content in found)
        return b"".join(content for content in found if content is not None)

    def write(self, address: int, data: bytes) -> None:
        """Write `data`, soon; a refusal ends the job with the command that is at work now."""
        if not data:
            return
        self.spend(len(data))
        if self._ahead:
            end = address + len(data)
            self._ahead = [
                (base, content)
                for base, content in self._ahead
                if base >= end or base + len(content) <= address
            ]
        self._writes.append((address, data))
        self._owners.append(self.index)
        self._gathered += len(data)
        if self._gathered > _GATHER_BYTES or len(self._writes) > _GATHER_PIECES:
            self.flush()

    def flush(self) -> None:
        """Send what was gathered."""
        if not self._writes:
            return
        writes, owners = self._writes, self._owners
        self._writes, self._owners, self._gathered = [], [], 0
        try:
            if len(writes) == 1:
                self._memory.write(*writes[0])
            else:
                self._memory.write_many(writes)
        except BusError as refused:
            owner = owners[refused.index] if 0 <= refused.index < len(owners) else owners[0]
            raise DecoError(ErrorCode.DMA, owner) from None
        except LinkError:
            raise DecoError(ErrorCode.DMA, owners[0]) from None

    def _order(self, address: int, size: int) -> None:
        end = address + size
        for base, content in self._writes:
            if base < end and address < base + len(content):
                self.flush()
                return

    def _drop(self) -> None:
        self._writes.clear()
        self._owners.clear()
        self._gathered = 0
