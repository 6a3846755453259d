# SPDX-License-Identifier: MIT
"""Between an ATA device and the controller it hangs on: the FISes, and the two sides as protocols.

The frame layouts are those of the Serial ATA specification, revision 3.x, section 10 (transport
layer). The device calls the controller through `Transport`; the controller calls the device
through `AtaDevice`. Nothing here knows which controller or which device it is.
"""

from __future__ import annotations

import struct
from dataclasses import dataclass
from enum import Flag, IntEnum, auto
from typing import Any, ClassVar, Protocol, Self


class FisType(IntEnum):
    """The first byte of a frame."""

    REGISTER_H2D = 0x27
    REGISTER_D2H = 0x34
    DMA_ACTIVATE = 0x39
    DMA_SETUP = 0x41
    DATA = 0x46
    PIO_SETUP = 0x5F
    SET_DEVICE_BITS = 0xA1


class LinkLost(Exception):
    """The link went away, or the host aborted the transfer: the device drops what it does."""


class LinkErrors(Flag):
    """What a link can suffer; the controller shows it as its own registers do (AHCI: PxSERR)."""

    CRC = auto()  # a frame arrived with a wrong CRC
    HANDSHAKE = auto()  # R_ERR was answered to a frame
    DISPARITY = auto()  # running disparity of 8b/10b
    DECODE = auto()  # 10b to 8b decoding
    SEQUENCE = auto()  # link layer state machine
    TRANSPORT = auto()  # transport layer state machine
    UNKNOWN_FIS = auto()  # an unknown FIS type was received
    INTERNAL = auto()  # PHY internal error


_H2D = struct.Struct("<BBBBIIHBBI")
_D2H = struct.Struct("<BBBBIIHxx4x")
_PIO_SETUP = struct.Struct("<BBBBIIHxBHxx")
_DMA_SETUP = struct.Struct("<BBxxII4xII4x")
_SET_DEVICE_BITS = struct.Struct("<BBBBI")
_LOW = 0xFFFFFF


@dataclass(frozen=True, slots=True)
class RegisterH2D:
    """Register FIS, host to device: a command (`is_command`, bit C) or the Device Control register.

    `features` and `count` are 16 bits wide, `lba` 48, `auxiliary` 32. In a 28-bit command the low
    half of each is meant and LBA bits 27:24 are in `device` bits 3:0.
    """

    command: int = 0
    features: int = 0
    device: int = 0
    lba: int = 0
    count: int = 0
    icc: int = 0
    control: int = 0
    auxiliary: int = 0
    is_command: bool = True
    pm_port: int = 0

    SIZE: ClassVar[int] = 20

    @classmethod
    def from_bytes(cls, frame: bytes) -> Self:
        """Decode 20 bytes. ValueError when the length or the FIS type is another."""
        if len(frame) != cls.SIZE:
            raise ValueError(f"Register H2D FIS of {len(frame)} bytes, expected {cls.SIZE}")
        kind, flags, command, features, low, high, count, icc, control, auxiliary = _H2D.unpack(
            frame
        )
        if kind != FisType.REGISTER_H2D:
            raise ValueError(f"FIS type {kind:#04x}, expected Register H2D (0x27)")
        return cls(
            command,
            features | (high >> 16 & 0xFF00),
            low >> 24,
            (low & _LOW) | (high & _LOW) << 24,
            count,
            icc,
            control,
            auxiliary,
            bool(flags & 0x80),
            flags & 0xF,
        )

    def to_bytes(self) -> bytes:
        """The 20 bytes on the wire."""
        return _H2D.pack(
            FisType.REGISTER_H2D,
            (0x80 if self.is_command else 0) | self.pm_port,
            self.command,
            self.features & 0xFF,
            (self.lba & _LOW) | self.device << 24,
            self.lba >> 24 | (self.features & 0xFF00) << 16,
            self.count,
            self.icc,
            self.control,
            self.auxiliary,
        )


@dataclass(frozen=True, slots=True)
class RegisterD2H:
    """Register FIS, device to host: the device's registers, and whether it asks for attention."""

    status: int = 0
    error: int = 0
    device: int = 0
    lba: int = 0
    count: int = 0
    interrupt: bool = False
    pm_port: int = 0

    SIZE: ClassVar[int] = 20

    def to_bytes(self) -> bytes:
        """The 20 bytes on the wire."""
        return _D2H.pack(
            FisType.REGISTER_D2H,
            (0x40 if self.interrupt else 0) | self.pm_port,
            self.status,
            self.error,
            (self.lba & _LOW) | self.device << 24,
            self.lba >> 24,
            self.count,
        )


