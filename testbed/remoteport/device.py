# SPDX-License-Identifier: MIT
"""What a hardware device model is written against. Knows nothing of sockets, QEMU or boards.

A model subclasses `Device`, names its regions and wires, and implements `read`, `write`, `reset`,
`save` and `load`. Callbacks run on the server's one thread with `lock` held; any other thread
(the line side of a UART, a disk's worker) takes `lock` before it touches the model's state.
"""

from __future__ import annotations

import threading
from dataclasses import dataclass
from typing import Any, ClassVar, Literal, Protocol

from testbed.remoteport.codec import Response
from testbed.remoteport.registers import RegisterMap, RegisterRef

__all__ = [
    "BusError",
    "Device",
    "Dma",
    "Link",
    "LinkError",
    "Region",
    "Response",
    "StateError",
]


class BusError(Exception):
    """A refused access: of a register by the model, or of memory by the machine.

    `status` is what the other side is told: `Response.GENERIC_ERROR` or `Response.ADDRESS_ERROR`.
    """

    def __init__(self, status: Response = Response.GENERIC_ERROR, message: str = "") -> None:
        super().__init__(message or status.name.lower().replace("_", " "))
        self.status = status


class LinkError(Exception):
    """A DMA that cannot take place: no QEMU is connected, or it left or fell silent meanwhile."""


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


class Dma:
    """A device's way to memory, through its IOMMU where it has one.

    Addresses are bus addresses. From inside a callback the connection is served meanwhile, so a
    callback can be entered again before its DMA returns. From another thread, do not hold `lock`
    when the DMA may reach the device's own registers: that access waits for the lock.
    """

    def __init__(self) -> None:
        self.link: Link | None = None

    def read(self, address: int, size: int) -> bytes:
        """`size` bytes from `address`. BusError when refused, LinkError when nobody answers."""
        link = self.link
        if link is None:
            raise LinkError(f"DMA read of {size} bytes at {address:#x}: no QEMU is connected")
        return link.dma_read(address, size)

    def write(self, address: int, data: bytes, byte_enable: bytes | None = None) -> None:
        """Write `data` at `address`; errors as `read`.

        `byte_enable` is repeated over the data: 0xff writes the byte, 0 leaves memory as it is.
        """
        link = self.link
        if link is None:
            raise LinkError(f"DMA write of {len(data)} bytes at {address:#x}: no QEMU is connected")
        link.dma_write(address, data, byte_enable)


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
