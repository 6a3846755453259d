# SPDX-License-Identifier: MIT
"""One QEMU's connection to one device: what each packet means, and when deferred work runs.

Model callbacks and deferred work run on the server's thread alone, callbacks in the order the
packets came, work when no packet waits.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Callable
from typing import NoReturn

from testbed.deadline import Deadline
from testbed.remoteport.codec import (
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
from testbed.remoteport.exchange import Exchange
from testbed.remoteport.machine_link import MachineLink, enabled_runs
from testbed.remoteport.state import decode_state, encode_state
from testbed.remoteport.stream import Stream
from testbed.remoteport.trace import Trace

CAPABILITIES = (
    int(Capability.BUSACCESS_EXT_BASE),
    int(Capability.BUSACCESS_EXT_BYTE_EN),
    int(Capability.WIRE_POSTED_UPDATES),
)
BEFORE_ANSWER = 0.001  # seconds; no more work is begun after it while an access waits
PACKETS_FIRST = 64  # packets handled before waiting work has a turn all the same
_OK = int(Response.OK)
_REGISTER_SIZES = frozenset(range(1, 9))


class ModelError(Exception):
    """A callback raised something else than BusError; the exception is the cause."""


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
        self._trace = trace
        self._exchange = Exchange(stream, self._serve_nested)
        self._link = MachineLink(
            self._exchange, device, chan=chan, posted_wires=posted_wires, trace=trace
        )
        self._postponed: deque[Packet] = deque()
        self._working = False
        self._nested = 0

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
        self._link.peer = frozenset(hello.capabilities or ()).intersection(CAPABILITIES)

    def serve(self, attached: Callable[[], None]) -> NoReturn:
        """Serve the device; `attached` is called once its DMA and wires are connected.

        Ends by raising ModelError, ProtocolError or LinkError.
        """
        exchange = self._exchange
        exchange.adopt()
        try:
            self._device.attach(self._link)
            attached()
            handled = 0  # packets since the last piece of work
            while True:
                if self._postponed:
                    self._handle(self._postponed.popleft())
                elif handled >= PACKETS_FIRST and self._device.deferred:
                    handled = 0
                    self._work()
                elif exchange.requests:
                    handled += 1
                    self._handle(exchange.requests.popleft())
                elif exchange.error is not None:
                    raise exchange.error
                elif not self._device.deferred:
                    handled = 0
                    exchange.wait()
                elif not exchange.look():
                    handled = 0
                    self._work()
        except Exception as error:
            exchange.fail(error)
            if exchange.error is None or exchange.error is error:
                raise
            # What another thread met first is the reason, this thread only heard of it.
            raise exchange.error from exchange.error.__cause__
        finally:
            self._device.detach(self._link)

    @property
    def attached(self) -> bool:
        """Whether the device's DMA and wires go over this connection."""
        return self._device.dma.link is self._link

    def stop(self) -> None:
        """End the connection from another thread."""
        self._exchange.fail(LinkError("the server was stopped"))

    def _work(self) -> None:
        """Run one piece of deferred work."""
        self._working = True
        self._link.begun_in = self._link.life
        try:
            self._device.run_deferred(1)
        except Exception as error:
            if not self._ended_early(error):
                self._model_failed("deferred work", error)
        finally:
            self._working = False

    def _work_before_answer(self) -> None:
        """Run the work that the access in progress waits for, as long as that is not for long."""
        if self._nested:
            return
        deadline = Deadline(BEFORE_ANSWER)
        while self._device.due_before_answer and not deadline.expired:
            self._work()

    def _settle(self) -> None:
        """Run deferred work until none is left; StateError when that takes too long."""
        deadline = Deadline(self._stream.timeout / 2)
        with self._device.lock:
            self._device.quiesce()
        while self._device.deferred and not self._nested:
            if deadline.expired:
                raise StateError(
                    f"{self._device.name}: {self._device.deferred} pieces of deferred work are"
                    f" left after {deadline.seconds:g} s"
                )
            self._work()

    def _ended_early(self, error: Exception) -> bool:
        """Whether `error` is what ends a callback or work when its machine is no more."""
        return self._link.outlived and isinstance(error, LinkError)

    def _serve_nested(self, packet: Packet) -> None:
        """Serve `packet` inside a callback. The model in between sees a failure as a lost link."""
        barrier = isinstance(packet, Sync) or packet.dev == STATE_DEV
        if barrier and (self._working or self._device.deferred):
            self._postponed.append(packet)
            return
        outer = self._link.begun_in
        self._nested += 1
        try:
            self._handle(packet)
        except Exception as error:
            self._exchange.fail(error)
            raise LinkError(str(error)) from error
        finally:
            self._nested -= 1
            self._link.begun_in = outer

    def _handle(self, packet: Packet) -> None:
        self._link.begun_in = self._link.life
        match packet:
            case BusAccess():
                if packet.dev == STATE_DEV:
                    self._state(packet)
                else:
                    self._registers(packet)
            case Interrupt():
                self._interrupt(packet)
            case Sync():
                self._sync(packet)
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
                    if not self._ended_early(error):
                        verb = "write" if write else "read"
                        region = device.regions[index].name
                        self._model_failed(f"{verb} of {size} bytes at {region}+{offset:#x}", error)
                    status = int(Response.GENERIC_ERROR)
                if trace is not None and (status or not write):
                    trace.access(device, write, index, offset, size, value, ref, status)
        if device.due_before_answer:
            self._work_before_answer()
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
            self._begin_life(self._device.deferred)
            with self._device.lock:
                try:
                    self._device.reset()
                except Exception as error:
                    self._model_failed("reset", error)
        if Capability.WIRE_POSTED_UPDATES in self._link.peer and not packet.flags & POSTED:
            packet.flags |= RESPONSE
            self._stream.send(encode(packet))

    def _begin_life(self, works: int) -> None:
        """Forget the first `works` pieces of deferred work, and end what is in progress."""
        self._device.drop_deferred(works)
        self._link.life += 1
        self._link.begun_in = self._link.life

    def _sync(self, packet: Sync) -> None:
        try:
            self._settle()
        except StateError as error:
            if self._trace is not None:
                self._trace.event(self._device, f"sync: {error}")
        packet.flags |= RESPONSE
        self._stream.send(encode(packet))

    def _state(self, packet: BusAccess) -> None:
        device = self._device
        blob = b""
        refused = ""
        if not packet.write and packet.size:
            raise ProtocolError(
                f"read: len (of the access) holds {packet.size}, expected 0 for a state"
            )
        with device.lock:
            try:
                if packet.write:
                    works = device.deferred
                    decode_state(device, packet.data)
                    self._begin_life(works)
                else:
                    self._settle()
                    blob = encode_state(device)
            except (BusError, StateError) as error:
                refused = str(error)
            except ModelError:
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
