# SPDX-License-Identifier: MIT
"""What a hardware device model is written against. Knows nothing of sockets, QEMU or boards.

A model subclasses `Device`, names its regions and wires, and implements `read`, `write`, `reset`,
`save` and `load`. Callbacks run on the server's one thread with `lock` held; any other thread
(the line side of a UART, a disk's worker) takes `lock` before it touches the model's state.
"""

from __future__ import annotations

import threading
from collections import deque
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any, ClassVar, Literal, Protocol, TypeVar, runtime_checkable

from testbed.remoteport.codec import MAX_DATA, Response
from testbed.remoteport.registers import RegisterMap, RegisterRef

__all__ = [
    "BusError",
    "Device",
    "Dma",
    "Iommu",
    "Link",
    "LinkError",
    "Region",
    "Response",
    "ServerLink",
    "StateError",
    "one_by_one",
]

_Content = TypeVar("_Content", int, bytes)
_Result = TypeVar("_Result")


class BusError(Exception):
    """A refused access: of a register by the model, or of memory by the machine.

    `status` is what the other side is told: `Response.GENERIC_ERROR` or `Response.ADDRESS_ERROR`.
    `index` is the first piece of `Dma.read_many` or `Dma.write_many` that was refused.
    """

    def __init__(
        self, status: Response = Response.GENERIC_ERROR, message: str = "", index: int = 0
    ) -> None:
        super().__init__(message or status.name.lower().replace("_", " "))
        self.status = status
        self.index = index


class LinkError(Exception):
    """A DMA that cannot take place: no QEMU is connected, or it left or fell silent meanwhile.

    Also what ends a callback or deferred work whose machine was reset, or given another state,
    while its DMA was awaited: the transfer belongs to a machine that is no more.
    """


class StateError(ValueError):
    """A saved state that does not fit the model. The message names the field and what it held."""


@dataclass(frozen=True)
class Region:
    """One MMIO region: `size` in bytes, offsets counted from its start."""

    name: str
    size: int
    registers: RegisterMap | None = None


class Link(Protocol):
    """What carries a device's DMA and wires: a server, or a stand-in in a model's unit test."""

    def dma_read(self, address: int, size: int) -> bytes: ...

    def dma_write(self, address: int, data: bytes, byte_enable: bytes | None) -> None: ...

    def wire_changed(self, wire: int, level: bool) -> None: ...


@runtime_checkable
class ServerLink(Link, Protocol):
    """A link that can have many requests under way, and a thread that runs deferred work.

    No piece is empty, more than a packet carries, or beyond a 64-bit address space.
    """

    def dma_read_many(self, pieces: Sequence[tuple[int, int]]) -> list[bytes]: ...

    def dma_write_many(self, pieces: Sequence[tuple[int, bytes]]) -> None: ...

    def work_deferred(self) -> None: ...


class Iommu(Protocol):
    """What stands between a device and memory, when that is a model and not in the machine.

    `testbed.remoteport.iommu` makes the link of one that only has to translate.
    """

    def over(self, link: Link) -> Link:
        """What carries the device's transfers over `link`; a ServerLink where that is one."""
        ...


def _fits(address: int, size: int) -> bool:
    """Whether a piece can be asked for in one packet."""
    return 0 < size <= MAX_DATA and 0 <= address <= (1 << 64) - size


def one_by_one(
    transfer: Callable[[int, _Content], _Result], pieces: Sequence[tuple[int, _Content]]
) -> list[_Result]:
    """What each transfer gives. After all: BusError, with the index of the first refused."""
    results: list[_Result] = []
    refused: BusError | None = None
    for index, (address, content) in enumerate(pieces):
        try:
            results.append(transfer(address, content))
        except BusError as error:
            error.index = index
            refused = refused or error
    if refused is not None:
        raise refused
    return results


