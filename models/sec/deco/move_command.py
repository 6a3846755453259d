# SPDX-License-Identifier: MIT
"""MOVE and MOVE_LEN: bytes between registers, FIFOs and the descriptor buffer.

What OFFSET and AUX mean depends on both ends. Source: drivers/crypto/caam/desc.h and the uses in
caamalg_desc.c (Linux 6.12); set_move_offset of drivers/common/dpaax/caamflib/rta/move_cmd.h (DPDK).
"""

from __future__ import annotations

from models.sec.cha.unit import CONTEXT_BYTES, KEY_BYTES, InputType
from models.sec.deco.errors import DecoError, ErrorCode
from models.sec.deco.fields import Move
from models.sec.deco.info import Info
from models.sec.deco.load_command import put_context, put_key
from models.sec.deco.machine import Machine
from models.sec.deco.tables import (
    CONTEXT1,
    CONTEXT2,
    DESCRIPTOR,
    DST_ALTERNATE,
    DST_CLASS1_INPUT,
    DST_CLASS2_INPUT,
    DST_INPUT_NO_INFO,
    DST_KEY1,
    DST_KEY2,
    DST_PKHA_A,
    MATH_FIRST,
    MATH_LAST,
    MOVE_DESTINATIONS,
    MOVE_SOURCES,
    OUTPUT_FIFO,
    SRC_BLOCK_NO_INFO,
    SRC_CLASS_BLOCK,
    SRC_DECO_BLOCK,
    Command,
)

__all__ = ["move", "take_block"]

_AUX_LS, _AUX_MS = 1, 2
_MATH_OFFSETS = (0, 4, 6, 7)
_INPUTS = (DST_CLASS1_INPUT, DST_CLASS2_INPUT, DST_INPUT_NO_INFO, DST_PKHA_A)
_STREAMS = (*_INPUTS, OUTPUT_FIFO, DST_ALTERNATE)
_BLOCKS = (SRC_DECO_BLOCK, SRC_CLASS_BLOCK, SRC_BLOCK_NO_INFO)


def move(machine: Machine, word: int) -> None:
    """MOVE, MOVE_LEN."""
    source, dest = Move.SRC.get(word), Move.DST.get(word)
    if source not in MOVE_SOURCES or dest not in MOVE_DESTINATIONS:
        raise DecoError(ErrorCode.MOVE)
    if source in _BLOCKS and (dest in _INPUTS or dest == DST_ALTERNATE):
        raise DecoError(ErrorCode.MOVE)
    if source == dest and source in (OUTPUT_FIFO, DESCRIPTOR):
        raise DecoError(ErrorCode.MOVE)
    aux = Move.AUX.get(word)
    if word >> 27 == Command.MOVE_LEN:
        size = machine.math[word & 3] & 0xFFFF_FFFF
    elif source in _BLOCKS and dest == OUTPUT_FIFO:
        size = word & 0xFFFF
    else:
        size = word & Move.LENGTH.mask
    from_offset, to_offset = _offsets(source, dest, Move.OFFSET.get(word), aux)
    machine.bus.spend(size)
    data = _take(machine, source, aux, from_offset, size)
    _put(machine, dest, aux, to_offset, data)


def _offsets(source: int, dest: int, offset: int, aux: int) -> tuple[int, int]:
    """Where in the source and in the destination the bytes begin."""
    dest_math = MATH_FIRST <= dest <= MATH_LAST
    if source in (CONTEXT1, CONTEXT2):
        if dest == DESCRIPTOR:
            return 16 * aux, offset
        if dest in (DST_KEY1, DST_KEY2) and aux & _AUX_LS:
            return 0, offset
        return offset, _MATH_OFFSETS[aux] if dest_math else 0
    if source == DESCRIPTOR:
        if dest in (CONTEXT1, CONTEXT2):
            return offset, 16 * aux
        return offset, _MATH_OFFSETS[aux] if dest_math else 0
    if MATH_FIRST <= source <= MATH_LAST:
        if dest in _STREAMS:
            return offset, 0
        return 0 if dest in (DST_KEY1, DST_KEY2) else _MATH_OFFSETS[aux], offset
    if dest in _STREAMS:
        return 0, 0
    return 0, offset


