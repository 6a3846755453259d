# SPDX-License-Identifier: MIT
"""MATH and MATHI."""

from __future__ import annotations

from models.sec.deco.errors import DecoError, ErrorCode
from models.sec.deco.fields import Math, Mathi
from models.sec.deco.machine import Machine
from models.sec.deco.move_command import take_block
from models.sec.deco.tables import (
    MATH_DESTINATIONS,
    MATH_SOURCES0,
    MATH_SOURCES1,
    Function,
)

__all__ = ["add_to", "math", "mathi", "value_of"]

_IFB, _NFU = Math.IFB.mask, Math.NFU.mask
_WORD = 0xFFFF_FFFF
_SWAP = 9  # eight bytes, the halves of the immediate exchanged
_SIZES = (1, 2, 4, 8)

_MATHI_ERA = 5


def math(machine: Machine, word: int) -> None:
    """MATH."""
    size = word & 0xF
    swap = size == _SWAP
    if swap:
        size = 8
    function = word >> 20 & 0xF
    if size not in _SIZES or function > Function.BSWAP:
        raise DecoError(ErrorCode.MATH)
    first_name = MATH_SOURCES0.get(word >> 16 & 0xF)
    second_name = MATH_SOURCES1.get(word >> 12 & 0xF)
    dest = MATH_DESTINATIONS.get(word >> 8 & 0xF)
    if first_name is None or second_name is None or dest is None:
        raise DecoError(ErrorCode.MATH)
    both = first_name == second_name == "imm"
    short = size <= 4 or both or bool(word & _IFB)
    first = _operand(machine, first_name, size, short, swap)
    unary = function in (Function.ZBYT, Function.BSWAP)
    second = 0 if unary else _operand(machine, second_name, size, short, swap)
    mask = (1 << 8 * size) - 1
    if function == Function.SHLD:
        # The halves come from different operands, whatever the length.
        result = ((first & _WORD) << 32 | second >> 32) & mask
        carry = overflow = False
    else:
        result, carry, overflow = compute(machine, function, first & mask, second & mask, size)
    if not word & _NFU:
        _flags(machine, result, carry, overflow, size)
    _put(machine, dest, result)


def mathi(machine: Machine, word: int) -> None:
    """MATHI: one operand is a byte of the command."""
    size = word & 0xF
    function = word >> 20 & 0xF
    if machine.config.era < _MATHI_ERA:
        raise DecoError(ErrorCode.COMMAND)
    if size not in _SIZES or function > Function.ZBYT or function == Function.SHLD:
        raise DecoError(ErrorCode.MATH)
    table = MATH_SOURCES1 if word & Mathi.SSEL.mask else MATH_SOURCES0
    name = table.get(Mathi.SRC.get(word))
    dest = MATH_DESTINATIONS.get(Mathi.DEST.get(word))
    if name is None or name == "imm" or dest is None:
        raise DecoError(ErrorCode.MATH)
    mask = (1 << 8 * size) - 1
    first = _operand(machine, name, size, True, False) & mask
    immediate = Mathi.IMMEDIATE.get(word)
    if function == Function.ZBYT:
        result, carry, overflow = _find(first, immediate, size), False, False
    else:
        result, carry, overflow = compute(machine, function, first, immediate, size)
    if not word & Mathi.NFU.mask:
        _flags(machine, result, carry, overflow, size)
    _put(machine, dest, result)


def compute(
    machine: Machine, function: int, first: int, second: int, size: int
) -> tuple[int, bool, bool]:
    """The result of `size` bytes with its carry (or borrow) and two's complement overflow."""
    bits = 8 * size
    mask = (1 << bits) - 1
    sign = 1 << bits - 1
    if function in (Function.ADD, Function.ADDC):
        total = first + second + (function == Function.ADDC and machine.carry)
        overflow = bool(~(first ^ second) & (first ^ total) & sign)
        return total & mask, total > mask, overflow
    if function in (Function.SUB, Function.SUBB):
        total = first - second - (function == Function.SUBB and machine.carry)
        overflow = bool((first ^ second) & (first ^ total) & sign)
        return total & mask, total < 0, overflow
    if function == Function.OR:
        return first | second, False, False
    if function == Function.AND:
        return first & second, False, False
    if function == Function.XOR:
        return first ^ second, False, False
    if function == Function.LSHIFT:
        shifted = first << min(second, bits + 1)
        return shifted & mask, bool(shifted >> bits & 1), False
    if function == Function.RSHIFT:
        amount = min(second, bits + 1)
        return first >> amount, bool(amount and first >> amount - 1 & 1), False
    if function == Function.ZBYT:
        return _find(first, 0, size), False, False
    return int.from_bytes(first.to_bytes(size, "big"), "little"), False, False


def _find(value: int, byte: int, size: int) -> int:
    """0xff in each byte that equals `byte`, 0 in the others."""
    return int.from_bytes(
        bytes(-(one == byte) & 0xFF for one in value.to_bytes(size, "big")), "big"
    )


def _flags(machine: Machine, result: int, carry: bool, overflow: bool, size: int) -> None:
    machine.zero = not result
    machine.negative = bool(result >> 8 * size - 1)
    machine.carry = carry
    machine.overflow = overflow


def _operand(machine: Machine, name: str, size: int, short: bool, swap: bool) -> int:
    if name == "imm":
        return _immediate(machine, short, swap)
    if name == "ififo":
        return int.from_bytes(take_block(machine, 0, size, auto=False), "big")
    if name == "ofifo":
        return int.from_bytes(machine.ccb.take_output(size), "big")
    return value_of(machine, name)


def _immediate(machine: Machine, short: bool, swap: bool) -> int:
    first = machine.word()
    if short:
        return first
    second = machine.word()
    if (machine.byteorder == "big") != swap:
        return first << 32 | second
    return second << 32 | first


def value_of(machine: Machine, name: str) -> int:
    """A MATH source that is a register or a constant."""
    if name[:4] == "math":
        return machine.math[int(name[4])]
    if name == "sil":
        return machine.input.length
    if name == "sol":
        return machine.output.length
    if name == "vsil":
        return machine.input.variable
    if name == "vsol":
        return machine.output.variable
    if name == "dpovrd":
        return machine.override
    return 1 if name == "one" else 0


def _put(machine: Machine, dest: str, value: int) -> None:
    if dest[:4] == "math":
        machine.math[int(dest[4])] = value
    elif dest == "vsil":
        machine.input.variable = value & _WORD
    elif dest == "vsol":
        machine.output.variable = value & _WORD
    elif dest == "sil":
        machine.input.length = value & _WORD
    elif dest == "sol":
        machine.output.length = value & _WORD
    elif dest == "dpovrd":
        machine.override = value & _WORD


def add_to(machine: Machine, dest: str, amount: int) -> None:
    """Add `amount` to a register and set the flags by it, as the counting JUMPs do."""
    size = 8 if dest[:4] == "math" else 4
    mask = (1 << 8 * size) - 1
    value = value_of(machine, dest)
    function = Function.ADD if amount > 0 else Function.SUB
    result, carry, overflow = compute(machine, function, value & mask, abs(amount), size)
    _flags(machine, result, carry, overflow, size)
    _put(machine, dest, result)