class Dma:
    """A device's way to memory, through its IOMMU where it has one.

    Addresses are bus addresses. From inside a callback the connection is served meanwhile, so a
    callback can be entered again before its DMA returns. From another thread, do not hold `lock`
    when the DMA may reach the device's own registers: that access waits for the lock.
    """

    def __init__(self) -> None:
        self._iommu: Iommu | None = None
        self.link = None

    @property
    def link(self) -> Link | None:
        """The way to the machine; None when no QEMU is connected."""
        return self._link

    @link.setter
    def link(self, link: Link | None) -> None:
        self._link = link
        self._connect()

    @property
    def iommu(self) -> Iommu | None:
        """A model that translates the transfers before they go over `link`; None without one."""
        return self._iommu

    @iommu.setter
    def iommu(self, iommu: Iommu | None) -> None:
        self._iommu = iommu
        self._connect()

    def _connect(self) -> None:
        link = self._link
        if link is not None and self._iommu is not None:
            link = self._iommu.over(link)
        self._carrier = link
        self.server = link if isinstance(link, ServerLink) else None

    def read(self, address: int, size: int) -> bytes:
        """`size` bytes from `address`. BusError when refused, LinkError when nobody answers."""
        link = self._carrier
        if link is None:
            raise LinkError(f"DMA read of {size} bytes at {address:#x}: no QEMU is connected")
        return link.dma_read(address, size)

    def write(self, address: int, data: bytes, byte_enable: bytes | None = None) -> None:
        """Write `data` at `address`; errors as `read`.

        `byte_enable` is repeated over the data: 0xff writes the byte, 0 leaves memory as it is.
        """
        link = self._carrier
        if link is None:
            raise LinkError(f"DMA write of {len(data)} bytes at {address:#x}: no QEMU is connected")
        link.dma_write(address, data, byte_enable)

    def read_many(self, pieces: Sequence[tuple[int, int]]) -> list[bytes]:
        """The bytes of each piece, an (address, size) pair: one wait instead of one for each.

        The pieces are read in order. A refused one does not keep the others from being read:
        BusError, with the `index` of the first, comes after all answers. LinkError as `read`.
        """
        server = self.server
        if server is not None and all(_fits(address, size) for address, size in pieces):
            return server.dma_read_many(pieces)
        return one_by_one(self.read, pieces)

    def write_many(self, pieces: Sequence[tuple[int, bytes]]) -> None:
        """Write each piece, an (address, data) pair, in order; errors as `read_many`."""
        server = self.server
        if server is not None and all(_fits(address, len(data)) for address, data in pieces):
            server.dma_write_many(pieces)
            return
        one_by_one(self.write, pieces)


