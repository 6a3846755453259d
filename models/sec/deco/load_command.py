# SPDX-License-Identifier: MIT
"""LOAD and SEQ LOAD."""

from __future__ import annotations

from collections.abc import Callable

from models.sec.cha.unit import CONTEXT_BYTES, KEY_BYTES, ClassRegisters, InputType
from models.sec.deco.errors import DecoError, ErrorCode
from models.sec.deco.fields import ChaControl, ClearWritten, DecoControl, Load
from models.sec.deco.info import decode_info
from models.sec.deco.machine import Machine
from models.sec.deco.tables import CHA_RESETS, MATH_ARGUMENT, PLACES, Command, OpType, Place

__all__ = ["load", "put_context", "put_key"]

_SGF, _IMM = Load.SGF.mask, Load.IMM.mask
_WORD = 0xFFFF_FFFF
_PLACES = {number << 25 | register << 16: place for (number, register), place in PLACES.items()}
_PLACE_MASK = Load.CLASS.mask | Load.REGISTER.mask


def load(machine: Machine, word: int) -> None:
    """LOAD, SEQ LOAD."""
    place = _PLACES.get(word & _PLACE_MASK)
    if place is None or not place.load:
        raise DecoError(ErrorCode.LOAD)
    name = place.name
    if name == "dctrl":
        _deco_control(machine, word)
        return
    sequence = word >> 27 == Command.SEQ_LOAD
    size = word & Load.LENGTH.mask
    offset = Load.OFFSET.get(word)
    if name in MATH_ARGUMENT:
        if sequence or not word & _IMM or size > 3 or offset:
            raise DecoError(ErrorCode.LOAD)
        _info(machine, name, machine.word(), machine.math[size] & _WORD)
        return
    if name == "descbuf":
        _descriptor(machine, word, sequence, size, offset)
        return
    if sequence and word & _SGF:
        size = machine.input.variable
    if offset + size > place.size:
        raise DecoError(ErrorCode.CONTEXT_LENGTH if name[:3] == "ctx" else ErrorCode.LOAD)
    data = _fetch(machine, word, sequence, size)
    if not place.word:
        _BYTES[name](machine, offset, data)
        return
    _load_number(machine, place, offset, data)


def _fetch(machine: Machine, word: int, sequence: bool, size: int) -> bytes:
    if sequence:
        if word & _IMM:
            raise DecoError(ErrorCode.LOAD)
        return machine.input.read(size)
    if word & _IMM:
        if word & _SGF:
            raise DecoError(ErrorCode.LOAD)
        return machine.immediate(size)
    return machine.fetch(machine.pointer(), size, bool(word & _SGF))


def _descriptor(machine: Machine, word: int, sequence: bool, count: int, offset: int) -> None:
    """Words into the descriptor buffer; length and offset count words."""
    if not count or offset + count > len(machine.words) or word & _IMM:
        raise DecoError(ErrorCode.LOAD)
    raw = _fetch(machine, word & ~_SGF if sequence else word, sequence, 4 * count)
    machine.words[offset : offset + count] = machine.unpack(raw)


# Rows of bytes


def put_context(registers: ClassRegisters, offset: int, data: bytes) -> None:
    """Bytes into a context register; the error of one that ends before them."""
    if offset + len(data) > CONTEXT_BYTES:
        raise DecoError(ErrorCode.CONTEXT_LENGTH)
    registers.context[offset : offset + len(data)] = data


def put_key(registers: ClassRegisters, offset: int, data: bytes, error: ErrorCode) -> None:
    """Bytes into a key register, whose size register stays as it is."""
    if offset + len(data) > KEY_BYTES:
        raise DecoError(error)
    row = bytearray(registers.key.ljust(offset + len(data), b"\0"))
    row[offset : offset + len(data)] = data
    registers.key = bytes(row)
    registers.split_key = False


def _context1(machine: Machine, offset: int, data: bytes) -> None:
    put_context(machine.class1, offset, data)


