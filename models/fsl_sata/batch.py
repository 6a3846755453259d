# SPDX-License-Identifier: MIT
"""What one piece of work has done so far and memory and registers do not show yet."""

from __future__ import annotations

from typing import Protocol

from models.fsl_sata.command import SFIS, SFIS_SIZE, Command


class Frame(Protocol):
    def to_bytes(self) -> bytes: ...


class Batch:
    """The outcome of several commands: data on its way to memory, status FISes, then registers.

    Memory is written in that order and the registers change at once when it has taken everything,
    so that software never sees a completion before its data.
    """

    __slots__ = (
        "cer",
        "completed",
        "data",
        "der",
        "dropped",
        "epoch",
        "fatal",
        "given",
        "held",
        "hstatus",
        "queued",
        "serr",
        "sig",
        "size",
        "sntf",
        "statuses",
    )

    def __init__(self, epoch: int) -> None:
        self.epoch = epoch
        self.hstatus = 0  # bits to set
        self.serr = 0
        self.sntf = 0
        self.given = 0  # slots whose commands went to the device
        self.queued = 0  # and of those, the ones that are queued there
        self.completed = 0
        self.dropped = 0  # slots that a reset of the device emptied
        self.cer = 0
        self.der = 0
        self.sig: int | None = None
        self.fatal = False
        self.data: list[tuple[int, bytes]] = []
        self.held = 0  # bytes in `data`
        self.size = 0  # bytes moved so far, in either direction
        self.statuses: dict[int, bytes] = {}  # status FISes by their address

    def status(self, command: Command, frame: Frame) -> None:
        """Give a command's status FIS."""
        where = command.header.descriptor + SFIS
        self.statuses[where] = frame.to_bytes().ljust(SFIS_SIZE, b"\0")

    def fail(self, cause: int) -> None:
        """Memory did not take the data: HSTATUS bits `cause`, and nothing is reported as done."""
        self.hstatus = cause
        self.serr = self.sntf = self.completed = self.cer = self.der = self.held = 0
        self.sig = None
        self.data, self.statuses = [], {}
        self.fatal = True
