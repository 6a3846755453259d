# SPDX-License-Identifier: MIT
"""Remote-Port 4.3 packets to bytes and back. No I/O, no state beyond an unfinished packet.

The layout is that of `remote-port-proto.h` in Xilinx's libsystemctlm-soc and QEMU: big-endian,
packed, a 20-byte header that counts the bytes after it. Offsets inside a packet count from its
first byte. Whatever a peer sends that is not a packet raises ProtocolError; nothing else escapes.
"""

from __future__ import annotations

import struct
from dataclasses import dataclass
from enum import IntEnum, IntFlag
from typing import NoReturn

VERSION_MAJOR = 4
VERSION_MINOR = 3

# Sizes in bytes, header included, data excluded.
HEADER_SIZE = 20
HELLO_SIZE = 32
CFG_SIZE = 25
BUSACCESS_SIZE = 58
BUSACCESS_EXT_SIZE = 80
INTERRUPT_SIZE = 41
SYNC_SIZE = 28
ATS_SIZE = 88
HELLO_VERSION_SIZE = 24  # a hello that stops after the version: the peer has no capabilities

MAX_DATA = 16 << 20  # bytes of data in one packet
MAX_CAPABILITIES = 1024

STATE_DEV = 0xFFFF  # `dev` of the packets that carry a model's saved state
RESET_VECTOR = 1  # `vector` of the interrupt that reports a reset of the machine


class Command(IntEnum):
    NOP = 0
    HELLO = 1
    CFG = 2
    READ = 3
    WRITE = 4
    INTERRUPT = 5
    SYNC = 6
    ATS_REQ = 7
    ATS_INV = 8


class Flags(IntFlag):
    OPTIONAL = 1  # a receiver that does not know the command may drop it
    RESPONSE = 2
    POSTED = 4  # no answer wanted


class Capability(IntEnum):
    BUSACCESS_EXT_BASE = 1
    BUSACCESS_EXT_BYTE_EN = 2
    WIRE_POSTED_UPDATES = 3
    ATS = 4


class Attribute(IntFlag):
    EOP = 1 << 0
    SECURE = 1 << 1
    EXT_BASE = 1 << 2  # the extended layout
    PHYS_ADDR = 1 << 3


class Response(IntEnum):
    """Status of an answered bus access (attribute bits 11:8)."""

    OK = 0
    GENERIC_ERROR = 1
    ADDRESS_ERROR = 2


# Plain integers: an operation on an enum member costs a hundred nanoseconds each time.
RESPONSE = int(Flags.RESPONSE)
POSTED = int(Flags.POSTED)
EXT_BASE = int(Attribute.EXT_BASE)
STATUS_SHIFT = 8
STATUS_MASK = 0xF << STATUS_SHIFT
_READ = int(Command.READ)
_WRITE = int(Command.WRITE)
_KEPT = 2 << 20  # bytes of buffer kept between packets
_ALL_FLAGS = int(Flags.OPTIONAL | Flags.RESPONSE | Flags.POSTED)

_HEADER = struct.Struct("!5I")
_HELLO = struct.Struct("!5I2HI2H")
_HELLO_VERSION = struct.Struct("!2H")
_HELLO_CAPABILITIES = struct.Struct("!I2H")
_CFG = struct.Struct("!5IIB")
_BUSACCESS = struct.Struct("!5I3Q3IH")
_BUSACCESS_EXT = struct.Struct("!5I3Q3I2H5I")
_STATUS_AND_SIZE = struct.Struct("!2QI")  # attributes, address, length, from byte 28
_EXT_FIELDS = struct.Struct("!H5I")  # what the extended layout adds, from byte 58
_INTERRUPT = struct.Struct("!5I2QIB")
_SYNC = struct.Struct("!5IQ")
_ATS = struct.Struct("!5I4QI4Q")


class ProtocolError(Exception):
    """Bytes that are no packet, or a packet that has no business there.

    The message names the packet and the field, and says what it held: "read: len holds ...".
    """


@dataclass(slots=True)
class Nop:
    id: int = 0
    flags: int = 0
    dev: int = 0
    payload: bytes = b""


