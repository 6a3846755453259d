# SPDX-License-Identifier: MIT
"""How a job ends: the job status word (JRSTA) and the errors that lead to one.

Source: JRSTA_* of drivers/crypto/caam/regs.h and desc_error_list of error.c, Linux 6.12.
"""

from __future__ import annotations

from enum import IntEnum
from typing import Final

__all__ = [
    "SOURCE_CCB",
    "SOURCE_DECO",
    "SOURCE_HALT_CONDITION",
    "SOURCE_HALT_USER",
    "DecoError",
    "ErrorCode",
    "Halt",
    "describe",
]

SOURCE_CCB: Final = 0x2000_0000
SOURCE_HALT_USER: Final = 0x3000_0000
SOURCE_DECO: Final = 0x4000_0000
SOURCE_HALT_CONDITION: Final = 0x7000_0000
JUMPED: Final = 0x0800_0000
"""The index counts in a descriptor that a non-local JUMP reached."""


class ErrorCode(IntEnum):
    """The low byte of a DECO error."""

    SGT_LENGTH = 0x01
    SGT_NULL = 0x02
    COMMAND = 0x04
    KEY = 0x06
    LOAD = 0x07
    STORE = 0x08
    OPERATION = 0x09
    FIFO_LOAD = 0x0A
    FIFO_STORE = 0x0B
    MOVE = 0x0C
    JUMP = 0x0D
    MATH = 0x0E
    SIGNATURE = 0x0F
    SEQUENCE = 0x10
    SKIP_TYPE = 0x11
    SHARED_HEADER = 0x12
    HEADER = 0x13
    CONTEXT_LENGTH = 0x15
    DMA = 0x16
    WATCHDOG = 0x1C
    NONCE = 0x21
    DO_NOT_RUN = 0x80
    UNDEFINED_PROTOCOL = 0x81
    SIGNATURE_INVALID = 0x86


class DecoError(Exception):
    """A command cannot be executed. `index`: another word than that of the command at work."""

    def __init__(self, code: int, index: int | None = None) -> None:
        super().__init__(f"DECO error {int(code):#04x}")
        self.code = int(code)
        self.index = index


class Halt(Exception):
    """A JUMP of type HALT; `status` without JUMPED and the index."""

    def __init__(self, status: int) -> None:
        super().__init__(f"halt {status:#010x}")
        self.status = status


_SOURCES = {
    SOURCE_CCB: "CCB",
    SOURCE_HALT_USER: "halt with user status",
    SOURCE_DECO: "DECO",
    SOURCE_HALT_CONDITION: "halt with condition codes",
}


def describe(status: int) -> str:
    """A job status for a person: `DECO error MOVE (0x0c) at word 7`."""
    if not status:
        return "done"
    source = _SOURCES.get(status & 0xF000_0000, f"source {status >> 28}")
    low = status & 0xFF
    detail = f"{low:#04x}"
    if status & 0xF000_0000 == SOURCE_DECO:
        name = next((code.name for code in ErrorCode if code == low), "")
        detail = f"error {name} ({detail})" if name else f"error {detail}"
    elif status & 0xF000_0000 == SOURCE_CCB:
        detail = f"error {low & 0xF:#x} of CHA {low >> 4:#x}"
    where = "after a jump, " if status & JUMPED else ""
    return f"{source} {detail} {where}at word {status >> 8 & 0xFF}"
