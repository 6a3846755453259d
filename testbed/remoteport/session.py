# SPDX-License-Identifier: MIT
"""One QEMU's connection to one device: who receives, who waits, and what each packet means.

Model callbacks run on the server's thread alone, in the order the packets came. Answers to DMA may
be awaited by any thread. Whoever waits while nobody receives does the receiving: a thread that
holds the model's lock can so get its answer while the server's thread waits for that lock.
"""

from __future__ import annotations

import itertools
import threading
import time
from collections import deque
from collections.abc import Callable
from typing import NoReturn

from testbed.deadline import Deadline
from testbed.remoteport.codec import (
    EXT_BASE,
    MAX_DATA,
    POSTED,
    RESET_VECTOR,
    RESPONSE,
    STATE_DEV,
    VERSION_MAJOR,
    Ats,
    BusAccess,
    Capability,
    Cfg,
    Hello,
    Interrupt,
    Nop,
    Packet,
    ProtocolError,
    Response,
    Sync,
    Unknown,
    answer_to,
    encode,
    encode_answer,
    packet_name,
)
from testbed.remoteport.device import BusError, Device, LinkError, StateError
from testbed.remoteport.state import decode_state, encode_state
from testbed.remoteport.stream import Stream
from testbed.remoteport.trace import Trace

CAPABILITIES = (
    int(Capability.BUSACCESS_EXT_BASE),
    int(Capability.BUSACCESS_EXT_BYTE_EN),
    int(Capability.WIRE_POSTED_UPDATES),
)
_OK = int(Response.OK)
_REGISTER_SIZES = frozenset(range(1, 9))


class ModelError(Exception):
    """A callback raised something else than BusError; the exception is the cause."""


class _Waiter:
    """A thread that sleeps until there is something for it to look at.

    `write` is the direction of the access whose answer it awaits.
    """

    __slots__ = ("_asleep", "answer", "write")

    def __init__(self, write: bool = False) -> None:
        self.write = write
        self.answer: BusAccess | None = None
        self._asleep = threading.Lock()
        self._asleep.acquire()

    def wake(self) -> None:
        try:
            self._asleep.release()
        except RuntimeError:  # already awake, or about to be
            return

    def sleep(self, seconds: float) -> None:
        self._asleep.acquire(timeout=seconds)