@dataclass(slots=True)
class Hello:
    """First packet of each side. `capabilities` is None when the packet has no room for them."""

    major: int = VERSION_MAJOR
    minor: int = VERSION_MINOR
    capabilities: tuple[int, ...] | None = ()
    id: int = 0
    flags: int = 0
    dev: int = 0


@dataclass(slots=True)
class Cfg:
    option: int
    set: int
    id: int = 0
    flags: int = 0
    dev: int = 0


@dataclass(slots=True)
class BusAccess:
    """A read or write, or the answer to one.

    `size` is the length field in bytes. `data` is there in write requests and read answers, in
    address order; a refused read may be answered without. `byte_enable` repeats over the data,
    0xff for an enabled byte. `timestamp` is in ns. The EXT_BASE bit of `attributes` selects the
    extended layout, which byte enables and a `master_id` beyond 16 bits need.
    """

    write: bool
    address: int
    size: int
    data: bytes = b""
    id: int = 0
    flags: int = 0
    dev: int = 0
    attributes: int = 0
    timestamp: int = 0
    width: int = 0
    stream_width: int = 0
    master_id: int = 0
    byte_enable: bytes = b""

    @property
    def status(self) -> Response:
        """How an answered access went."""
        return Response((self.attributes & STATUS_MASK) >> STATUS_SHIFT)

    def enables(self, index: int) -> bool:
        """Whether data byte `index` takes part."""
        enable = self.byte_enable
        return not enable or enable[index % len(enable)] != 0


@dataclass(slots=True)
class Interrupt:
    """A wire's level; with `vector` RESET_VECTOR, a reset of the machine."""

    line: int
    value: int
    vector: int = 0
    timestamp: int = 0
    id: int = 0
    flags: int = 0
    dev: int = 0


@dataclass(slots=True)
class Sync:
    timestamp: int
    id: int = 0
    flags: int = 0
    dev: int = 0


@dataclass(slots=True)
class Ats:
    """Address translation: a request, or with `invalidate` a withdrawal."""

    invalidate: bool
    address: int
    length: int
    attributes: int = 0
    result: int = 0
    timestamp: int = 0
    id: int = 0
    flags: int = 0
    dev: int = 0


@dataclass(slots=True)
class Unknown:
    """A command of a later version whose sender said that it may be dropped."""

    command: int
    payload: bytes = b""
    id: int = 0
    flags: int = int(Flags.OPTIONAL)
    dev: int = 0


Packet = Nop | Hello | Cfg | BusAccess | Interrupt | Sync | Ats | Unknown

_NAMES = {command.value: command.name.lower() for command in Command}


def packet_name(packet: Packet) -> str:
    """The packet's name as errors print it: "read", "write response"."""
    if isinstance(packet, BusAccess):
        name = "write" if packet.write else "read"
    elif isinstance(packet, Ats):
        name = "ats_inv" if packet.invalidate else "ats_req"
    elif isinstance(packet, Unknown):
        name = f"command {packet.command}"
    else:
        name = type(packet).__name__.lower()
    return f"{name} response" if packet.flags & RESPONSE else name


def encode(packet: Packet) -> bytes:
    """The packet's bytes. ValueError when a field does not fit its place."""
    try:
        if isinstance(packet, BusAccess):
            return _encode_busaccess(packet)
        return _encode(packet)
    except struct.error as error:
        raise ValueError(f"{packet_name(packet)} cannot be encoded: {error}") from None