@dataclass(frozen=True, slots=True)
class PioSetup:
    """PIO Setup FIS: one DRQ block of `transfer_count` bytes follows.

    `status` is the register's value before the data, `end_status` after it. `direction_in` means
    device to host.
    """

    status: int = 0
    error: int = 0
    device: int = 0
    lba: int = 0
    count: int = 0
    end_status: int = 0
    transfer_count: int = 0
    interrupt: bool = False
    direction_in: bool = False
    pm_port: int = 0

    SIZE: ClassVar[int] = 20

    def to_bytes(self) -> bytes:
        """The 20 bytes on the wire."""
        return _PIO_SETUP.pack(
            FisType.PIO_SETUP,
            (0x40 if self.interrupt else 0) | (0x20 if self.direction_in else 0) | self.pm_port,
            self.status,
            self.error,
            (self.lba & _LOW) | self.device << 24,
            self.lba >> 24,
            self.count,
            self.end_status,
            self.transfer_count,
        )


@dataclass(frozen=True, slots=True)
class DmaSetup:
    """DMA Setup FIS (first-party DMA): which queued command's buffer the data phase is for.

    `offset` and `transfer_count` are in bytes. `auto_activate` stands for the first DMA Activate
    of a transfer to the device.
    """

    tag: int = 0
    direction_in: bool = False
    auto_activate: bool = False
    interrupt: bool = False
    offset: int = 0
    transfer_count: int = 0
    pm_port: int = 0

    SIZE: ClassVar[int] = 28

    def to_bytes(self) -> bytes:
        """The 28 bytes on the wire."""
        return _DMA_SETUP.pack(
            FisType.DMA_SETUP,
            (0x80 if self.auto_activate else 0)
            | (0x40 if self.interrupt else 0)
            | (0x20 if self.direction_in else 0)
            | self.pm_port,
            self.tag,
            0,
            self.offset,
            self.transfer_count,
        )


@dataclass(frozen=True, slots=True)
class SetDeviceBits:
    """Set Device Bits FIS: status bits 6:4 and 2:0, the Error register, and the tags that finished.

    Bits BSY and DRQ of `status` are not carried: the controller keeps its own.
    """

    status: int = 0
    error: int = 0
    sactive: int = 0
    interrupt: bool = False
    notification: bool = False
    pm_port: int = 0

    SIZE: ClassVar[int] = 8

    def to_bytes(self) -> bytes:
        """The 8 bytes on the wire."""
        return _SET_DEVICE_BITS.pack(
            FisType.SET_DEVICE_BITS,
            (0x80 if self.notification else 0) | (0x40 if self.interrupt else 0) | self.pm_port,
            self.status & 0x77,
            self.error,
            self.sactive,
        )


@dataclass(frozen=True, slots=True)
class DmaActivate:
    """DMA Activate FIS: the host may send the next data."""

    pm_port: int = 0

    SIZE: ClassVar[int] = 4

    def to_bytes(self) -> bytes:
        """The 4 bytes on the wire."""
        return bytes((FisType.DMA_ACTIVATE, self.pm_port, 0, 0))


class Transport(Protocol):
    """The controller's side of the link, called by the device, on the thread that called it.

    Any of these raises LinkLost when the link went away or the host aborted what is under way.
    """

    def send_register(self, fis: RegisterD2H) -> None:
        """Deliver a Register D2H FIS."""

    def send_pio_setup(self, fis: PioSetup) -> None:
        """Announce one DRQ block; `send_data` or `receive_data` of that size comes next."""

    def send_dma_setup(self, fis: DmaSetup) -> None:
        """Name the queued command that the next data belongs to."""

    def send_dma_activate(self) -> None:
        """Let the host send; `receive_data` comes next."""

    def send_set_device_bits(self, fis: SetDeviceBits) -> None:
        """Deliver a Set Device Bits FIS."""

    def send_data(self, data: bytes) -> int:
        """Device to host, any length: cutting it into Data FISes is the controller's affair.

        Returns how many bytes the host's buffers took; fewer than sent is an overflow.
        """

    def receive_data(self, count: int) -> bytes:
        """Host to device: `count` bytes, or fewer when the host's buffers end early."""

    def work_ready(self) -> None:
        """`AtaDevice.step` has something to do again. Callable from any thread, without locks."""

    def link_error(self, kind: LinkErrors, fatal: bool) -> None:
        """An error of the link itself, for fault injection.

        `fatal`: the transfer cannot go on (AHCI: PxIS.IFS, else PxIS.INFS).
        """


class AtaDevice(Protocol):
    """What a controller sees of a disk. All calls come on one thread."""

    def attach(self, transport: Transport | None) -> None:
        """Plug the device into a controller's port, or out of it (None). Nothing is sent."""

    def comreset(self) -> None:
        """Link reset: the device resets and sends its signature with `send_register`."""

    def command(self, fis: RegisterH2D) -> None:
        """A Register H2D FIS with C=1.

        A non-queued command is executed now, or at `step` when it takes time. A queued one is
        accepted (Register D2H with BSY clear) and executed by `step`.
        """

    def control(self, fis: RegisterH2D) -> None:
        """A Register H2D FIS with C=0: the Device Control register, SRST among it."""

    def step(self) -> bool:
        """Do one piece of outstanding work, such as one queued command.

        False when there is nothing more to do. Queued commands may finish out of order.
        """

    def save(self) -> dict[str, Any]:
        """State as JSON-able data."""

    def load(self, state: dict[str, Any]) -> None:
        """Take over what `save` made; StateError, and nothing changed, when it is bad."""