def _take(machine: Machine, source: int, aux: int, offset: int, size: int) -> bytes:
    ccb = machine.ccb
    if source in (CONTEXT1, CONTEXT2):
        if offset + size > CONTEXT_BYTES:
            raise DecoError(ErrorCode.CONTEXT_LENGTH)
        registers = ccb.class1 if source == CONTEXT1 else ccb.class2
        return bytes(registers.context[offset : offset + size])
    if source == OUTPUT_FIFO:
        return ccb.take_output(size)
    if source == DESCRIPTOR:
        return machine.buffer_bytes(offset, size)
    if source <= MATH_LAST:
        offset += 8 * (source - MATH_FIRST)
        if offset + size > 32:
            raise DecoError(ErrorCode.MOVE)
        return machine.math_bytes()[offset : offset + size]
    if source == SRC_DECO_BLOCK:
        number = 0
    elif source == SRC_CLASS_BLOCK:
        number = 1 if aux & _AUX_LS else 2
    else:
        number = 1 if aux & _AUX_LS else 2 if aux & _AUX_MS else 0
    return take_block(machine, number, size, auto=source != SRC_BLOCK_NO_INFO)


def take_block(machine: Machine, number: int, size: int, *, auto: bool) -> bytes:
    """`size` bytes out of the DECO's (0), class 1 or class 2 alignment block; with `auto` an info
    FIFO entry brings them there first, unless those are switched off."""
    ccb = machine.ccb
    if auto and ccb.auto_info and size:
        ccb.push_info(Info(number, InputType.MESSAGE, size))
    held = ccb.lane(number).held if number else ccb.block.size
    if held < size:
        raise DecoError(ErrorCode.WATCHDOG)
    if not number:
        return ccb.block.take(size)
    data = ccb.lane(number).take(size)
    ccb.settle()
    return data


def _put(machine: Machine, dest: int, aux: int, offset: int, data: bytes) -> None:
    ccb = machine.ccb
    if dest == OUTPUT_FIFO:
        ccb.push_output(data)
    elif dest in (CONTEXT1, CONTEXT2):
        put_context(ccb.class1 if dest == CONTEXT1 else ccb.class2, offset, data)
    elif dest == DESCRIPTOR:
        machine.set_buffer_bytes(offset, data)
    elif dest <= MATH_LAST:
        offset += 8 * (dest - MATH_FIRST)
        if offset + len(data) > 32:
            raise DecoError(ErrorCode.MOVE)
        machine.set_math_bytes(offset, data)
    elif dest in (DST_KEY1, DST_KEY2):
        registers = ccb.class1 if dest == DST_KEY1 else ccb.class2
        put_key(registers, offset, data, ErrorCode.MOVE)
        registers.key_size = max(registers.key_size, min(offset + len(data), KEY_BYTES))
    elif dest == DST_ALTERNATE:
        ccb.push_input(data, alternate=True)
    elif dest == DST_INPUT_NO_INFO or not ccb.auto_info:
        ccb.push_input(data)
    else:
        ccb.load(_entry(dest, aux, len(data)), data)


def _entry(dest: int, aux: int, size: int) -> Info:
    last, flush = bool(aux & _AUX_LS), bool(aux & _AUX_MS)
    if dest == DST_PKHA_A:
        return Info(1, InputType.PKHA_A, size)
    if dest == DST_CLASS1_INPUT:
        return Info(1, InputType.MESSAGE, size, last1=last, flush1=flush)
    return Info(2, InputType.MESSAGE, size, last2=last, flush2=flush)