def _encode(packet: Nop | Hello | Cfg | Interrupt | Sync | Ats | Unknown) -> bytes:
    ids = (packet.id, packet.flags, packet.dev)
    match packet:
        case Interrupt(line, value, vector, timestamp):
            payload = INTERRUPT_SIZE - HEADER_SIZE
            return _INTERRUPT.pack(Command.INTERRUPT, payload, *ids, timestamp, vector, line, value)
        case Sync(timestamp):
            return _SYNC.pack(Command.SYNC, SYNC_SIZE - HEADER_SIZE, *ids, timestamp)
        case Hello(major, minor, None):
            payload = HELLO_VERSION_SIZE - HEADER_SIZE
            return _HEADER.pack(Command.HELLO, payload, *ids) + _HELLO_VERSION.pack(major, minor)
        case Hello(major, minor, capabilities):
            count = len(capabilities or ())
            payload = HELLO_SIZE - HEADER_SIZE + 4 * count
            fixed = _HELLO.pack(Command.HELLO, payload, *ids, major, minor, HELLO_SIZE, count, 0)
            return fixed + struct.pack(f"!{count}I", *capabilities or ())
        case Cfg(option, set_):
            return _CFG.pack(Command.CFG, CFG_SIZE - HEADER_SIZE, *ids, option, set_)
        case Ats(invalidate, address, length, attributes, result, timestamp):
            command = Command.ATS_INV if invalidate else Command.ATS_REQ
            fields = (timestamp, attributes, address, length, result, 0, 0, 0, 0)
            return _ATS.pack(command, ATS_SIZE - HEADER_SIZE, *ids, *fields)
        case Nop():
            return _HEADER.pack(Command.NOP, len(packet.payload), *ids) + packet.payload
        case Unknown(command, content):
            return _HEADER.pack(command, len(content), *ids) + content


def _encode_busaccess(packet: BusAccess) -> bytes:
    data = packet.data
    carries = packet.write != bool(packet.flags & RESPONSE)
    if data and not carries:
        raise ValueError(f"{packet_name(packet)} carries no data, {len(data)} bytes given")
    if carries and len(data) != packet.size and (data or packet.write or not packet.status):
        raise ValueError(f"{packet_name(packet)}: size is {packet.size}, {len(data)} bytes given")
    command = _WRITE if packet.write else _READ
    if not packet.attributes & EXT_BASE:
        if packet.byte_enable:
            raise ValueError(f"{packet_name(packet)}: byte enables need the extended layout")
        return (
            _BUSACCESS.pack(
                command,
                BUSACCESS_SIZE - HEADER_SIZE + len(data),
                packet.id,
                packet.flags,
                packet.dev,
                packet.timestamp,
                packet.attributes,
                packet.address,
                packet.size,
                packet.width,
                packet.stream_width,
                packet.master_id,
            )
            + data
        )
    enable = packet.byte_enable
    master = packet.master_id
    fixed = _BUSACCESS_EXT.pack(
        command,
        BUSACCESS_EXT_SIZE - HEADER_SIZE + len(data) + len(enable),
        packet.id,
        packet.flags,
        packet.dev,
        packet.timestamp,
        packet.attributes,
        packet.address,
        packet.size,
        packet.width,
        packet.stream_width,
        master & 0xFFFF,
        master >> 16 & 0xFFFF,
        master >> 32,
        BUSACCESS_EXT_SIZE,
        0,
        BUSACCESS_EXT_SIZE + len(data),
        len(enable),
    )
    return fixed + data + enable


def encode_access(
    write: bool, address: int, size: int, data: bytes, byte_enable: bytes, id_: int, dev: int
) -> bytes:
    """The bytes of an access of this side; `data` for a write."""
    if byte_enable or len(data) != (size if write else 0):
        return encode(
            BusAccess(
                write,
                address,
                size,
                data,
                id=id_,
                dev=dev,
                attributes=EXT_BASE if byte_enable else 0,
                stream_width=size,
                byte_enable=byte_enable,
            )
        )
    command = _WRITE if write else _READ
    payload = BUSACCESS_SIZE - HEADER_SIZE + len(data)
    fixed = _BUSACCESS.pack(command, payload, id_, 0, dev, 0, 0, address, size, 0, size, 0)
    return fixed + data


def encode_answer(request: BusAccess, data: bytes = b"", status: int = 0) -> bytes:
    """The bytes of the answer to `request`; `data` for a read."""
    attributes = request.attributes & ~STATUS_MASK | status << STATUS_SHIFT
    if attributes & EXT_BASE:
        answer = answer_to(request, data, status)
        return _encode_busaccess(answer)
    return (
        _BUSACCESS.pack(
            _WRITE if request.write else _READ,
            BUSACCESS_SIZE - HEADER_SIZE + len(data),
            request.id,
            request.flags | RESPONSE,
            request.dev,
            request.timestamp,
            attributes,
            request.address,
            request.size if request.write else len(data),
            request.width,
            request.stream_width,
            request.master_id,
        )
        + data
    )


