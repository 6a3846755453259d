# SPDX-License-Identifier: MIT
"""What libata of Linux 6.12 says about a disk in trouble, as each controller's driver lets it.

Patterns are regular expressions for `KernelLog`, in the order in which the kernel says them.
"""

from __future__ import annotations

from dataclasses import dataclass

READ = "failed command: READ FPDMA QUEUED"
WRITE = "failed command: WRITE FPDMA QUEUED"
FROZEN = "exception Emask .* frozen"
TIMEOUT = r"Emask 0x4 \(timeout\)"
RESET = "hard resetting link"
DOWN, UP = "SATA link down", "SATA link up"
LOSS = "I/O error|medium error|critical target error|disable device|NCQ disabled"
MEDIUM_ERROR = (
    r"status: \{ DRDY ERR \}",
    r"error: \{ UNC \}",
    "Sense Key : Medium Error",
    "Unrecovered read error",
)

_SPEEDS = {1: r"1\.5 Gbps", 2: r"3\.0 Gbps", 3: r"6\.0 Gbps"}


def speed(generation: int) -> str:
    """How libata names a link of generation 1, 2 or 3."""
    return _SPEEDS[generation]


@dataclass(frozen=True)
class Driver:
    """A driver's way with errors.

    `unreadable` is said when one of several queued reads meets a sector that cannot be read, at the
    end of scenario `sata-faults`, and `unreadable_never` is not; it takes `unreadable_reads` reads
    of the sector. `bad_crc` and `bad_crc_written` are said when a transfer breaks down, `refused`
    when the disk reports a CRC error of a write itself, `replugged` when the link went and came,
    `aborted` when the disk moves a part of the data and says so, with `aborted_never`.
    `counts_bytes`: a part that the disk says nothing about is noticed, which `incomplete` says.
    """

    unreadable: tuple[str, ...]
    unreadable_never: str
    unreadable_reads: int
    bad_crc: tuple[str, ...]
    bad_crc_written: tuple[str, ...]
    refused: tuple[str, ...]
    replugged: tuple[str, ...]
    aborted: tuple[str, ...]
    aborted_never: str
    counts_bytes: bool
    incomplete: tuple[str, ...] = ()


AHCI = Driver(
    unreadable=(READ, *MEDIUM_ERROR),
    unreadable_never=f"{RESET}|disable",
    unreadable_reads=1,
    bad_crc=(FROZEN, "interface fatal error", r"SError: \{ UnrecovData .*BadCRC"),
    bad_crc_written=("interface fatal error", r"SError: \{ UnrecovData .*Handshk"),
    refused=(r"SError: \{ .*Handshk", WRITE, r"error: \{ ICRC ABRT \}"),
    # What the driver reads of it may be from before the link came back.
    replugged=("(PHY RDY|connection status) changed", r"SError: \{ .*PHYRdyChg"),
    aborted=(READ, r"error: \{ ABRT \}"),
    aborted_never=f"{LOSS}|{RESET}|frozen",
    counts_bytes=False,
)
"""ahci and its kin: read log 10h after the error of a queued command, and know which one it was."""

_NO_LOG = "failed to read log page 10h"
_BUS_ERROR = r"Emask 0x1[02] \(ATA bus error\)"
_FORGOTTEN = ("revalidation failed", RESET)

SATA_FSL = Driver(
    # Again and again, until libata is tired of it and does without queuing.
    unreadable=(_NO_LOG, READ, "NCQ disabled", "failed command: READ DMA", *MEDIUM_ERROR),
    unreadable_never="disable device",
    unreadable_reads=5,
    bad_crc=(FROZEN, READ, _BUS_ERROR),
    bad_crc_written=(FROZEN,),
    refused=(_NO_LOG, WRITE, *_FORGOTTEN),
    replugged=("PHY RDY changed",),
    aborted=(_NO_LOG, READ, *_FORGOTTEN),
    aborted_never=f"{LOSS}|frozen",
    counts_bytes=True,
    incomplete=(FROZEN, _BUS_ERROR, RESET, UP),
)
"""sata_fsl: never reads log 10h (ATA_FLAG_NO_LOG_PAGE), so that a disk in error aborts IDENTIFY.

It clears SError without a word, and its controller compares the data's length with the command's.
"""
