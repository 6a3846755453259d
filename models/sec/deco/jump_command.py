# SPDX-License-Identifier: MIT
"""JUMP: tests, local and non-local targets, subroutines, counting, halts."""

from __future__ import annotations

from typing import Final

from models.sec.deco.errors import (
    SOURCE_HALT_CONDITION,
    SOURCE_HALT_USER,
    DecoError,
    ErrorCode,
    Halt,
)
from models.sec.deco.fields import Jump
from models.sec.deco.machine import Machine
from models.sec.deco.math_command import add_to
from models.sec.deco.tables import MATH_DESTINATIONS, JumpTest, JumpType

__all__ = ["jump"]

_JSL = Jump.JSL.mask
_FOUR_BIT_TYPES_ERA: Final = 4
_COUNTED = frozenset(MATH_DESTINATIONS) - {0xF}


def jump(machine: Machine, word: int) -> int | None:
    """JUMP. None, or for a taken non-local JUMP the address of the descriptor to go to."""
    kind = word >> 20 & 0xF
    if kind & 3 and machine.config.era < _FOUR_BIT_TYPES_ERA:
        raise DecoError(ErrorCode.JUMP)
    target = machine.pointer() if kind == JumpType.NONLOCAL else 0
    number = word >> 25 & 3
    if number & 1:
        machine.ccb.finish(machine.ccb.lane1)
    if number & 2:
        machine.ccb.finish(machine.ccb.lane2)
    if kind in (JumpType.LOCAL_INC, JumpType.LOCAL_DEC):
        if not _counted(machine, word, 1 if kind == JumpType.LOCAL_INC else -1):
            return None
    elif not _test(word, word >> 8 & 0xFF, _conditions(machine, word)):
        return None
    if kind in (JumpType.LOCAL, JumpType.LOCAL_INC, JumpType.LOCAL_DEC):
        machine.go(_target(machine, word))
    elif kind == JumpType.GOSUB:
        machine.call()
        machine.go(_target(machine, word))
    elif kind == JumpType.RETURN:
        if not machine.returns:
            raise DecoError(ErrorCode.JUMP)
        machine.go(machine.returns.pop())
    elif kind == JumpType.NONLOCAL:
        return target
    elif kind == JumpType.HALT:
        raise Halt(SOURCE_HALT_CONDITION | machine.conditions())
    elif kind == JumpType.HALT_USER:
        raise Halt(SOURCE_HALT_USER | word & 0xFF)
    else:
        raise DecoError(ErrorCode.JUMP)
    return None


def _target(machine: Machine, word: int) -> int:
    offset = word & 0xFF
    return machine.index + (offset - 0x100 if offset & 0x80 else offset)


def _counted(machine: Machine, word: int, amount: int) -> bool:
    """Count a register, then test the MATH conditions."""
    register = word >> 12 & 0xF
    if register not in _COUNTED:
        raise DecoError(ErrorCode.JUMP)
    add_to(machine, MATH_DESTINATIONS[register], amount)
    return _test(word, word >> 8 & 0xF, machine.conditions() & 0xF)


def _test(word: int, asked: int, found: int) -> bool:
    test = word >> 16 & 3
    if test == JumpTest.ALL:
        return found & asked == asked
    if test == JumpTest.NONE:
        return not found & asked
    if test == JumpTest.ANY:
        return bool(found & asked)
    return found & asked != asked


def _conditions(machine: Machine, word: int) -> int:
    if not word & _JSL:
        return machine.conditions()
    ccb = machine.ccb
    # JQP: another job waits to share, which no one can know here. CALM and NCP: transfers take
    # no time.
    value = 0x10 | 0x01
    if machine.is_shared:
        value |= 0x40 | 0x20
    if not ccb.input.size and not ccb.info:
        value |= 0x08
    if not ccb.info:
        value |= 0x04
    if not ccb.stores:
        value |= 0x02
    return value