def answer_to(request: BusAccess, data: bytes = b"", status: int = 0) -> BusAccess:
    """The answer to `request`, in the request's layout; `data` for a read."""
    return BusAccess(
        write=request.write,
        address=request.address,
        size=request.size if request.write else len(data),
        data=data,
        id=request.id,
        flags=request.flags | RESPONSE,
        dev=request.dev,
        attributes=request.attributes & ~STATUS_MASK | status << STATUS_SHIFT,
        timestamp=request.timestamp,
        width=request.width,
        stream_width=request.stream_width,
        master_id=request.master_id,
    )


class Decoder:
    """Packets out of a byte stream that arrives in pieces of any size.

    `max_data` bounds the data of one packet, so also the memory a peer can make this side hold.
    After a ProtocolError no packet boundary is known any more: what raised it stays, and every
    later call raises it again.
    """

    __slots__ = ("_buffer", "_limits", "_max_data", "_need", "_start", "_view", "pending")

    _INITIAL = 64 << 10

    def __init__(self, max_data: int = MAX_DATA) -> None:
        self._max_data = max_data
        self._buffer = bytearray(self._INITIAL)
        self._view = memoryview(self._buffer)
        self._start = 0
        self.pending = 0  # bytes that no packet has been made of; added to by who fills `space`
        self._need = HEADER_SIZE  # bytes from _start to the end of the packet, as far as known
        bus = BUSACCESS_SIZE - HEADER_SIZE
        # A byte enable is at most as long as the data it is for.
        bus_most = BUSACCESS_EXT_SIZE - HEADER_SIZE + 2 * max_data
        self._limits = {
            int(Command.NOP): (0, 4096),
            int(Command.HELLO): (HELLO_VERSION_SIZE - HEADER_SIZE, 4096 + 4 * MAX_CAPABILITIES),
            int(Command.CFG): (CFG_SIZE - HEADER_SIZE, CFG_SIZE - HEADER_SIZE),
            _READ: (bus, bus_most),
            _WRITE: (bus, bus_most),
            int(Command.INTERRUPT): (INTERRUPT_SIZE - HEADER_SIZE, INTERRUPT_SIZE - HEADER_SIZE),
            int(Command.SYNC): (SYNC_SIZE - HEADER_SIZE, SYNC_SIZE - HEADER_SIZE),
            int(Command.ATS_REQ): (ATS_SIZE - HEADER_SIZE, ATS_SIZE - HEADER_SIZE),
            int(Command.ATS_INV): (ATS_SIZE - HEADER_SIZE, ATS_SIZE - HEADER_SIZE),
        }

    def feed(self, data: bytes | bytearray | memoryview) -> list[Packet]:
        """Take in `data`; every packet that it completes."""
        packets: list[Packet] = []
        rest = memoryview(data)
        while rest:
            room = self.space()
            count = min(len(room), len(rest))
            room[:count] = rest[:count]
            rest = rest[count:]
            self.pending += count
            while (packet := self.next_packet()) is not None:
                packets.append(packet)
        return packets

    def space(self) -> memoryview:
        """Room to receive into, at least as much as the unfinished packet lacks.

        Who fills it adds the count to `pending`.
        """
        if not self.pending:
            self._start = 0
            return self._view
        end = self._start + self.pending
        if len(self._buffer) - self._start < self._need or end == len(self._buffer):
            self._make_room()
            end = self.pending
        return self._view[end:]

    def _make_room(self) -> None:
        held = bytes(self._view[self._start : self._start + self.pending])
        if len(self._buffer) < self._need + HEADER_SIZE:
            self._buffer = bytearray(self._need + self._INITIAL)
            self._view = memoryview(self._buffer)
        self._view[: len(held)] = held
        self._start = 0

    def next_packet(self) -> Packet | None:
        """The next complete packet; None when more bytes are needed."""
        held = self.pending
        if held < HEADER_SIZE:
            return None
        start = self._start
        command, payload, _, _, _ = _HEADER.unpack_from(self._buffer, start)
        limits = self._limits.get(command)
        if limits is None or not limits[0] <= payload <= limits[1]:
            self._check_header(start)
        size = HEADER_SIZE + payload
        if held < size:
            self._need = size
            return None
        if _READ <= command <= _WRITE:
            packet: Packet = self._busaccess(start, size)
        else:
            packet = _decode_other(self._view[start : start + size])
        self._start = start + size
        self.pending = held - size
        self._need = HEADER_SIZE
        if held == size and size > _KEPT:
            # One large transfer must not keep its memory for the life of the connection.
            self._buffer = bytearray(self._INITIAL)
            self._view = memoryview(self._buffer)
        return packet

    def _check_header(self, start: int) -> None:
        """Say what is wrong with the command or length of the header at `start`."""
        command, payload, _, flags, _ = _HEADER.unpack_from(self._buffer, start)
        limits = self._limits.get(command)
        if limits is None:
            if flags & Flags.OPTIONAL and payload <= self._max_data:
                return
            if flags & Flags.OPTIONAL:
                _fail("header", "len", payload, f"at most {self._max_data} bytes")
            _fail("header", "cmd", command, "a command from 0 to 8")
        name = _NAMES[command]
        least, most = limits
        expected = f"{least}" if least == most else f"{least} to {most}"
        _fail(name, "len", payload, f"{expected} bytes after the header")

    def _busaccess(self, start: int, total: int) -> BusAccess:
        (
            command,
            _,
            id_,
            flags,
            dev,
            timestamp,
            attributes,
            address,
            size,
            width,
            stream_width,
            master_id,
        ) = _BUSACCESS.unpack_from(self._buffer, start)
        write = command == _WRITE
        response = flags & RESPONSE != 0
        if (
            attributes
            or flags & ~RESPONSE
            or stream_width != size
            or size > self._max_data
            or total != (BUSACCESS_SIZE if write == response else BUSACCESS_SIZE + size)
        ):
            # Not the everyday access: look at every field by itself.
            name = f"{_NAMES[command]} response" if response else _NAMES[command]
            self._check_busaccess(name, flags, attributes, size, stream_width)
            if attributes & EXT_BASE:
                master_high, data, enable = self._extended(name, start, total, write != response)
                master_id |= master_high
            else:
                enable = b""
                data = self._base_data(name, start, total, write != response)
        else:
            enable = b""
            data = (
                b""
                if write == response
                else bytes(self._view[start + BUSACCESS_SIZE : start + total])
            )
        return BusAccess(
            write,
            address,
            size,
            data,
            id_,
            flags,
            dev,
            attributes,
            timestamp,
            width,
            stream_width,
            master_id,
            enable,
        )

    def _check_busaccess(
        self, name: str, flags: int, attributes: int, size: int, stream_width: int
    ) -> None:
        if flags & ~_ALL_FLAGS:
            _fail(name, "flags", flags, "a sum of 1, 2 and 4")
        if size > self._max_data:
            _fail(name, "len (of the access)", size, f"at most {self._max_data} bytes")
        if flags & RESPONSE:
            if (attributes & STATUS_MASK) >> STATUS_SHIFT > Response.ADDRESS_ERROR:
                _fail(name, "attributes", attributes, "a status of 0 to 2 in bits 11:8")
        elif stream_width and stream_width < size:
            _fail(name, "stream_width", stream_width, f"0 or at least len, {size}")

    def _base_data(self, name: str, start: int, total: int, carries: bool) -> bytes:
        """The data of an access in the base layout, all that follows its fixed part."""
        attributes, _, size = _STATUS_AND_SIZE.unpack_from(self._buffer, start + 28)
        there = total - BUSACCESS_SIZE
        if not carries and there:
            _fail(name, "len", total - HEADER_SIZE, "38, it carries no data")
        refused = attributes & STATUS_MASK and name == "read response"
        if carries and there != size and not (refused and not there):
            _fail(name, "len (of the access)", size, f"{there}, as the data")
        return bytes(self._view[start + BUSACCESS_SIZE : start + total])

    def _extended(
        self, name: str, start: int, total: int, carries: bool
    ) -> tuple[int, bytes, bytes]:
        """Of an access in the extended layout: the master id above bit 15, data, byte enable."""
        if total < BUSACCESS_EXT_SIZE:
            _fail(name, "len", total - HEADER_SIZE, "60 or more with EXT_BASE")
        attributes, _, size = _STATUS_AND_SIZE.unpack_from(self._buffer, start + 28)
        high, higher, offset, following, enable_offset, enable_size = _EXT_FIELDS.unpack_from(
            self._buffer, start + BUSACCESS_SIZE
        )
        if following:
            _fail(name, "next_offset", following, "0, no further extension is known")
        enable = b""
        if enable_size:
            if enable_size > size:
                _fail(name, "byte_enable_len", enable_size, f"at most len, {size}")
            if not BUSACCESS_EXT_SIZE <= enable_offset <= total - enable_size:
                expected = f"80 to {total - enable_size} for {enable_size} bytes"
                _fail(name, "byte_enable_offset", enable_offset, expected)
            enable = bytes(self._view[start + enable_offset : start + enable_offset + enable_size])
            if enable.strip(b"\x00\xff"):
                _fail(name, "byte_enable", enable.strip(b"\x00\xff")[0], "0 or 255 in each byte")
        data = b""
        if carries:
            if not BUSACCESS_EXT_SIZE <= offset <= total:
                _fail(name, "data_offset", offset, f"80 to {total}")
            refused = attributes & STATUS_MASK and name == "read response"
            if refused and total == offset + enable_size:
                size = 0
            if offset + size > total:
                _fail(name, "len (of the access)", size, f"at most {total - offset}, the data")
            data = bytes(self._view[start + offset : start + offset + size])
        return high << 16 | higher << 32, data, enable