class Device:
    """Base of every model. `name` stands in traces and errors.

    `byteorder` is how register values lie in memory: the value of a 4-byte write of 00 00 00 01
    is 1 for "big", 0x01000000 for "little".
    """

    regions: ClassVar[tuple[Region, ...]] = ()
    wires: ClassVar[tuple[str, ...]] = ("interrupt",)

    def __init__(self, name: str, byteorder: Literal["little", "big"] = "little") -> None:
        self.name = name
        self.byteorder: Literal["little", "big"] = byteorder
        self.lock = threading.RLock()
        self.dma = Dma()
        self._levels = [False] * len(self.wires)
        self._wire_index = {wire: index for index, wire in enumerate(self.wires)}
        # Not `lock`: a level must reach the link in the order it was set even when the line side
        # sets it without holding the model's lock.
        self._wire_lock = threading.RLock()
        self._link: Link | None = None
        self._deferred: deque[tuple[Callable[[], None], bool]] = deque()

    def read(self, region: int, offset: int, size: int) -> int:
        """A register read of `size` bytes (1 to 8) at `offset` of `regions[region]`.

        Raises BusError to refuse it. Any other exception is a failure of the model.
        """
        raise BusError(Response.ADDRESS_ERROR, f"{self.name}: no register at {offset:#x}")

    def write(self, region: int, offset: int, size: int, value: int) -> None:
        """A register write; as `read`."""
        raise BusError(Response.ADDRESS_ERROR, f"{self.name}: no register at {offset:#x}")

    def reset(self) -> None:
        """Power-on or reset of the machine. The base lowers every wire."""
        for wire in range(len(self.wires)):
            self.set_wire(wire, False)

    def save(self) -> dict[str, Any]:
        """The model's state as JSON-able data. Wire levels are kept by the server, not here."""
        return {}

    def load(self, state: dict[str, Any]) -> None:
        """Take over a state that `save` made; StateError, and nothing changed, when it is bad."""
        if state:
            raise StateError(
                f"{self.name}: field {sorted(state)[0]!r} in the state of a device that keeps none"
            )

    def set_wire(self, wire: int | str, level: bool) -> None:
        """Drive a wire, named or by index, from any thread. Only changes are sent."""
        index = self._index(wire)
        with self._wire_lock:
            if self._levels[index] != level:
                self._levels[index] = bool(level)
                if self._link is not None:
                    self._link.wire_changed(index, bool(level))

    def wire_level(self, wire: int | str) -> bool:
        """The level last driven."""
        return self._levels[self._index(wire)]

    def defer(self, work: Callable[[], None], *, before_answer: bool = False) -> None:
        """Run `work` soon, on the server's thread, with `lock` held. From any thread.

        It runs after the register access in progress has been answered, when no packet waits (or
        too many have come in a row), in the order deferred; not inside a callback or other work.
        Register accesses can come in while it awaits DMA, and it may defer again. An exception is
        a failure of the model, as in a callback. While no QEMU is connected it is kept.

        `before_answer`: the access in progress is answered only after it, so the machine's CPU
        stands still meanwhile, but serves the DMA itself. For short jobs: a millisecond after the
        first none is begun any more, and what is left, or is deferred elsewhere than in a register
        access, runs as other work.
        Eight reads of 64 bytes, one after another, from the write of a doorbell on, medians of
        several runs in us, two processors:
          machine's CPU after the doorbell        halted        busy
          in the callback, or before_answer       95 - 110     95 - 140
          deferred                               155 - 280    230 - 300

        Before the model's state is saved, and before a machine that stops is at rest, all of it
        is run. What has not begun is dropped by a reset of the machine, before `reset` is called,
        by loading a state, and when QEMU leaves. What has begun gets LinkError from its DMA then.
        """
        self._deferred.append((work, before_answer))
        server = self.dma.server
        if server is not None:
            server.work_deferred()

    def quiesce(self) -> None:
        """The machine is about to stop, or its state to be saved: defer what waits for its time.

        For a model that puts DMA off by its own clock: such work must not come while the machine
        is at rest. What is deferred here is run before. The base does nothing.
        """

    def run_deferred(self, limit: int | None = None) -> int:
        """Run deferred work until none is left, or `limit` pieces of it; how many ran.

        For unit tests: with a QEMU connected, the server does it.
        """
        count = 0
        while self._deferred and (limit is None or count < limit):
            work, _ = self._deferred.popleft()
            count += 1
            with self.lock:
                work()
        return count

    @property
    def deferred(self) -> int:
        """How many pieces of work are waiting."""
        return len(self._deferred)

    @property
    def due_before_answer(self) -> bool:
        """Whether the next piece of work is to run before the access is answered."""
        return bool(self._deferred) and self._deferred[0][1]

    def drop_deferred(self, count: int) -> None:
        """Forget the `count` oldest pieces of the work that waits."""
        for _ in range(count):
            self._deferred.popleft()

    def register_at(self, region: int, offset: int, size: int, write: bool) -> RegisterRef | None:
        """The register an access reaches, for traces; None when nothing is known about it.

        The default looks in the region's RegisterMap. A model whose map depends on its state
        (DLAB of a 16550) overrides it. Called before the access takes place.
        """
        if not 0 <= region < len(self.regions):
            return None
        registers = self.regions[region].registers
        if registers is None:
            return None
        return registers.find(offset, size, write, self.byteorder)

    def attach(self, link: Link) -> None:
        """Carry DMA and wires over `link` from now on; the level of every wire is sent at once."""
        with self._wire_lock:
            self._link = link
            self.dma.link = link
            self.send_wires()

    def detach(self, link: Link) -> None:
        """Stop using `link`; nothing happens when the device has gone on to another."""
        with self._wire_lock:
            if self._link is link:
                self._link = None
                self.dma.link = None
                self._deferred.clear()

    def send_wires(self) -> None:
        """Send the level of every wire again, changed or not."""
        with self._wire_lock:
            if self._link is not None:
                for index, level in enumerate(self._levels):
                    self._link.wire_changed(index, level)

    def _index(self, wire: int | str) -> int:
        index = self._wire_index.get(wire, -1) if isinstance(wire, str) else wire
        if not 0 <= index < len(self.wires):
            names = ", ".join(self.wires) or "none"
            raise ValueError(f"{self.name}: no wire {wire!r}; there is {names}")
        return index