def _context2(machine: Machine, offset: int, data: bytes) -> None:
    put_context(machine.class2, offset, data)


def _key1(machine: Machine, offset: int, data: bytes) -> None:
    put_key(machine.class1, offset, data, ErrorCode.LOAD)


def _key2(machine: Machine, offset: int, data: bytes) -> None:
    put_key(machine.class2, offset, data, ErrorCode.LOAD)


def _input(machine: Machine, offset: int, data: bytes) -> None:
    machine.ccb.push_input(data)


def _alternate(machine: Machine, offset: int, data: bytes) -> None:
    machine.ccb.push_input(data, alternate=True)


def _output(machine: Machine, offset: int, data: bytes) -> None:
    machine.ccb.push_output(data)


_BYTES: dict[str, Callable[[Machine, int, bytes], None]] = {
    "ctx1": _context1,
    "ctx2": _context2,
    "key1": _key1,
    "key2": _key2,
    "ififo": _input,
    "altsource": _alternate,
    "ofifo": _output,
}


# Numbers


def _load_number(machine: Machine, place: Place, offset: int, data: bytes) -> None:
    name = place.name
    if name[:4] == "math":
        _math(machine, int(name[4]) * 8 + offset, data)
    elif name[:5] == "nfifo" or name[:4] == "size":
        if offset or len(data) not in (4, 8):
            raise DecoError(ErrorCode.LOAD)
        entry = machine.number(data[:4])
        _info(machine, name, entry, machine.number(data[4:]) if len(data) == 8 else None)
    else:
        _registers(machine, name, machine.number(data), len(data))


def _math(machine: Machine, offset: int, data: bytes) -> None:
    """MATH registers: each is one number in the SoC's byte order, and so is a part of one."""
    while data:
        size = min(8 - offset % 8, len(data))
        value = machine.number(data[:size])
        machine.set_math_bytes(offset, value.to_bytes(size, "big"))
        data = data[size:]
        offset += size


_SIZED = frozenset(("nfifo-szl", "nfifo-szm", "size-l", "size-m"))


def _info(machine: Machine, name: str, word: int, length: int | None) -> None:
    """The info FIFO forms: an entry, the size registers of its classes, or both."""
    entry = decode_info(word, length, machine.ccb.public_key)
    if name in _SIZED:
        for number in (1, 2):
            if entry.dest & number:
                registers = machine.class_registers(number)
                registers.data_size = registers.data_size + entry.length & _WORD
    if name[:5] == "nfifo":
        machine.ccb.push_info(entry)


def _registers(machine: Machine, name: str, value: int, size: int) -> None:
    if name == "clrw":
        _clear_written(machine, value)
    elif name == "cctrl":
        _cha_control(machine, value)
    elif name == "ictrl":
        machine.interrupt_control = value
    elif name == "dpovrd":
        machine.override = value
    elif name == "pid":
        machine.pid = value
    elif name in _PKHA_SIZES:
        setattr(machine.ccb.use_pkha(), _PKHA_SIZES[name], min(value, 512))
    else:
        _class_registers(machine, name[:-1], int(name[-1]), value)


_PKHA_SIZES = {"pkasz": "a_size", "pkbsz": "b_size", "pknsz": "n_size", "pkesz": "e_size"}


def _class_registers(machine: Machine, name: str, number: int, value: int) -> None:
    registers = machine.class_registers(number)
    if name == "mode":
        kind = OpType.CLASS1 if number == 1 else OpType.CLASS2
        machine.ccb.operate(number, Command.OPERATION << 27 | kind << 24 | value & 0xFFFFFF)
    elif name == "keysz":
        if value > KEY_BYTES:
            raise DecoError(ErrorCode.LOAD)
        registers.key_size = value
    elif name in ("datasz", "altdatasz"):
        registers.data_size = registers.data_size + value & _WORD
    elif name == "icvsz":
        registers.icv_size = value
    elif name == "aadsz":
        registers.aad_size = value
    else:
        registers.iv_size = value