class Session:
    """Serves `device` over `stream` until the connection ends.

    `chan` is the first device number on the connection: region n is chan + n.
    """

    def __init__(
        self,
        stream: Stream,
        device: Device,
        *,
        chan: int = 0,
        posted_wires: bool = True,
        trace: Trace | None = None,
    ) -> None:
        self.state_refused: str | None = None  # why the last state was not loaded or saved
        self._stream = stream
        self._device = device
        self._chan = chan
        self._posted_wires = posted_wires
        self._trace = trace
        self._peer: frozenset[int] = frozenset()
        self._ids = itertools.count(1)
        self._error: Exception | None = None
        self._receiving = threading.Lock()
        self._requests: deque[Packet] = deque()
        self._answers: dict[int, _Waiter] = {}
        self._idle = _Waiter()
        self._thread = threading.get_ident()
        self._unanswered_wires: dict[int, float] = {}

    def handshake(self) -> None:
        """Exchange hellos. Raises ProtocolError or LinkError."""
        self._stream.send(encode(Hello(capabilities=CAPABILITIES, dev=self._chan)))
        hello = self._stream.receive(Deadline(self._stream.timeout))
        if hello is None:
            raise LinkError(f"the peer connected but sent no hello in {self._stream.timeout:g} s")
        if not isinstance(hello, Hello):
            raise ProtocolError(
                f"{packet_name(hello)}: cmd is not that of a hello, expected a hello first"
            )
        if hello.major != VERSION_MAJOR:
            raise ProtocolError(f"hello: major holds {hello.major}, expected {VERSION_MAJOR}")
        self._peer = frozenset(hello.capabilities or ()).intersection(CAPABILITIES)

    def serve(self, attached: Callable[[], None]) -> NoReturn:
        """Serve the device; `attached` is called once its DMA and wires are connected.

        Ends by raising ModelError, ProtocolError or LinkError.
        """
        self._thread = threading.get_ident()
        try:
            self._device.attach(self)
            attached()
            while True:
                if self._requests:
                    self._handle(self._requests.popleft())
                elif self._error is not None:
                    raise self._error
                else:
                    self._pump(self._idle, None, True)
        except Exception as error:
            self._fail(error)
            if self._error is None or self._error is error:
                raise
            # What another thread met first is the reason, this thread only heard of it.
            raise self._error from self._error.__cause__
        finally:
            self._device.detach(self)

    def stop(self) -> None:
        """End the connection from another thread."""
        self._fail(LinkError("the server was stopped"))

    # The device's side: Link

    def dma_read(self, address: int, size: int) -> bytes:
        if size <= MAX_DATA:
            return self._dma(False, address, size, b"", None)
        parts = [
            self._dma(False, address + done, min(MAX_DATA, size - done), b"", None)
            for done in range(0, size, MAX_DATA)
        ]
        return b"".join(parts)

    def dma_write(self, address: int, data: bytes, byte_enable: bytes | None) -> None:
        data = bytes(data)
        if byte_enable is not None and not byte_enable:
            raise ValueError("DMA write: the byte enable is empty; give None for all bytes")
        if byte_enable is not None and (
            Capability.BUSACCESS_EXT_BYTE_EN not in self._peer or len(byte_enable) > MAX_DATA
        ):
            for start, end in enabled_runs(len(data), byte_enable):
                self.dma_write(address + start, data[start:end], None)
        elif len(data) <= MAX_DATA:
            self._dma(True, address, len(data), data, byte_enable)
        else:
            step = MAX_DATA
            if byte_enable is not None:
                step -= MAX_DATA % len(byte_enable)
            for done in range(0, len(data), step):
                part = data[done : done + step]
                self._dma(True, address + done, len(part), part, byte_enable)

    def wire_changed(self, wire: int, level: bool) -> None:
        """Tell the peer. A peer that has gone learns the level when it is back: nothing raised."""
        if self._error is not None:
            return
        id_ = self._next_id()
        flags = 0
        if Capability.WIRE_POSTED_UPDATES in self._peer:
            if self._posted_wires:
                flags = POSTED
            else:
                self._unanswered_wires[id_] = time.monotonic()
                self._check_wires()
        if self._trace is not None:
            self._trace.wire(self._device, wire, level)
        try:
            self._stream.send(
                encode(Interrupt(wire, int(level), id=id_, flags=flags, dev=self._chan))
            )
        except LinkError as error:
            self._fail(error)

    def _check_wires(self) -> None:
        """End the link when the peer owes an answer to a wire update for too long."""
        now = time.monotonic()
        oldest = min(list(self._unanswered_wires.values()), default=now)
        if now - oldest > self._stream.timeout:
            self._fail(LinkError(f"an interrupt was not answered in {self._stream.timeout:g} s"))

    def _dma(
        self, write: bool, address: int, size: int, data: bytes, byte_enable: bytes | None
    ) -> bytes:
        what = f"DMA {'write' if write else 'read'} of {size} bytes at {address:#x}"
        if address < 0 or address + size > 1 << 64:
            raise BusError(Response.ADDRESS_ERROR, f"{what}: beyond a 64-bit address space")
        if not size:
            return b""
        waiter = _Waiter(write)
        id_ = self._next_id()
        request = BusAccess(
            write,
            address,
            size,
            data,
            id=id_,
            dev=self._chan,
            attributes=EXT_BASE if byte_enable else 0,
            stream_width=size,
            byte_enable=(byte_enable or b"")[:size],
        )
        self._answers[id_] = waiter
        try:
            self._stream.send(encode(request))
            answer = self._await(waiter, what)
        except LinkError as error:
            self._fail(error)
            raise
        finally:
            self._answers.pop(id_, None)
        status = answer.status
        if self._trace is not None:
            self._trace.dma(self._device, write, address, size, status)
        if status is not Response.OK:
            reason = status.name.lower().replace("_", " ")
            raise BusError(status, f"{what} refused: {reason}")
        if not write and len(answer.data) != size:
            short = ProtocolError(
                f"read response: len (of the access) holds {answer.size}, expected {size}"
            )
            self._fail(short)
            raise LinkError(f"{what}: {short}")
        return answer.data

    def _await(self, waiter: _Waiter, what: str) -> BusAccess:
        deadline = Deadline(self._stream.timeout)
        served = threading.get_ident() == self._thread
        while waiter.answer is None:
            if self._error is not None:
                raise LinkError(f"{what}: {self._error}")
            if deadline.expired:
                raise LinkError(f"{what}: no answer in {deadline.seconds:g} s")
            if served and self._requests:
                self._handle_nested(self._requests.popleft())
            else:
                self._pump(waiter, deadline, served)
        return waiter.answer

    def _handle_nested(self, packet: Packet) -> None:
        """Serve `packet` inside a callback. The model in between sees a failure as a lost link."""
        try:
            self._handle(packet)
        except Exception as error:
            self._fail(error)
            raise LinkError(str(error)) from error

    def _next_id(self) -> int:
        return next(self._ids) & 0xFFFFFFFF

    # Receiving

    def _pump(self, waiter: _Waiter, deadline: Deadline | None, served: bool) -> None:
        """Receive one packet for whoever it is for; or sleep while another thread receives.

        `served`: this is the thread that handles requests. What goes wrong is left in `_error`.
        """
        if not self._receiving.acquire(False):
            waiter.sleep(self._stream.timeout if deadline is None else deadline.remaining)
            return
        try:
            # Another thread may have changed these before the lock was had.
            if self._error is not None or waiter.answer is not None or (served and self._requests):
                return
            packet = self._stream.receive(deadline)
            if packet is None:
                self._check_wires()
                return
            if packet.flags & RESPONSE:
                self._answered(packet)
            else:
                self._requests.append(packet)
        except (ProtocolError, LinkError) as error:
            self._fail(error)
        finally:
            self._receiving.release()
            if self._answers:
                for other in list(self._answers.values()):
                    other.wake()
            if waiter is not self._idle:
                self._idle.wake()

    def _answered(self, packet: Packet) -> None:
        if packet.flags & POSTED:  # flags are echoed: an answer that nobody asked for
            return
        if isinstance(packet, BusAccess):
            waiter = self._answers.get(packet.id)
            if waiter is not None and waiter.write == packet.write and waiter.answer is None:
                waiter.answer = packet
                return
        elif isinstance(packet, Interrupt) and packet.id in self._unanswered_wires:
            del self._unanswered_wires[packet.id]
            return
        raise ProtocolError(
            f"{packet_name(packet)}: id holds {packet.id}, which answers no request"
        )

    def _fail(self, error: Exception) -> None:
        if self._error is None:
            self._error = error
        self._stream.shutdown()
        for waiter in (*self._answers.values(), self._idle):
            waiter.wake()

    # Serving

    def _handle(self, packet: Packet) -> None:
        match packet:
            case BusAccess():
                if packet.dev == STATE_DEV:
                    self._state(packet)
                else:
                    self._registers(packet)
            case Interrupt():
                self._interrupt(packet)
            case Sync():
                packet.flags |= RESPONSE
                self._stream.send(encode(packet))
            case Nop() | Cfg() | Unknown():
                pass
            case Hello():
                raise ProtocolError("hello: cmd holds 1 a second time, expected one hello")
            case Ats():
                raise ProtocolError(
                    f"{packet_name(packet)}: cmd needs capability 4, which was not announced"
                )

    def _registers(self, packet: BusAccess) -> None:
        device = self._device
        index = packet.dev - self._chan
        if not 0 <= index < len(device.regions):
            raise ProtocolError(
                f"{packet_name(packet)}: dev holds {packet.dev}, {device.name} has devices"
                f" {self._chan} to {self._chan + len(device.regions) - 1}"
            )
        size = packet.size
        offset = packet.address
        write = packet.write
        status = _OK
        data = b""
        if size not in _REGISTER_SIZES:
            status = int(Response.GENERIC_ERROR)
        elif offset + size > device.regions[index].size:
            status = int(Response.ADDRESS_ERROR)
        else:
            trace = self._trace
            with device.lock:
                ref = None
                value = 0
                try:
                    if trace is not None:
                        ref = device.register_at(index, offset, size, write)
                    if not write:
                        value = device.read(index, offset, size)
                        data = value.to_bytes(size, device.byteorder)
                    else:
                        value = int.from_bytes(packet.data, device.byteorder)
                        if trace is not None:
                            # Before the write, so that the wires and DMA it causes come after it.
                            trace.access(device, write, index, offset, size, value, ref, _OK)
                        if packet.byte_enable:
                            self._write_enabled(index, packet)
                        else:
                            device.write(index, offset, size, value)
                except BusError as error:
                    status = int(error.status)
                except Exception as error:
                    verb = "write" if write else "read"
                    region = device.regions[index].name
                    self._model_failed(f"{verb} of {size} bytes at {region}+{offset:#x}", error)
                if trace is not None and (status or not write):
                    trace.access(device, write, index, offset, size, value, ref, status)
        if write and packet.flags & POSTED:
            return
        if status and not write:
            data = bytes(min(size, 8))
        self._stream.send(encode_answer(packet, data, status))

    def _write_enabled(self, region: int, packet: BusAccess) -> None:
        device = self._device
        for start, end in enabled_runs(packet.size, packet.byte_enable):
            value = int.from_bytes(packet.data[start:end], device.byteorder)
            device.write(region, packet.address + start, end - start, value)

    def _interrupt(self, packet: Interrupt) -> None:
        if packet.vector != RESET_VECTOR:
            raise ProtocolError(
                f"interrupt: vector holds {packet.vector}, expected {RESET_VECTOR}, a reset"
            )
        if packet.line:
            raise ProtocolError(f"interrupt: line holds {packet.line}, expected 0 for a reset")
        if packet.value:
            if self._trace is not None:
                self._trace.event(self._device, "reset")
            with self._device.lock:
                try:
                    self._device.reset()
                except Exception as error:
                    self._model_failed("reset", error)
        if Capability.WIRE_POSTED_UPDATES in self._peer and not packet.flags & POSTED:
            packet.flags |= RESPONSE
            self._stream.send(encode(packet))

    def _state(self, packet: BusAccess) -> None:
        device = self._device
        blob = b""
        refused = ""
        with device.lock:
            try:
                if packet.write:
                    decode_state(device, packet.data)
                elif packet.size:
                    raise ProtocolError(
                        f"read: len (of the access) holds {packet.size}, expected 0 for a state"
                    )
                else:
                    blob = encode_state(device)
            except (BusError, StateError) as error:
                refused = str(error)
            except ProtocolError:
                raise
            except Exception as error:
                self._model_failed("load of a state" if packet.write else "save", error)
        verb = "load" if packet.write else "save"
        if self._trace is not None:
            size = len(packet.data) if packet.write else len(blob)
            outcome = f"refused: {refused}" if refused else f"{size} bytes"
            self._trace.event(device, f"state {verb} {outcome}")
        self.state_refused = refused or None
        status = int(Response.GENERIC_ERROR) if refused else _OK
        self._stream.send(encode(answer_to(packet, blob, status)))
        if packet.write and not refused:
            device.send_wires()

    def _model_failed(self, what: str, error: Exception) -> NoReturn:
        # When the link broke first, as under a DMA, `serve` ends with that and not with this.
        raise ModelError(f"{self._device.name}: {what}: {type(error).__name__}: {error}") from error


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
