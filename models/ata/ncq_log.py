# SPDX-License-Identifier: MIT
"""Logs of native command queuing: 10h, 12h and 13h (Serial ATA 3.x, section 13.7)."""

from __future__ import annotations

from models.ata.identify import BLOCK, checksummed
from models.ata.registers import FAILED
from models.ata.transport import RegisterH2D

_NQ = 0x80  # the error is not a queued command's

NO_ERROR = checksummed(bytes((_NQ,)).ljust(BLOCK, b"\0"))


def command_error(tag: int | None, fis: RegisterH2D, error: int, lba: int) -> bytes:
    """Log 10h after `fis` failed with these; `tag` is None for a command that was not queued."""
    page = bytearray(BLOCK)
    page[0] = _NQ if tag is None else tag
    page[2], page[3] = FAILED, error
    page[4:7] = (lba & 0xFFFFFF).to_bytes(3, "little")
    page[7] = fis.device
    page[8:11] = (lba >> 24 & 0xFFFFFF).to_bytes(3, "little")
    page[12:14] = fis.count.to_bytes(2, "little")
    return checksummed(page)


def non_data() -> bytes:
    """Log 12h: ABORT NCQ QUEUE, of all commands and of a selected one."""
    return bytes((0x13,)).ljust(BLOCK, b"\0")


def send_receive() -> bytes:
    """Log 13h: SEND FPDMA QUEUED for trim, RECEIVE FPDMA QUEUED for READ LOG DMA EXT."""
    page = bytearray(BLOCK)
    page[0] = 0x01  # DATA SET MANAGEMENT
    page[4] = 0x01  # of it, TRIM
    page[8] = 0x01  # READ LOG DMA EXT
    return bytes(page)