def _deco_control(machine: Machine, word: int) -> None:
    """DECO control: the command word itself is all there is."""
    if not word & _IMM or word >> 27 == Command.SEQ_LOAD:
        raise DecoError(ErrorCode.LOAD)
    if word & DecoControl.NO_AUTO_NFIFO.mask:
        machine.ccb.auto_info = False
    elif word & DecoControl.AUTO_NFIFO.mask:
        machine.ccb.auto_info = True
    change = DecoControl.SHARE.get(word)
    if change:
        machine.share_change = change
    if word & DecoControl.RESET_OFIFO.mask:
        machine.ccb.output.clear()
    if word & DecoControl.RESET_CHA_POINTER.mask:
        machine.ccb.output.rewind()


def _clear_written(machine: Machine, bits: int) -> None:
    ccb = machine.ccb
    if bits & (ClearWritten.C1MODE.mask | ClearWritten.RESET_CLASS1_CHA.mask):
        ccb.clear_mode(ccb.lane1)
    if bits & (ClearWritten.C2MODE.mask | ClearWritten.RESET_CLASS2_CHA.mask):
        ccb.clear_mode(ccb.lane2)
    for registers, part in ((ccb.class1, bits), (ccb.class2, bits >> 16)):
        if part & ClearWritten.C1KEY.mask:
            registers.clear_key()
        if part & ClearWritten.C1KS.mask:
            registers.key_size = 0
        if part & ClearWritten.C1DS.mask:
            registers.data_size = 0
        if part & ClearWritten.C1ICV.mask:
            registers.icv_size = 0
        if part & ClearWritten.C1CTX.mask:
            registers.clear_context()
    for field, name in (
        (ClearWritten.PKA, "a"),
        (ClearWritten.PKB, "b"),
        (ClearWritten.PKN, "n"),
        (ClearWritten.PKE, "e"),
    ):
        if bits & field.mask:
            setattr(machine.pkha, f"{name}_size", 0)
    if bits & ClearWritten.RESET_OFIFO.mask:
        ccb.output.clear()
    if bits & ClearWritten.RESET_INPUT.mask:
        ccb.input.clear()
        ccb.info.clear()


_UNLOADS = (
    (ChaControl.UNLOAD_A0, InputType.PKHA_A0, "a_size"),
    (ChaControl.UNLOAD_A1, InputType.PKHA_A1, "a_size"),
    (ChaControl.UNLOAD_A2, InputType.PKHA_A2, "a_size"),
    (ChaControl.UNLOAD_A3, InputType.PKHA_A3, "a_size"),
    (ChaControl.UNLOAD_B0, InputType.PKHA_B0, "b_size"),
    (ChaControl.UNLOAD_B1, InputType.PKHA_B1, "b_size"),
    (ChaControl.UNLOAD_B2, InputType.PKHA_B2, "b_size"),
    (ChaControl.UNLOAD_B3, InputType.PKHA_B3, "b_size"),
    (ChaControl.UNLOAD_N, InputType.PKHA_N, "n_size"),
    (ChaControl.UNLOAD_A, InputType.PKHA_A, "a_size"),
    (ChaControl.UNLOAD_B, InputType.PKHA_B, "b_size"),
)


def _cha_control(machine: Machine, bits: int) -> None:
    machine.control = bits
    ccb = machine.ccb
    for lane in (ccb.lane1, ccb.lane2):
        family = lane.registers.mode >> 20 & 0xF
        if bits & 1 or any(bits >> bit & 1 and family == alg for bit, alg in CHA_RESETS.items()):
            lane.end()
    for field, kind, size in _UNLOADS:
        if bits & field.mask:
            pkha = machine.pkha
            ccb.push_output(pkha.store(kind, getattr(pkha, size)))
    if bits & ChaControl.UNLOAD_SBOX.mask:
        ccb.push_output(machine.class1.sbox)
