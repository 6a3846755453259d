# SPDX-License-Identifier: MIT
"""The machine's side of a connection, for tests and tools: what the bridge is in a QEMU.

Synchronous and without a thread: what the model sends is handled while this side waits for an
answer, or in `poll`.
"""

from __future__ import annotations

import itertools
import json
import socket
from pathlib import Path
from typing import Any, Literal

from testbed.deadline import Deadline
from testbed.remoteport.closing import Closing
from testbed.remoteport.codec import (
    EXT_BASE,
    POSTED,
    RESET_VECTOR,
    RESPONSE,
    STATE_DEV,
    BusAccess,
    Capability,
    Hello,
    Interrupt,
    Packet,
    ProtocolError,
    Response,
    Sync,
    answer_to,
    encode,
    packet_name,
)
from testbed.remoteport.device import BusError, LinkError
from testbed.remoteport.stream import Stream, connect

ALL_CAPABILITIES = (
    int(Capability.BUSACCESS_EXT_BASE),
    int(Capability.BUSACCESS_EXT_BYTE_EN),
    int(Capability.WIRE_POSTED_UPDATES),
)


class Client(Closing):
    """A connected machine with `memory` at bus address `memory_base`.

    `wires` holds the level of each wire the model has sent, `wire_changes` every update in order.
    Waits end after `timeout` seconds with LinkError. `extended` sends accesses in the extended
    layout.
    """

    def __init__(
        self,
        sock: socket.socket,
        *,
        memory: bytearray | None = None,
        memory_base: int = 0,
        chan: int = 0,
        byteorder: Literal["little", "big"] = "little",
        capabilities: tuple[int, ...] | None = ALL_CAPABILITIES,
        extended: bool = False,
        timeout: float = 10.0,
        spin: int = 0,
    ) -> None:
        self.memory = bytearray() if memory is None else memory
        self.memory_base = memory_base
        self.byteorder: Literal["little", "big"] = byteorder
        self.wires: dict[int, bool] = {}
        self.wire_changes: list[tuple[int, bool]] = []
        self.dma: list[tuple[str, int, int]] = []  # ("read" or "write", address, size)
        self.peer: Hello | None = None
        self._chan = chan
        self._capabilities = capabilities
        self._attributes = EXT_BASE if extended else 0
        self._ids = itertools.count(1)
        self._answers: dict[int, BusAccess | Interrupt | Sync] = {}
        self._waiting: set[int] = set()
        self._stream = Stream(sock, timeout=timeout, spin=spin)

    @classmethod
    def connect(cls, path: Path, **options: Any) -> Client:
        """Connect to the server at `path` and exchange hellos; `options` as of the class."""
        client = cls(connect(path), **options)
        try:
            client.hello()
        except BaseException:
            client.close()
            raise
        return client

    def hello(self) -> Hello:
        """Send this side's hello and wait for the other's."""
        self.send(Hello(capabilities=self._capabilities, dev=self._chan))
        deadline = Deadline(self._stream.timeout)
        while self.peer is None:
            self._handle(self._next(deadline, "hello"))
        return self.peer

    # Registers

    def read(self, region: int, offset: int, size: int) -> int:
        """A register read; BusError when the model refuses it."""
        return int.from_bytes(self.read_bytes(region, offset, size), self.byteorder)

    def write(
        self, region: int, offset: int, size: int, value: int, *, posted: bool = False
    ) -> None:
        """A register write; without waiting for an answer when `posted`."""
        data = value.to_bytes(size, self.byteorder)
        self.write_bytes(region, offset, data, posted=posted)

    def read_bytes(self, region: int, offset: int, size: int) -> bytes:
        """`size` bytes in address order."""
        return self._access(False, self._chan + region, offset, size, b"").data

    def write_bytes(
        self,
        region: int,
        offset: int,
        data: bytes,
        *,
        byte_enable: bytes = b"",
        posted: bool = False,
    ) -> None:
        """Write `data` in address order."""
        dev = self._chan + region
        if not posted:
            self._access(True, dev, offset, len(data), data, byte_enable)
            return
        flags = self._attributes | (EXT_BASE if byte_enable else 0)
        self.send(
            BusAccess(
                True,
                offset,
                len(data),
                data,
                id=next(self._ids),
                flags=POSTED,
                dev=dev,
                attributes=flags,
                stream_width=len(data),
                byte_enable=byte_enable,
            )
        )

    def _access(
        self, write: bool, dev: int, address: int, size: int, data: bytes, enable: bytes = b""
    ) -> BusAccess:
        request = BusAccess(
            write,
            address,
            size,
            data,
            id=next(self._ids),
            dev=dev,
            attributes=self._attributes | (EXT_BASE if enable else 0),
            stream_width=size,
            byte_enable=enable,
        )
        answer = self._request(request)
        assert isinstance(answer, BusAccess)
        if answer.status is not Response.OK:
            raise BusError(answer.status)
        if not write and dev != STATE_DEV and len(answer.data) != size:
            raise ProtocolError(f"read response: len holds {answer.size}, expected {size}")
        return answer

    # The machine

    def reset(self) -> None:
        """Pulse the reset; on return the model has been reset, if it has posted-wire capability."""
        for value in (1, 0):
            pulse = Interrupt(0, value, RESET_VECTOR, id=next(self._ids), dev=self._chan)
            if self._both(Capability.WIRE_POSTED_UPDATES):
                self._request(pulse)
            else:
                self.send(pulse)

    def save_state(self) -> bytes:
        """The model's state as it travels; BusError when the model refuses."""
        return self._access(False, STATE_DEV, 0, 0, b"").data

    def load_state(self, blob: bytes) -> None:
        """Give the model a state; BusError when it refuses it."""
        self._access(True, STATE_DEV, 0, len(blob), blob)

    def model_state(self) -> dict[str, Any]:
        """What the model's `save` returned."""
        state: dict[str, Any] = json.loads(self.save_state())["state"]
        return state

    def sync(self, timestamp: int = 0) -> int:
        """A round trip through the server that touches no register; the answer's timestamp."""
        answer = self._request(Sync(timestamp, id=next(self._ids), dev=self._chan))
        assert isinstance(answer, Sync)
        return answer.timestamp

    def wait_wire(self, wire: int, level: bool, deadline: Deadline | None = None) -> None:
        """Until the model has driven `wire` to `level`."""
        deadline = deadline or Deadline(self._stream.timeout)
        what = f"wire {wire} to become {int(level)}"
        while self.wires.get(wire) != level:
            self._handle(self._next(deadline, what))

    def poll(self, seconds: float = 0.0) -> int:
        """Handle what arrives within `seconds`; the number of packets."""
        deadline = Deadline(seconds)
        count = 0
        while (packet := self._stream.receive(deadline)) is not None:
            self._handle(packet)
            count += 1
        return count

    # Packets

    def send(self, packet: Packet) -> None:
        """Send any packet, without waiting for anything."""
        self._stream.send(encode(packet))

    def send_raw(self, data: bytes) -> None:
        """Send bytes that need not be packets."""
        self._stream.send(data)

    def receive(self, deadline: Deadline) -> Packet | None:
        """The next packet as it is, handled by nobody; None at the deadline."""
        return self._stream.receive(deadline)

    def _request(self, request: BusAccess | Interrupt | Sync) -> BusAccess | Interrupt | Sync:
        self._waiting.add(request.id)
        try:
            self.send(request)
            deadline = Deadline(self._stream.timeout)
            while request.id not in self._answers:
                self._handle(self._next(deadline, request))
            return self._answers.pop(request.id)
        finally:
            self._waiting.discard(request.id)

    def _next(self, deadline: Deadline, awaited: str | Packet) -> Packet:
        packet = self._stream.receive(deadline)
        if packet is None:
            what = awaited if isinstance(awaited, str) else f"answer to {packet_name(awaited)}"
            raise LinkError(f"waited {deadline.seconds:g} s for {what}, it did not come")
        return packet

    def _both(self, capability: Capability) -> bool:
        peer = self.peer.capabilities if self.peer is not None else None
        return capability in (peer or ()) and capability in (self._capabilities or ())

    def _handle(self, packet: Packet) -> None:
        if packet.flags & RESPONSE and isinstance(packet, (BusAccess, Interrupt, Sync)):
            if packet.id not in self._waiting:
                raise ProtocolError(
                    f"{packet_name(packet)}: id holds {packet.id}, which answers no request"
                )
            self._answers[packet.id] = packet
        elif isinstance(packet, BusAccess):
            self._serve_dma(packet)
        elif isinstance(packet, Interrupt):
            self._serve_wire(packet)
        elif isinstance(packet, Hello):
            self.peer = packet
        else:
            raise ProtocolError(f"{packet_name(packet)}: cmd was not expected from a model")

    def _serve_wire(self, packet: Interrupt) -> None:
        self.wires[packet.line] = bool(packet.value)
        self.wire_changes.append((packet.line, bool(packet.value)))
        if self._both(Capability.WIRE_POSTED_UPDATES) and not packet.flags & POSTED:
            packet.flags |= RESPONSE
            self.send(packet)

    def _serve_dma(self, packet: BusAccess) -> None:
        data = b""
        status = Response.OK
        try:
            if packet.write:
                self.dma_write(packet.address, packet)
            else:
                data = self.dma_read(packet.address, packet.size)
        except BusError as error:
            status = error.status
            data = b"" if packet.write else bytes(packet.size)
        self.dma.append(("write" if packet.write else "read", packet.address, packet.size))
        if not packet.flags & POSTED:
            self.send(answer_to(packet, data, status))

    def dma_read(self, address: int, size: int) -> bytes:
        """Answer the model's read; override for a machine with more than memory."""
        start = self._memory_index(address, size)
        return bytes(self.memory[start : start + size])

    def dma_write(self, address: int, packet: BusAccess) -> None:
        """Carry out the model's write; override as `dma_read`."""
        start = self._memory_index(address, packet.size)
        if not packet.byte_enable:
            self.memory[start : start + packet.size] = packet.data
            return
        step = len(packet.byte_enable)
        for index, enabled in enumerate(packet.byte_enable):
            if enabled:
                self.memory[start + index : start + packet.size : step] = packet.data[index::step]

    def _memory_index(self, address: int, size: int) -> int:
        start = address - self.memory_base
        if start < 0 or start + size > len(self.memory):
            raise BusError(Response.ADDRESS_ERROR)
        return start

    def close(self) -> None:
        self._stream.shutdown()
        self._stream.close()
