# SPDX-License-Identifier: MIT
"""One command's use of the link.

While the controller moves data for the disk, registers of the controller can be written and the
disk be reset or given another command, all inside the call. An exchange that was overtaken in this
way ends with LinkLost at its next step, so that no part of it follows the reset's signature.
"""

from __future__ import annotations

from models.ata.registers import BUSY, DEVICE_LBA, FAILED, LBA28_DEVICE, READY, READY_DATA
from models.ata.transport import (
    LinkErrors,
    LinkLost,
    PioSetup,
    RegisterD2H,
    RegisterH2D,
    Transport,
)

DMA_PIECE = 1 << 20  # most bytes the disk asks of the controller at once


class CommandError(Exception):
    """A command ends with these bits in the Error register, and perhaps an address to blame."""

    def __init__(self, error: int, lba: int | None = None) -> None:
        super().__init__(f"error {error:#04x}")
        self.error = error
        self.lba = lba


class NeverCompletes(Exception):
    """The command stays as it is until a reset or another command ends it."""


class Link:
    """The cable's end at the disk. `epoch` grows with everything that ends what is under way."""

    __slots__ = ("epoch", "transport")

    def __init__(self) -> None:
        self.transport: Transport | None = None
        self.epoch = 0

    def send(self, fis: RegisterD2H) -> None:
        """A Register FIS outside of any exchange; LinkLost without a controller."""
        if self.transport is None:
            raise LinkLost("no controller")
        self.transport.send_register(fis)


class Exchange:
    """What one non-queued command sends and receives. All of it raises LinkLost."""

    __slots__ = ("_epoch", "_link", "_transport")

    def __init__(self, link: Link) -> None:
        if link.transport is None:
            raise LinkLost("no controller")
        link.epoch += 1
        self._link = link
        self._transport = link.transport
        self._epoch = link.epoch

    def register(self, fis: RegisterD2H) -> None:
        self._transport.send_register(fis)
        self._check()

    def pio_in(self, fis: RegisterH2D, block: bytes, last: bool) -> None:
        """One DRQ block to the host; its end is the command's when it is the `last`."""
        self._transport.send_pio_setup(
            PioSetup(
                status=READY_DATA,
                device=fis.device,
                lba=fis.lba,
                count=fis.count,
                end_status=READY if last else BUSY,
                transfer_count=len(block),
                interrupt=True,
                direction_in=True,
            )
        )
        self._check()
        self._transport.send_data(block)
        self._check()

    def pio_out(self, fis: RegisterH2D, size: int, first: bool) -> bytes:
        """One DRQ block from the host."""
        self._transport.send_pio_setup(
            PioSetup(
                status=READY_DATA,
                device=fis.device,
                lba=fis.lba,
                count=fis.count,
                end_status=BUSY,
                transfer_count=size,
                interrupt=not first,
            )
        )
        self._check()
        return self._receive(size)

    def dma_in(self, data: bytes) -> None:
        self._transport.send_data(data)
        self._check()

    def dma_out(self, size: int) -> bytes:
        self._transport.send_dma_activate()
        self._check()
        return self._receive(size)

    def link_error(self, kind: LinkErrors, fatal: bool) -> None:
        self._transport.link_error(kind, fatal)
        self._check()

    def _receive(self, size: int) -> bytes:
        data = self._transport.receive_data(size)
        self._check()
        if len(data) < size:
            # The disk waits for the rest, which the host has no buffer for.
            raise NeverCompletes
        return data if len(data) == size else data[:size]

    def _check(self) -> None:
        if self._link.epoch != self._epoch:
            raise LinkLost("overtaken")


def success(fis: RegisterH2D) -> RegisterD2H:
    """The end of a command without data, or of one with DMA."""
    return RegisterD2H(READY, 0, fis.device, fis.lba, fis.count, True)


def failure(fis: RegisterH2D, error: int, lba: int | None, extended: bool) -> RegisterD2H:
    """The end of a command that failed, with the address to blame where there is one."""
    device = fis.device
    if lba is None:
        lba = fis.lba
    elif not extended:
        device = device & ~LBA28_DEVICE | lba >> 24 & LBA28_DEVICE | DEVICE_LBA
        lba &= 0xFFFFFF
    return RegisterD2H(FAILED, error, device, lba, fis.count, True)