def _decode_other(packet: memoryview) -> Packet:
    """Any packet but a bus access; `packet` is whole, its length checked against its command."""
    command, _, id_, flags, dev = _HEADER.unpack_from(packet)
    if flags & ~_ALL_FLAGS:
        _fail(_NAMES.get(command, f"command {command}"), "flags", flags, "a sum of 1, 2 and 4")
    match command:
        case Command.INTERRUPT:
            *_, timestamp, vector, line, value = _INTERRUPT.unpack(packet)
            if value > 1:
                _fail("interrupt", "val", value, "0 or 1")
            return Interrupt(line, value, vector, timestamp, id_, flags, dev)
        case Command.SYNC:
            return Sync(_SYNC.unpack(packet)[5], id_, flags, dev)
        case Command.HELLO:
            major, minor = _HELLO_VERSION.unpack_from(packet, HEADER_SIZE)
            return Hello(major, minor, _capabilities(packet), id_, flags, dev)
        case Command.CFG:
            *_, option, set_ = _CFG.unpack(packet)
            return Cfg(option, set_, id_, flags, dev)
        case Command.ATS_REQ | Command.ATS_INV:
            _, _, _, _, _, timestamp, attributes, address, length, result, *_ = _ATS.unpack(packet)
            invalidate = command == Command.ATS_INV
            return Ats(invalidate, address, length, attributes, result, timestamp, id_, flags, dev)
        case Command.NOP:
            return Nop(id_, flags, dev, bytes(packet[HEADER_SIZE:]))
        case _:
            return Unknown(command, bytes(packet[HEADER_SIZE:]), id_, flags, dev)


def _capabilities(packet: memoryview) -> tuple[int, ...] | None:
    total = len(packet)
    if total == HELLO_VERSION_SIZE:
        return None
    if total < HELLO_SIZE:
        _fail("hello", "len", total - HEADER_SIZE, "4, or 12 or more")
    offset, count, _ = _HELLO_CAPABILITIES.unpack_from(packet, HELLO_VERSION_SIZE)
    if not count:
        return ()
    if count > MAX_CAPABILITIES:
        _fail("hello", "caps_len", count, f"at most {MAX_CAPABILITIES}")
    if not HELLO_SIZE <= offset <= total - 4 * count:
        expected = f"32 to {total - 4 * count} for {count} capabilities"
        if total - 4 * count < HELLO_SIZE:
            _fail("hello", "caps_len", count, f"at most {(total - HELLO_SIZE) // 4}")
        _fail("hello", "caps_offset", offset, expected)
    return struct.unpack_from(f"!{count}I", packet, offset)


def _fail(packet: str, field: str, value: int, expected: str) -> NoReturn:
    shown = value if value < 4096 else f"{value:#x}"
    raise ProtocolError(f"{packet}: {field} holds {shown}, expected {expected}")
